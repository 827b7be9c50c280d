import type { Digest } from '../oci/digest.js';
import type { CheckpointColumns } from './checkpoints.js';
import type { EntryColumns } from './entry-columns.js';

/** One layer's table of entries and checkpoints, made in one pass over its blob. */
export interface LayerIndex {
  digest: Digest; // of the compressed bytes
  codec: string; // name of the blob's codec
  blobSize: number; // compressed bytes
  tarSize: number; // uncompressed bytes
  entries: EntryColumns;
  checkpoints: CheckpointColumns;
  pageDigests: Uint8Array; // 32 bytes (SHA-256) for each block of compressed bytes
  warnings: readonly string[]; // what the scan skipped, at most MAX_WARNINGS of them
  states: { offset: number; length: number }; // where the deflated states are in the encoded index
}

/** A hostile layer may deserve a warning an entry. */
export const MAX_WARNINGS = 100;
