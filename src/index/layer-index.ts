import type { Compression } from '../codec/compression.js';
import type { Digest } from '../oci/digest.js';
import type { EntryColumns } from './entry-columns.js';

/**
 * Checkpoints of a gzip layer as columns, ascending. Their windows are not here: at about 1 % of a layer's bytes
 * they stay on disk (or in one shared buffer) until a reader resumes at them.
 */
export interface CheckpointColumns {
  length: number;
  inOffsets: Float64Array; // bytes of compressed input
  bits: Uint8Array; // 0 to 7; MEMBER_START: a gzip header stands at inOffset
  outOffsets: Float64Array; // bytes of uncompressed output
  windowStarts: Float64Array; // length + 1 places among all windows; equal places: an empty window
  groupStarts: Float64Array; // of each WINDOW_GROUP windows, deflated together: places in the window section, and its end
  windowCrcs: Uint32Array; // CRC32 of each window: their section is read later than it is checked
}

/**
 * Windows deflated together. To start a deflater costs more than to deflate a window (0.09 ms and 0.04 ms, measured); whoever
 * wants one window inflates all of its group, about 25 KiB.
 */
export const WINDOW_GROUP = 8;

/** In `bits`: not a deflate block but a member begins here. */
export const MEMBER_START = 8;

/** Where the deflated windows are, in the encoded index. */
export interface WindowSection {
  offset: number; // from the start of the encoded index
  length: number;
}

/** Where the windows of a kept index are read from: an open file, or memory when the index could not be kept. */
export type WindowStorage = { fd: number; section: WindowSection } | { memory: SharedArrayBuffer };

/** One layer's table of entries and checkpoints, made in one pass over its blob. */
export interface LayerIndex {
  digest: Digest; // of the compressed bytes
  compression: Compression;
  blobSize: number; // compressed bytes
  tarSize: number; // uncompressed bytes
  entries: EntryColumns;
  checkpoints: CheckpointColumns;
  pageDigests: Uint8Array; // 32 bytes (SHA-256) for each piece of a page of compressed bytes
  warnings: readonly string[]; // what the scan skipped, at most MAX_WARNINGS of them
  windows: WindowSection;
}

/** A hostile layer may deserve a warning an entry. */
export const MAX_WARNINGS = 100;

/** About where in the blob the bytes up to `outOffset` end: as if spans were compressed evenly; Infinity after the last checkpoint. */
export function inputOffsetAt(checkpoints: CheckpointColumns, outOffset: number): number {
  const { inOffsets, outOffsets } = checkpoints;
  const before = checkpointBefore(checkpoints, outOffset);
  if (before === checkpoints.length - 1) return Number.POSITIVE_INFINITY;
  const span = Math.max(1, outOffsets[before + 1]! - outOffsets[before]!); // a damaged index may have one of 0
  const share = (outOffset - outOffsets[before]!) / span;
  return inOffsets[before]! + share * (inOffsets[before + 1]! - inOffsets[before]!);
}

/** The last checkpoint at or before `outOffset` (the first stands at 0). */
export function checkpointBefore(checkpoints: CheckpointColumns, outOffset: number): number {
  let low = 0;
  let high = checkpoints.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (checkpoints.outOffsets[middle]! <= outOffset) low = middle;
    else high = middle - 1;
  }
  return low;
}
