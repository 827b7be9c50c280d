import type { Digest } from '../oci/digest.js';
import type { CheckpointColumns } from './checkpoints.js';
import type { EntryColumns } from './entry-columns.js';

/** One layer's entries, checkpoints and digests. All that a mount knows of the layer. */
export interface LayerIndex {
  digest: Digest; // of the compressed bytes
  codec: string; // name of the blob's codec
  blobSize: number; // compressed bytes
  tarSize: number; // uncompressed bytes
  entries: EntryColumns;
  checkpoints: CheckpointColumns;
  verification: Verification;
  warnings: readonly string[]; // what the scan skipped, at most MAX_WARNINGS of them
  states: { offset: number; length: number }; // where the deflated states are in the encoded index
}

/**
 * How a reader verifies bytes of the layer. Our pass makes block digests; other providers bring the
 * digests that they publish. So far only blocks are read and written.
 */
export type Verification =
  /** SHA-256 of each `blockSize` compressed bytes, 32 bytes a digest. */
  | { kind: 'blocks'; blockSize: number; digests: Uint8Array }
  /** SHA-256 of the compressed bytes between two checkpoints. (SOCI) */
  | { kind: 'spans'; digests: Uint8Array }
  /** Of uncompressed chunks. (eStargz, zstd:chunked) */
  | { kind: 'chunks'; chunks: ChunkColumns };

/**
 * Where entries' data lies in a layer with a table of contents: an entry has one chunk or several.
 * Each chunk starts a gzip member or zstd frame. Ascending by row, then by offset.
 */
export interface ChunkColumns {
  length: number;
  rows: Uint32Array; // of the entry
  fileOffsets: Float64Array; // in the entry's data
  sizes: Float64Array; // uncompressed bytes
  inOffsets: Float64Array; // compressed bytes before it
  digests: Uint8Array; // SHA-256 of the uncompressed bytes, 32 bytes a digest
}

/** A hostile layer may deserve a warning an entry. */
export const MAX_WARNINGS = 100;
