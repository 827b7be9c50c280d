import { LayerslayerError } from '../base/errors.js';
import type { TarEntry } from '../tar/entry.js';
import type { EntryBatch } from './entry-batch.js';
import { EntryColumns } from './entry-columns.js';
import { EntryColumnsBuilder } from './entry-columns-builder.js';
import type { EntryTable } from './entry-table.js';
import { LAYER_LIMITS } from './layer-limits.js';

/**
 * The entries of a pass in another thread, batch by batch. No table budget counts the copies: the
 * pass has counted each row twice, also for the thread that decodes the index at the end.
 */
export class ReceivedEntries {
  readonly #table: EntryColumnsBuilder | undefined;
  #rows = 0;

  /**
   * @param keepsTable keeps all entries for `soFar`
   * @param blobSize compressed bytes of the layer
   */
  constructor(keepsTable: boolean, blobSize: number) {
    if (keepsTable) this.#table = new EntryColumnsBuilder(LAYER_LIMITS, undefined, blobSize);
  }

  /** Passes the entries of the next batch on, one by one, as the tar scan found them. */
  receive(batch: EntryBatch, onEntry: (entry: TarEntry, row: number) => void): void {
    const columns = new EntryColumns(batch);
    for (let row = 0; row < columns.length; row++) {
      const entry = entryAt(columns, row);
      this.#table?.add(entry);
      onEntry(entry, this.#rows++);
    }
  }

  /** Returns the entries passed on so far. */
  soFar(): EntryTable {
    if (!this.#table) throw new LayerslayerError('INTERNAL', 'the entries of this scan are not kept');
    return this.#table.finish();
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
