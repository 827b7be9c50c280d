import type { TarEntry } from '../../tar/entry.js';
import { type Columns, EntryColumns, type SparseMap } from '../entry-columns.js';

export type { EntryColumns } from '../entry-columns.js';

/**
 * The entries of a pass that another thread runs. They are read where that thread writes them: a
 * layer of 10^6 entries is in memory once.
 */
export class SharedEntries {
  readonly #blobSize: number;
  readonly #sparse = new Map<number, SparseMap>();
  #columns: Columns | undefined; // as they came last
  #passed = 0; // rows

  /** @param blobSize compressed bytes of the layer */
  constructor(blobSize: number) {
    this.#blobSize = blobSize;
  }

  /**
   * Passes on the entries that were added since the columns came last.
   * @param columns of the pass, from `EntryColumnsBuilder.share`
   */
  receive(columns: Columns, onEntry: (entry: TarEntry, row: number) => void): void {
    this.#columns = columns;
    for (const [row, map] of columns.sparse) this.#sparse.set(row, map);
    const table = new EntryColumns({ ...columns, sparse: this.#sparse });
    while (this.#passed < table.length) {
      const row = this.#passed++;
      onEntry(entryAt(table, row), row);
    }
  }

  /** Returns the entries passed on so far, if `receive` was called. */
  soFar(): EntryColumns | undefined {
    const columns = this.#columns;
    if (!columns) return undefined;
    const length = this.#passed;
    const { starts, heap } = columns.paths;
    const paths = { starts, heap: heap.subarray(0, starts[length]) };
    return new EntryColumns({ ...columns, length, paths, sparse: this.#sparse }, this.#blobSize);
  }
}

function entryAt(table: EntryColumns, row: number): TarEntry {
  return {
    kind: table.kind(row),
    path: table.pathHeap.subarray(table.pathStart(row), table.pathEnd(row)),
    linkTarget: table.linkTarget(row),
    mode: table.mode(row),
    uid: table.uid(row),
    gid: table.gid(row),
    size: table.size(row),
    mtimeSeconds: table.mtimeSeconds(row),
    mtimeNanoseconds: table.mtimeNanoseconds(row),
    deviceMajor: table.deviceMajor(row),
    deviceMinor: table.deviceMinor(row),
    xattrs: table.xattrs(row),
    dataOffset: table.dataOffset(row),
    storedSize: table.storedSize(row),
    sparse: segmentsOf(table.sparse(row)),
  };
}

function segmentsOf(pairs: Float64Array | undefined): TarEntry['sparse'] {
  if (!pairs) return undefined;
  return Array.from({ length: pairs.length / 2 }, (_, i) => ({
    offset: pairs[2 * i]!,
    length: pairs[2 * i + 1]!,
  }));
}
