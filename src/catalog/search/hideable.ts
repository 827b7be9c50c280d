import { hashOf, ROOT_DIRECTORY } from './layer-paths.js';
import type { Candidates, SearchTable } from './search-table.js';
import type { SearchedLayer } from './searched-layer.js';

const SLASH = 0x2f;
const PREFIX_LENGTH = '.wh.'.length;
/** Other names that begin so hide nothing. (rule O6) */
const AUFS = Buffer.from('.wh..wh.');
const OPAQUE = Buffer.from('.wh..wh..opq');

/**
 * Returns those of the candidates that an upper layer may hide or replace. Most rows of an image
 * are not hidden: a merge of all is not needed to say so.
 * @param layers base first; none is crooked
 */
export function hideable(layers: readonly SearchedLayer[], candidates: readonly Candidates[]): Candidates[] {
  const upper = new UpperPaths();
  const kept: Candidates[] = [];
  for (let position = layers.length - 1; position >= 0; position--) {
    const { table } = layers[position]!;
    // A directory that no row names is no entry that could be hidden.
    kept[position] = { rows: upper.hideable(table, candidates[position]!.rows), implied: [] };
    if (position > 0) upper.add(table);
  }
  return kept;
}

/** What the layers above say of paths, by hash. Other paths may have the same. */
class UpperPaths {
  /** Of what markers hide, and of rows that are no directories: what is below is hidden too. */
  readonly #taken = new Set<number>();
  readonly #directories = new Set<number>();
  #takesAll = false;

  add(table: SearchTable): void {
    const { names } = table;
    const paths = table.paths();
    const markers = new Set(paths.markers);
    for (const row of markers) this.#addMarker(table, row);
    for (let row = 0; row < names.length; row++) {
      if (markers.has(row)) continue;
      const isDirectory = names.kind(row) === 'dir';
      (isDirectory ? this.#directories : this.#taken).add(paths.rowHashes[row]!);
    }
    for (const hash of paths.directoryHashes) this.#directories.add(hash);
  }

  #addMarker(table: SearchTable, row: number): void {
    const heap = table.names.pathHeap;
    const paths = table.paths();
    const [start, end] = paths.pathOf(row);
    const from = heap.subarray(0, end).lastIndexOf(SLASH) + 1;
    const name = heap.subarray(Math.max(from, start), end);
    const directory = paths.rowDirectories[row]!;
    const hash = paths.directoryHashes[directory]!;
    if (OPAQUE.equals(name)) {
      if (directory === ROOT_DIRECTORY) this.#takesAll = true;
      else this.#taken.add(hash);
    } else if (!AUFS.equals(name.subarray(0, AUFS.length))) {
      this.#taken.add(hashOf(hash, name, PREFIX_LENGTH, name.length));
    }
  }

  /** @param rows ascending */
  hideable(table: SearchTable, rows: readonly number[]): readonly number[] {
    if (this.#takesAll) return rows;
    if (rows.length === 0 || (this.#taken.size === 0 && this.#directories.size === 0)) return [];
    const { names } = table;
    const { rowHashes, rowDirectories, directoryHashes, directoryParents } = table.paths();
    const isTaken = new Uint8Array(directoryHashes.length);
    for (let directory = 1; directory < isTaken.length; directory++) {
      const above = isTaken[directoryParents[directory]!]!;
      isTaken[directory] = above === 1 || this.#taken.has(directoryHashes[directory]!) ? 1 : 0;
    }
    return rows.filter((row) => {
      const hash = rowHashes[row]!;
      if (isTaken[rowDirectories[row]!] === 1 || this.#taken.has(hash)) return true;
      return names.kind(row) !== 'dir' && this.#directories.has(hash);
    });
  }
}
