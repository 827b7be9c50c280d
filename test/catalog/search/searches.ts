import { isWanted } from '#src/catalog/search/entry-filter.js';
import type { EntryQuery } from '#src/catalog/search/entry-query.js';
import { globMatcher } from '#src/catalog/search/glob-matcher.js';
import { searchImage } from '#src/catalog/search/search-image.js';
import { SearchTable } from '#src/catalog/search/search-table.js';
import type { SearchedLayer } from '#src/catalog/search/searched-layer.js';
import { shownEntry } from '#src/image/records/entry-record.js';
import { forEachHidden } from '#src/overlay/history/hidden-entries.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { type Stack, walk } from '../../overlay/trees.js';
import { entriesOf } from '../../support/entries.js';

/** Doubles of an image's layers, and the search of them by one merge of all rows. */

export function layersOf(stack: Stack): SearchedLayer[] {
  return stack.map((entries, i) => {
    const table = entriesOf(...entries);
    return { number: i + 1, table: new SearchTable(table, 0, () => table) };
  });
}

export function queryOf(pattern: string, more: Partial<EntryQuery> = {}): EntryQuery {
  return { matcher: globMatcher(pattern, { ignoresCase: false }), filter: {}, hiddenOnly: false, ...more };
}

/** `path kind layer` and what hides it, sorted. */
export async function found(stack: Stack, query: EntryQuery): Promise<string[]> {
  const lines: string[] = [];
  for await (const { path, from, at, layer, hidden } of searchImage(layersOf(stack), query)) {
    lines.push(line(path, layer, shownEntry(from, at), hidden));
  }
  return lines.sort();
}

export function foundByMerge(stack: Stack, { matcher, filter, hiddenOnly }: EntryQuery): string[] {
  const layers = stack.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 }));
  const lines: string[] = [];
  const tree = mergeLayers(layers);
  for (const { path, inode } of hiddenOnly ? [] : walk(tree)) {
    const kind = tree.kind(inode);
    const bytes = Buffer.from(path, 'latin1');
    if (!matcher.matches(bytes, kind === 'dir') || !isWanted(filter, tree, inode)) continue;
    lines.push(line(Buffer.concat([Buffer.from('/'), bytes]), tree.layerOf(inode), shownEntry(tree, inode)));
  }
  forEachHidden(layers, ({ layer, entries, row, names, hiddenBy, how }) => {
    const path = Buffer.from(names.map((name) => Buffer.from(name).toString('latin1')).join('/'), 'latin1');
    const kind = entries.kind(row);
    if (!matcher.matches(path, kind === 'dir') || !isWanted(filter, entries, row)) return;
    const absolute = Buffer.concat([Buffer.from('/'), path]);
    lines.push(line(absolute, layer, shownEntry(entries, row), { hiddenBy, how }));
  });
  return lines.sort();
}

function line(
  path: Uint8Array,
  layer: number,
  { kind, mode, size, mtimeSeconds }: { kind: string; mode: number; size: number; mtimeSeconds: number },
  hidden?: { hiddenBy: number; how: string },
): string {
  const state = hidden ? ` ${hidden.how} in ${hidden.hiddenBy}` : '';
  const shown = `${kind} ${mode.toString(8)} ${size} ${mtimeSeconds}`;
  return `${Buffer.from(path).toString('latin1')} ${shown} layer ${layer}${state}`;
}
