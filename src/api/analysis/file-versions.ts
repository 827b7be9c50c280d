import { cleanNames } from '../../image/paths/asked-path.js';
import type { EntryTable } from '../../index/entry-table.js';
import type { PathVersion } from '../../overlay/history/path-versions.js';
import { joinPath, splitPath } from '../../overlay/resolve-path.js';
import { type HiddenColumns, hiddenNodeAt, NO_NODE } from './hidden-columns.js';

/** What the versions of a file are made of. */
export interface VersionSources {
  tables: ReadonlyMap<number, EntryTable>; // by number of the layer
  hidden: HiddenColumns; // of the same layers
  /** What the merged tree has at the path. */
  live: { layer: number; row: number } | undefined;
}

/** An entry at a path, from one layer to another one. */
interface Interval {
  layer: number;
  row: number;
  hiddenBy: number; // Infinity: the image shows it
}

/**
 * Returns the versions of a path from what is hidden there, without a merge: as `pathVersions`.
 * @param names from the root
 * @returns undefined if only a merge can tell: for directories, whose attributes change without a
 *   trace, and for hard links, whose inodes are older than their names
 */
export function fileVersions(
  { tables, hidden, live }: VersionSources,
  names: readonly Uint8Array[],
): PathVersion[] | undefined {
  const node = hiddenNodeAt(hidden, names);
  const intervals: Interval[] = [];
  if (live) intervals.push({ ...live, hiddenBy: Number.POSITIVE_INFINITY });
  if (node !== NO_NODE) {
    if (hidden.childStarts[node]! < hidden.childEnds[node]!) return undefined; // was a directory
    for (let at = hidden.versionStarts[node]!; at < hidden.versionStarts[node + 1]!; at++)
      intervals.push({ layer: hidden.layers[at]!, row: hidden.rows[at]!, hiddenBy: hidden.hiders[at]! });
  }
  const last = names.at(-1);
  if (last && [...tables.values()].some((table) => linkNames(table).has(nameText(last)))) return undefined;
  const path = joinPath(names);
  if (!intervals.every((one) => isNamedThere(tables.get(one.layer), one.row, path))) return undefined;
  intervals.sort((a, b) => a.layer - b.layer);
  const versions: PathVersion[] = [];
  for (const [i, { layer, row, hiddenBy }] of intervals.entries()) {
    versions.push({ layer, entry: { layer, row } });
    const isReplaced = intervals[i + 1]?.layer === hiddenBy;
    if (!isReplaced && hiddenBy !== Number.POSITIVE_INFINITY)
      versions.push({ layer: hiddenBy, entry: undefined });
  }
  return versions;
}

const links = new WeakMap<EntryTable, ReadonlySet<string>>();

/** Returns the last names of a layer's hard links. */
function linkNames(table: EntryTable): ReadonlySet<string> {
  let names = links.get(table);
  if (names) return names;
  const found = new Set<string>();
  for (let row = 0; row < table.length; row++) {
    if (table.kind(row) !== 'hardlink') continue;
    const raw = table.pathHeap.subarray(table.pathStart(row), table.pathEnd(row));
    found.add(nameText(cleanNames(splitPath(raw)).at(-1) ?? new Uint8Array(0)));
  }
  names = found;
  links.set(table, names);
  return names;
}

function nameText(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1');
}

/** Returns whether a row is no directory, and has this very path. */
function isNamedThere(table: EntryTable | undefined, row: number, path: Uint8Array): boolean {
  if (!table || row < 0 || table.kind(row) === 'dir') return false;
  const raw = table.pathHeap.subarray(table.pathStart(row), table.pathEnd(row));
  return joinPath(cleanNames(splitPath(raw))).equals(path);
}
