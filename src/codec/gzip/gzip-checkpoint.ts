import { LayerslayerError } from '../../base/errors.js';
import type { Checkpoint } from '../codec.js';
import { DEFLATE_WINDOW_SIZE } from './inflate-engine.js';

/** A position in a gzip blob at which inflating can start. (zran.c: an access point) */
export interface GzipCheckpoint {
  inOffset: number; // bytes of compressed input, of the whole blob
  bits: number; // 0 to 7 high bits of the byte before inOffset, which come first
  outOffset: number; // bytes of uncompressed output, of the whole blob
  /**
   * Bytes of the 32 KiB before outOffset that later matches read, in the order of first use. If it
   * is dense: all of them, end to end, up to outOffset.
   */
  window: Uint8Array;
  isDense: boolean;
  memberStart: boolean; // a gzip header is at inOffset, without bits or window; else a block header
}

/** Marks a dense window, in the byte of `bits`. */
const DENSE = 0x80;

/** Its state: nothing at a member's start, else one byte for `bits`, then the window. */
export function packCheckpoint(checkpoint: GzipCheckpoint): Checkpoint {
  const { inOffset, bits, outOffset, window, isDense, memberStart } = checkpoint;
  const state = new Uint8Array(memberStart ? 0 : 1 + window.length);
  if (!memberStart) {
    state[0] = bits | (isDense ? DENSE : 0);
    state.set(window, 1);
  }
  return { inOffset, outOffset, state };
}

/** @throws LayerslayerError CORRUPT_LAYER for a state that `packCheckpoint` never returns */
export function unpackCheckpoint({ inOffset, outOffset, state }: Checkpoint): GzipCheckpoint {
  const [flags = 0] = state;
  const isDense = (flags & DENSE) !== 0;
  const bits = flags & ~DENSE;
  const window = state.subarray(1);
  if (bits > 7 || window.length > DEFLATE_WINDOW_SIZE) {
    throw new LayerslayerError('CORRUPT_LAYER', `not a gzip checkpoint: ${state.length} bytes, ${bits} bits`);
  }
  return { inOffset, bits, outOffset, window, isDense, memberStart: state.length === 0 };
}
