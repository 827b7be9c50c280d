import { latin1 } from '../../base/text/latin1.js';
import type { EntryTable } from '../../index/entry-table.js';
import { forEachHidden, type HiddenEntry, mergeSeeingHidden } from '../../overlay/history/hidden-entries.js';
import { joinPath } from '../../overlay/resolve-path.js';
import { type NumberedLayer, ROOT_INODE, type Tree } from '../../overlay/tree.js';
import { walkTree } from '../../overlay/walk/walk-tree.js';
import { isWanted } from './entry-filter.js';
import type { EntryQuery } from './entry-query.js';
import { excerptOf } from './excerpt.js';
import { type Candidates, SearchTable } from './search-table.js';
import type { SearchedLayer } from './searched-layer.js';
import { UpperRows } from './upper-rows.js';

export type { SearchedLayer };

/** An entry that a search found. */
export interface FoundEntry {
  path: Uint8Array; // absolute
  from: EntryTable | Tree; // with the attributes
  at: number; // row or inode of `from`
  layer: number; // that the entry comes from
  hidden: Pick<HiddenEntry, 'hiddenBy' | 'how'> | undefined; // undefined: the image shows it
}

export interface ImageSearchOptions {
  signal?: AbortSignal | undefined;
  /** Returns the merged tree of all layers. Default: they are merged. */
  wholeTree?: (() => Promise<Tree>) | undefined;
}

/** As `searchImage`, of layers that are open. */
export function searchLayers(
  layers: readonly NumberedLayer[],
  query: EntryQuery,
  options?: ImageSearchOptions,
): AsyncGenerator<FoundEntry, void, undefined> {
  return searchImage(searchedLayers(layers), query, options);
}

/** Returns open layers for several searches. What one makes of their paths, the next one has. */
export function searchedLayers(layers: readonly NumberedLayer[]): SearchedLayer[] {
  return layers.map(({ number, hidesTableMarkers, entries }) => {
    return { number, hidesTableMarkers, table: new SearchTable(entries, 0, () => entries) };
  });
}

/**
 * Finds entries of an image: what it shows, names sorted, then what upper layers hide, base first.
 * Most rows are what the image shows, or no layer above touches them. Only those that decide about
 * the others are merged, unless they are many.
 * @param layers base first
 * @throws LayerslayerError as mergeLayers; CORRUPT_LAYER; the signal's reason
 */
export async function* searchImage(
  layers: readonly SearchedLayer[],
  query: EntryQuery,
  options: ImageSearchOptions = {},
): AsyncGenerator<FoundEntry, void, undefined> {
  if (!layers.some(({ table }) => table.paths().isCrooked)) {
    const candidates: Candidates[] = [];
    for (const { table } of layers) candidates.push(await table.candidates(query, options.signal));
    const found = searchCandidates(layers, candidates, query);
    if (found) {
      yield* found;
      return;
    }
  }
  yield* searchAll(layers, query, options);
}

/** Above this share of all rows, a merge of all takes less time. */
const SHARE_MAX = 1 / 4;
/** Fewer rows are always worth an excerpt. */
const EXCERPT_MIN = 1000;
/** Fewer entries may always be sorted in memory. */
const SORTED_MIN = 50_000;

