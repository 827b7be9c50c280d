import { LayerslayerError } from '../../base/errors.js';
import type { Checkpoint } from '../codec.js';
import { WINDOW_MAX } from './frame-header.js';

/** A position in a zstd blob at which decoding can start: a frame, or between two blocks. */
export interface ZstdCheckpoint {
  inOffset: number; // of a frame's magic number or a block's header, in the whole blob
  outOffset: number; // bytes of uncompressed output, of the whole blob
  /** What is needed inside a frame; undefined: a frame starts here, also a skippable one. */
  frame?: ResumedFrame;
}

export interface ResumedFrame {
  window: number; // how far matches may reach, in bytes
  hasChecksum: boolean;
  /**
   * Bytes of output for which the window bytes are enough. 0: for the rest of the frame, as a whole
   * window or the frame ends before the next checkpoint.
   */
  holds: number;
  tables: Uint8Array; // repeat offsets and the descriptions of the four tables (descriptions.ts)
  /** Bytes of the window that matches in `holds` bytes of output read, in order of first use. */
  windowBytes: Uint8Array;
}

/** Bytes before the tables: flags, window (4), holds (4), length of the tables (2). */
const HEAD_SIZE = 11;
const CHECKSUM_FLAG = 1;

/** Repeat offsets, and four tables that are not there. The longest: 128 bytes a table. */
const TABLES_MIN = 12 + 4 * 2;
const TABLES_MAX = 12 + 4 * (2 + 128);

/**
 * Most window bytes of a checkpoint. A window of 8 MiB always fits; of a larger one a span rarely
 * reads so much. A checkpoint that needs more is not made.
 */
export const STATE_ROOM = 8 * 1024 * 1024;

/** Its state: nothing at a frame's start, else the head, tables and window bytes. */
export function packCheckpoint({ inOffset, outOffset, frame }: ZstdCheckpoint): Checkpoint {
  if (!frame) return { inOffset, outOffset, state: new Uint8Array(0) };
  const { window, hasChecksum, holds, tables, windowBytes } = frame;
  const state = new Uint8Array(HEAD_SIZE + tables.length + windowBytes.length);
  const head = new DataView(state.buffer, 0, HEAD_SIZE);
  head.setUint8(0, hasChecksum ? CHECKSUM_FLAG : 0);
  head.setUint32(1, window, true);
  head.setUint32(5, holds, true);
  head.setUint16(9, tables.length, true);
  state.set(tables, HEAD_SIZE);
  state.set(windowBytes, HEAD_SIZE + tables.length);
  return { inOffset, outOffset, state };
}

/** @throws LayerslayerError CORRUPT_LAYER for a state that `packCheckpoint` never returns */
export function unpackCheckpoint({ inOffset, outOffset, state }: Checkpoint): ZstdCheckpoint {
  if (state.length === 0) return { inOffset, outOffset };
  if (state.length < HEAD_SIZE + TABLES_MIN) throw damaged(state);
  const head = new DataView(state.buffer, state.byteOffset, HEAD_SIZE);
  const flags = head.getUint8(0);
  const window = head.getUint32(1, true);
  const holds = head.getUint32(5, true);
  const tablesEnd = HEAD_SIZE + head.getUint16(9, true);
  const tables = state.subarray(HEAD_SIZE, tablesEnd);
  const windowBytes = state.subarray(tablesEnd);
  const isWrong =
    flags > CHECKSUM_FLAG ||
    window > WINDOW_MAX ||
    tables.length < TABLES_MIN ||
    tables.length > TABLES_MAX ||
    tablesEnd > state.length ||
    windowBytes.length > Math.min(window, STATE_ROOM);
  if (isWrong) throw damaged(state);
  return {
    inOffset,
    outOffset,
    frame: { window, hasChecksum: flags === CHECKSUM_FLAG, holds, tables, windowBytes },
  };
}

function damaged(state: Uint8Array): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `not a zstd checkpoint: ${state.length} bytes`);
}
