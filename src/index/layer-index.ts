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
 * digests that they publish.
 */
export type Verification =
  /** SHA-256 of each `blockSize` compressed bytes, 32 bytes a digest. */
  | { kind: 'blocks'; blockSize: number; digests: Uint8Array }
  /**
   * SHA-256 of the compressed bytes from each checkpoint to the next, 32 bytes a span. A span
   * begins a byte earlier if its checkpoint shares that byte. (SOCI)
   */
  | { kind: 'spans'; digests: Uint8Array }
  /** Of uncompressed chunks. (eStargz, zstd:chunked) */
  | { kind: 'chunks'; chunks: ChunkColumns };

/** Uncompressed bytes of a chunk at most (64 MiB). A table with a longer one is not used. */
export const MAX_CHUNK_SIZE = 64 * 1024 * 1024;

/**
 * Chunks of a layer with a table of contents: slices of files, by their position in the (virtual)
 * tar. Bytes that no chunk covers are zeros. Ascending by `outOffsets`, not overlapping.
 */
export interface ChunkColumns {
  length: number;
  outOffsets: Float64Array; // of the first byte in the (virtual) tar
  sizes: Float64Array; // uncompressed bytes, 1 to MAX_CHUNK_SIZE
  inOffsets: Float64Array; // first compressed byte of the member or frame that the chunk is in
  inEnds: Float64Array; // compressed bytes end before this
  innerOffsets: Float64Array; // uncompressed bytes between the start at inOffset and the chunk
  /**
   * SHA-256 of the uncompressed bytes, 32 bytes a chunk. All zeros, with inOffset and inEnd 0: a
   * hole, whose bytes are zeros.
   */
  digests: Uint8Array;
}

/** A hostile layer may deserve a warning an entry. */
export const MAX_WARNINGS = 100;