/** @returns undefined if all rows should be merged */
function searchCandidates(
  layers: readonly SearchedLayer[],
  candidates: readonly Candidates[],
  query: EntryQuery,
): FoundEntry[] | undefined {
  const rows = layers.reduce((sum, { table }) => sum + table.names.length, 0);
  const total = candidates.reduce((sum, one) => sum + one.rows.length, 0);
  if (!query.hiddenOnly && total > Math.max(SORTED_MIN, rows * SHARE_MAX)) return undefined;
  const upper = new UpperRows(layers);
  const certain: { position: number; row: number }[] = [];
  const uncertain = candidates.map((one, position) => {
    if (query.hiddenOnly)
      return { rows: one.rows.filter((row) => upper.isTouched(position, row)), implied: [] };
    const kept = one.rows.filter((row) => {
      if (upper.isUncertain(position, row)) return true;
      certain.push({ position, row });
      return false;
    });
    return { rows: kept, implied: one.implied };
  });
  if (certain.length === 0 && uncertain.every((one) => one.rows.length + one.implied.length === 0)) return [];
  const excerpt = excerptOf(layers, uncertain, Math.max(EXCERPT_MIN, rows * SHARE_MAX));
  if (!excerpt) return undefined;
  const merged = mergedEntries(excerpt.layers, query, (path) => excerpt.paths.has(latin1(path)));
  const shown = certain.flatMap(({ position, row }) => {
    const { table, number } = layers[position]!;
    const path = table.names.pathHeap.subarray(...table.paths().pathOf(row));
    if (excerpt.paths.has(latin1(path))) return [];
    return { path: joinPath([path]), from: table.entries(), at: row, layer: number, hidden: undefined };
  });
  return [...sorted([...shown, ...merged.shown]), ...merged.hidden];
}

/** Merges all rows. */
async function* searchAll(
  layers: readonly SearchedLayer[],
  query: EntryQuery,
  { signal, wholeTree }: ImageSearchOptions,
): AsyncGenerator<FoundEntry, void, undefined> {
  const all = layers.map(({ table, ...layer }) => ({ ...layer, entries: table.entries() }));
  const hidden: FoundEntry[] = [];
  const visit = (one: HiddenEntry) => hidden.push(...hiddenEntry(one, query));
  let tree: Tree | undefined;
  if (wholeTree && !query.hiddenOnly) {
    tree = await wholeTree();
    if (layers.length > 1) forEachHidden(all, visit);
  } else tree = mergeSeeingHidden(all, visit);
  signal?.throwIfAborted();
  if (!query.hiddenOnly) yield* shownEntries(tree, query);
  yield* hidden;
}

function mergedEntries(
  layers: readonly NumberedLayer[],
  query: EntryQuery,
  isComplete: (path: Uint8Array) => boolean,
): { shown: FoundEntry[]; hidden: FoundEntry[] } {
  const hidden: FoundEntry[] = [];
  if (layers.every(({ entries }) => entries.length === 0)) return { shown: [], hidden };
  const tree = mergeSeeingHidden(layers, (one) => hidden.push(...hiddenEntry(one, query)));
  const isHere = ({ path }: FoundEntry) => isComplete(path.subarray(1));
  const shown = query.hiddenOnly ? [] : [...shownEntries(tree, query)].filter(isHere);
  return { shown, hidden: hidden.filter(isHere) };
}

function* shownEntries(tree: Tree, { matcher, filter }: EntryQuery): Generator<FoundEntry, void, undefined> {
  const root = { inode: ROOT_INODE, names: [] };
  for (const { inode, names } of walkTree(tree, root, { order: 'name' })) {
    if (!isWanted(filter, tree, inode)) continue;
    const path = joinPath(names);
    if (!matcher.matches(path.subarray(1), tree.kind(inode) === 'dir')) continue;
    yield { path, from: tree, at: inode, layer: tree.layerOf(inode), hidden: undefined };
  }
}

/** @returns an entry, or nothing */
function hiddenEntry(
  { layer, entries, row, names, hiddenBy, how }: HiddenEntry,
  { matcher, filter }: EntryQuery,
): FoundEntry[] {
  if (!isWanted(filter, entries, row)) return [];
  const path = joinPath(names);
  if (!matcher.matches(path.subarray(1), entries.kind(row) === 'dir')) return [];
  return [{ path, from: entries, at: row, layer, hidden: { hiddenBy, how } }];
}

/** Sorts as a walk by names does: what is below a directory comes right after it. */
function sorted(entries: FoundEntry[]): FoundEntry[] {
  const keyed = entries.map((entry) => ({ entry, key: latin1(entry.path).replaceAll('/', '\0') }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ entry }) => entry);
}
