import type { Digest } from '../oci/digest.js';
import type { EntryColumns } from './entry-columns.js';
import type { CheckpointColumns } from './states/checkpoints.js';
import type { RemoteStates } from './states/remote-states.js';

/** One layer's entries, checkpoints and digests. All that a mount knows of the layer. */
export interface LayerIndex {
  digest: Digest; // of the compressed bytes
  fingerprint: number; // CRC32 of the header and the section table: other contents have another
  codec: string; // name of the blob's codec
  blobSize: number; // compressed bytes
  tarSize: number; // uncompressed bytes
  entries: EntryColumns;
  checkpoints: CheckpointColumns;
  verification: Verification;
  warnings: readonly string[]; // what the scan skipped, at most MAX_WARNINGS of them
  states: { offset: number; length: number }; // where the deflated states are in the encoded index
  /** Where they are if the encoded index has none. */
  remoteStates?: RemoteStates;
  /** They are a cached file of their own, of so many bytes. It may be gone. */
  detachedStates?: { length: number };
}

/**
 * How a reader verifies bytes of the layer. Our pass makes block digests. Other providers bring the
 * digests that they publish.
 */
export type Verification =
  /** SHA-256 of each `blockSize` compressed bytes, 32 bytes a digest. */
  | { kind: 'blocks'; blockSize: number; digests: Uint8Array }
  /**
   * SHA-256 of the compressed bytes of each span, 32 bytes a digest, one a checkpoint. A span ends
   * where the next one's inOffset is, or with the blob. It begins one byte before its inOffset if
   * its checkpoint shares that byte. (SOCI)
   */
  | { kind: 'spans'; digests: Uint8Array }
  /** Of uncompressed chunks. The index has no checkpoints. (eStargz, zstd:chunked) */
  | { kind: 'chunks'; chunks: ChunkColumns };

/**
 * Where the files' bytes are in a layer with a table of contents. A chunk lies in one file, and in
 * one stretch of compressed bytes that starts a gzip member or zstd frame.
 *
 * `outOffsets` are of the uncompressed tar, as are those of entries. An index from a table has a
 * virtual tar: each entry has a header of 512 bytes, and content padded to 512. Large files are
 * aligned to the units of reading (`TocRows`). Bytes outside chunks are zeros, which no reader asks
 * for.
 *
 * Ascending by outOffset, without overlap.
 */
export interface ChunkColumns {
  length: number;
  outOffsets: Float64Array; // of the first byte in the tar
  sizes: Float64Array; // uncompressed bytes, 1 to MAX_CHUNK_SIZE
  inOffsets: Float64Array; // of the member or frame that the chunk's bytes are in
  inEnds: Float64Array; // its compressed bytes end before this; 0: a hole, all bytes are zeros
  innerOffsets: Float64Array; // uncompressed bytes between inOffset and the chunk
  digests: Uint8Array; // SHA-256 of the uncompressed bytes, 32 bytes a digest; zeros for a hole
}

/** Bytes. A reader holds a whole chunk until its digest is checked. */
export const MAX_CHUNK_SIZE = 64 * 1024 ** 2;

/** A hostile layer may deserve a warning an entry. */
export const MAX_WARNINGS = 100;
