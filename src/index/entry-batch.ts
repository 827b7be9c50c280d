import type { TarEntry } from '../tar/entry.js';
import type { Columns } from './entry-columns.js';
import { EntryColumnsBuilder } from './entry-columns-builder.js';
import { LAYER_LIMITS } from './layer-limits.js';

/** Some entries of a pass on their way to another thread. */
export type EntryBatch = Columns;

/** Collects the entries of a pass for another thread, a batch at a time. */
export class EntryBatches {
  #builder: EntryColumnsBuilder | undefined;

  /** Copies the entry. */
  add(entry: TarEntry): void {
    this.#builder ??= new EntryColumnsBuilder(LAYER_LIMITS);
    this.#builder.add(entry);
  }

  /** Returns the entries since the last call, if there are any. Their buffers may be moved. */
  take(): EntryBatch | undefined {
    const batch = this.#builder?.finish().columns;
    this.#builder = undefined;
    return batch;
  }
}

/** Returns the buffers of the batch: sent along, they are moved, not cloned. */
export function buffersOf(batch: EntryBatch): ArrayBuffer[] {
  const { length, paths, links, attributeSets, sparse, ...rows } = batch;
  const { length: sets, xattrs, ...attributes } = attributeSets;
  const columns = [rows, paths, links, attributes, xattrs].flatMap((group) => Object.values(group));
  const segments = [...sparse.values()].map((map) => map.segments);
  return [...columns, ...segments].map((column) => column.buffer as ArrayBuffer);
}
