import { latin1 } from '../../base/text/latin1.js';
import type { NameTable } from '../../index/entry-table.js';
import { MARKER_PREFIX, MarkerReader } from './markers.js';
import { nonDirectoriesAbove } from './parents.js';
import { PlainPath } from './plain-path.js';
import { RowSearch } from './row-search.js';

/** What a directory has under a name. */
export interface ListedName {
  name: Uint8Array;
  kind: 'dir' | 'symlink' | 'other';
  target: Uint8Array; // of a symlink; else empty
}

/** Which names are wanted. */
export interface NameQuery {
  prefix: Uint8Array;
  isExact?: boolean; // the prefix is the whole name
  limit: number; // maximum names; the rest is left out
}

const SLASH = 0x2f;
const NOTHING = new Uint8Array(0);

/**
 * Returns names in a directory of the merged tree, without a merge: one search of the tables from
 * the top, which allocates for wanted names only. Completion has no time for a merge, which takes
 * 0.15 s for 30,000 entries (measured).
 *
 * It follows rules O1 to O4. It does not place entries below a symlink of their own layer (rule
 * O5), nor clean names as `a//b` (rule O6): those are not listed.
 * @param layers base first
 * @param directory a path without symlinks and `.`, without slashes at its ends; empty: the root
 */
export function namesIn(layers: readonly NameTable[], directory: Uint8Array, query: NameQuery): ListedName[] {
  const listed = new Map<string, ListedName>();
  const decided = new Set<string>(); // names that an upper layer has or hides
  for (const layer of layers.toReversed()) {
    for (const [key, one] of layerNames(layer, directory, query)) {
      if (!decided.has(key) && listed.size < query.limit) listed.set(key, one);
      decided.add(key);
    }
    if (hidesLower(layer, directory, decided)) break;
  }
  return [...listed.values()];
}

/** Returns a layer's own names, by the name as latin1. */
function layerNames(layer: NameTable, directory: Uint8Array, query: NameQuery): Map<string, ListedName> {
  const names = new Map<string, ListedName>();
  const start = directory.length === 0 ? NOTHING : Buffer.concat([directory, Buffer.of(SLASH)]);
  const path = new PlainPath(layer.pathHeap);
  let last: ListedName | undefined;
  for (const row of new RowSearch(layer).rowsWith(Buffer.concat([start, query.prefix]))) {
    path.read(layer.pathStart(row), layer.pathEnd(row));
    const from = path.start + start.length;
    // Archives list a directory together: 100 rows of one name are one name.
    if (last?.kind === 'dir' && path.hasComponent(last.name, from)) continue;
    if (path.relationTo(directory) !== 'below') continue;
    last = addName(names, layer, row, path, from, query);
  }
  return names;
}

/**
 * Adds the first component below the directory, if it is wanted.
 * @param start of the component
 * @returns what was added
 */
function addName(
  names: Map<string, ListedName>,
  layer: NameTable,
  row: number,
  path: PlainPath,
  start: number,
  { prefix, isExact = false, limit }: NameQuery,
): ListedName | undefined {
  const { heap, end } = path;
  for (let i = 0; i < prefix.length; i++) if (heap[start + i] !== prefix[i]) return undefined;
  let nameEnd = start + prefix.length;
  while (nameEnd < end && heap[nameEnd] !== SLASH) nameEnd++;
  if (isExact && nameEnd - start !== prefix.length) return undefined;
  const key = path.text(start, nameEnd);
  const known = names.get(key);
  const isImplied = nameEnd < end;
  if (isImplied && known !== undefined && known.kind !== 'other') return known;
  if (!known && names.size >= limit) return undefined;
  if (path.text(start, end).split('/').some(isMarker)) return undefined;
  const kind = isImplied ? 'dir' : kindOf(layer, row);
  const name = heap.subarray(start, nameEnd);
  const listed = { name, kind, target: kind === 'symlink' ? layer.linkTarget(row) : NOTHING } as const;
  names.set(key, listed);
  return listed;
}

/** Markers are never visible, and create no parents. (rules O2 and O6) */
function isMarker(component: string): boolean {
  return component.startsWith(MARKER_PREFIX);
}

/**
 * Reads what a layer hides of lower ones.
 * @param decided receives the names that it hides
 * @returns whether nothing that lower layers have in the directory is visible
 */
function hidesLower(layer: NameTable, directory: Uint8Array, decided: Set<string>): boolean {
  let isHidden = !nonDirectoriesAbove(layer, directory).next().done;
  const markers = new MarkerReader(directory);
  const path = new PlainPath(layer.pathHeap);
  for (const row of new RowSearch(layer).rowsWith(Buffer.from(MARKER_PREFIX))) {
    path.read(layer.pathStart(row), layer.pathEnd(row));
    const marker = markers.read(path);
    if (marker?.kind === 'hides-directory') isHidden = true;
    if (marker?.kind === 'hides-name') decided.add(latin1(marker.name));
  }
  return isHidden;
}

function kindOf(layer: NameTable, row: number): ListedName['kind'] {
  const kind = layer.kind(row);
  return kind === 'dir' || kind === 'symlink' ? kind : 'other';
}
