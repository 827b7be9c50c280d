import { signal } from '@preact/signals';
import { arriveAt, paneState, restorePane } from './panes.js';
import { decodeRaw, encodeRaw } from './raw-path.js';

/** What the page shows: all of it is in the URL. */
export interface Place {
  image: string; // a reference; empty: the start
  view: View;
  path: string; // in the image, see raw-path.ts
  platform?: string | undefined;
  layer?: number | undefined; // one layer's own tree; undefined: the merged one
  deleted?: boolean | undefined; // hidden entries are shown
  sort?: 'name' | 'size' | undefined;
  file?: FileView | undefined; // how a file is shown
  other?: string | undefined; // the image to compare with
  find?: string | undefined; // the pattern
  size?: string | undefined; // of what is found, as of the command: `+10M`
  mode?: string | undefined;
  kind?: string | undefined;
  only?: 'deleted' | undefined; // finds nothing that the image shows
}

export type View = 'tree' | 'treemap' | 'hidden' | 'find' | 'compare';
export type FileView = 'text' | 'hex' | 'picture' | 'history';

const VIEWS: readonly View[] = ['tree', 'treemap', 'hidden', 'find', 'compare'];

/** Where the page is. Change it with `go`. */
export const place = signal<Place>(parsePlace(location.pathname, location.search));

/** Goes to another place: a new entry of the history, unless `replace`. */
export function go(change: Partial<Place>, { replace = false } = {}): void {
  const next = { ...place.value, ...change };
  const url = formatPlace(next);
  if (url === location.pathname + location.search) return;
  if (replace) history.replaceState(paneState(), '', url);
  else history.pushState(paneState(), '', url);
  place.value = next;
}

/** Follows back and forward. Called once. */
export function followHistory(): void {
  // A link that says how a file is shown leads to a file.
  const arrive = () => {
    if (place.peek().file !== undefined) arriveAt({ isDirectory: false });
  };
  arrive();
  addEventListener('popstate', ({ state }) => {
    restorePane(state);
    place.value = parsePlace(location.pathname, location.search);
    arrive();
  });
}

/** `/i/<reference>/~/<view>/<path>?…`: `~` cannot stand in a repository's name. */
export function formatPlace({ image, view, path, ...more }: Place): string {
  if (image === '') return '/';
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(more)) {
    if (value !== undefined && value !== false && value !== '')
      query.set(name, value === true ? '1' : String(value));
  }
  const search = query.size === 0 ? '' : `?${query}`;
  return `/i/${encodeRaw(image)}/~/${view}${encodeRaw(path)}${search}`;
}

export function parsePlace(pathname: string, search: string): Place {
  const [, image, view = 'tree', path = '/'] = /^\/i\/(.+?)\/~(?:\/(\w+)(\/.*)?)?$/s.exec(pathname) ?? [];
  if (image === undefined) {
    const bare = /^\/i\/(.+)$/s.exec(pathname)?.[1];
    return { image: bare === undefined ? '' : decodeRaw(bare), view: 'tree', path: '/' };
  }
  const query = new URLSearchParams(search);
  const text = (name: string) => query.get(name) ?? undefined;
  const layer = Number(query.get('layer'));
  return {
    image: decodeRaw(image),
    view: VIEWS.find((one) => one === view) ?? 'tree',
    path: decodeRaw(path),
    platform: text('platform'),
    layer: Number.isInteger(layer) && layer > 0 ? layer : undefined,
    deleted: query.has('deleted') || undefined,
    sort: text('sort') === 'size' ? 'size' : undefined,
    file: (['text', 'hex', 'picture', 'history'] as const).find((one) => one === query.get('file')),
    other: text('other'),
    find: text('find'),
    size: text('size'),
    mode: text('mode'),
    kind: text('kind'),
    only: text('only') === 'deleted' ? 'deleted' : undefined,
  };
}
