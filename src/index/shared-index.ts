import { type Column, mapColumns, shared } from '../base/columns.js';
import { type Columns, EntryColumns } from './entry-columns.js';
import type { Strings } from './growing.js';
import type { LayerIndex, Verification } from './layer-index.js';

/** An index as a message carries it: its large columns are in memory that threads share. */
export interface GivenLayerIndex {
  index: Omit<LayerIndex, 'entries'>;
  columns: Columns;
}

/** Returns the index with its large columns in shared memory. Those that are not are copied. */
export function sharedIndex({ entries, ...index }: LayerIndex): GivenLayerIndex {
  const { length, paths, links, attributeSets, sparse, ...rows } = entries.columns;
  const { length: sets, xattrs, ...attributes } = attributeSets;
  const columns: Columns = {
    ...mapColumns(rows, inSharedMemory),
    length,
    paths: sharedStrings(paths),
    links: sharedStrings(links),
    attributeSets: { ...mapColumns(attributes, inSharedMemory), length: sets, xattrs: sharedStrings(xattrs) },
    sparse,
  };
  return { index: { ...index, verification: sharedVerification(index.verification) }, columns };
}

/** Returns the index in the thread that was given it. */
export function indexOfGiven({ index, columns }: GivenLayerIndex): LayerIndex {
  return { ...index, entries: new EntryColumns(columns, index.blobSize) };
}

/**
 * Returns the verification with the columns of its chunks in shared memory. A message would copy
 * them to each thread: 72 MB for 10^6 chunks.
 */
export function sharedVerification(verification: Verification): Verification {
  if (verification.kind !== 'chunks') return verification;
  const { length, ...columns } = verification.chunks;
  return { kind: 'chunks', chunks: { length, ...mapColumns(columns, inSharedMemory) } };
}

function sharedStrings({ starts, heap }: Strings): Strings {
  return { starts: inSharedMemory(starts), heap: inSharedMemory(heap) };
}

function inSharedMemory<T extends Column>(column: T): T {
  return column.buffer instanceof SharedArrayBuffer ? column : shared(column);
}
