import type { EntryTable } from '../../index/entry-table.js';
import { forEachHidden, type HiddenEntry } from '../../overlay/history/hidden-entries.js';
import { mergedOnce } from '../../overlay/open-tree.js';
import { joinPath } from '../../overlay/resolve-path.js';
import { type NumberedLayer, ROOT_INODE, type Tree } from '../../overlay/tree.js';
import { walkTree } from '../../overlay/walk/walk-tree.js';
import { isWanted } from './entry-filter.js';
import type { EntryQuery } from './entry-query.js';
import { excerptOf } from './excerpt.js';
import { hideable } from './hideable.js';
import { SearchTable } from './search-table.js';
import type { SearchedLayer } from './searched-layer.js';

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
  wholeTree?: typeof mergedOnce | undefined;
}

/** As `searchImage`, of layers that are open. */
export function searchLayers(
  layers: readonly NumberedLayer[],
  query: EntryQuery,
  options?: ImageSearchOptions,
): AsyncGenerator<FoundEntry, void, undefined> {
  const searched = layers.map(({ number, hidesTableMarkers, entries }) => {
    return { number, hidesTableMarkers, table: new SearchTable(entries, 0, () => entries) };
  });
  return searchImage(searched, query, options);
}

/**
 * Finds entries of an image: what it shows, names sorted, then what upper layers hide, base first.
 * Merges only the rows that decide about paths that match, unless they are many.
 * @param layers base first
 * @throws LayerslayerError as mergeLayers; CORRUPT_LAYER; the signal's reason
 */
export async function* searchImage(
  layers: readonly SearchedLayer[],
  query: EntryQuery,
  { signal, wholeTree = mergedOnce }: ImageSearchOptions = {},
): AsyncGenerator<FoundEntry, void, undefined> {
  const { merged, paths } = await mergedLayers(layers, query, signal);
  if (merged.length === 0) return;
  const { matcher, filter } = query;
  const isMatch = (path: Uint8Array, isDirectory: boolean) =>
    (!paths || paths.has(latin1(path))) && matcher.matches(path, isDirectory);
  if (!query.hiddenOnly) {
    const tree = await (paths ? mergedOnce(merged, signal) : wholeTree(merged, signal));
    for (const { inode, names } of walkTree(tree, { inode: ROOT_INODE, names: [] }, { order: 'name' })) {
      const path = joinPath(names);
      if (!isWanted(filter, tree, inode) || !isMatch(path.subarray(1), tree.kind(inode) === 'dir')) continue;
      yield { path, from: tree, at: inode, layer: tree.layerOf(inode), hidden: undefined };
    }
  }
  if (merged.length > 1) yield* hiddenEntries(merged, query, isMatch);
}

/**
 * @returns the layers to merge, none if nothing can match; the paths that count, if not all rows
 *   are merged
 */
async function mergedLayers(
  layers: readonly SearchedLayer[],
  query: EntryQuery,
  signal: AbortSignal | undefined,
): Promise<{ merged: readonly NumberedLayer[]; paths?: ReadonlySet<string> }> {
  const all = () => layers.map(({ table, ...layer }) => ({ ...layer, entries: table.entries() }));
  if (layers.some(({ table }) => table.paths().isCrooked)) return { merged: all() };
  const candidates = [];
  for (const { table } of layers) candidates.push(await table.candidates(query, signal));
  const wanted = query.hiddenOnly ? hideable(layers, candidates) : candidates;
  if (wanted.every(({ rows, implied }) => rows.length + implied.length === 0)) return { merged: [] };
  const excerpt = excerptOf(layers, wanted);
  return excerpt ? { merged: excerpt.layers, paths: excerpt.paths } : { merged: all() };
}

/** In columns: a merge can't wait until they are printed. */
function* hiddenEntries(
  layers: readonly NumberedLayer[],
  { filter }: EntryQuery,
  isMatch: (path: Uint8Array, isDirectory: boolean) => boolean,
): Generator<FoundEntry, void, undefined> {
  const found: FoundEntry[] = [];
  forEachHidden(layers, ({ layer, entries, row, names, hiddenBy, how }) => {
    const path = joinPath(names);
    if (!isWanted(filter, entries, row) || !isMatch(path.subarray(1), entries.kind(row) === 'dir')) return;
    found.push({ path, from: entries, at: row, layer, hidden: { hiddenBy, how } });
  });
  yield* found;
}

function latin1(path: Uint8Array): string {
  return Buffer.from(path.buffer, path.byteOffset, path.length).toString('latin1');
}
