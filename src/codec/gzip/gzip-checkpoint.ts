import { LayerslayerError } from '../../base/errors.js';
import type { Checkpoint } from '../codec.js';
import { DEFLATE_WINDOW_SIZE } from './inflate-engine.js';

/** A position in a gzip blob at which inflating can start. (zran.c: an access point) */
export interface GzipCheckpoint {
  inOffset: number; // bytes of compressed input, of the whole blob
  bits: number; // 0 to 7 high bits of the byte before inOffset, which come first
  outOffset: number; // bytes of uncompressed output, of the whole blob
  /** Bytes of the 32 KiB before outOffset that later matches read, in the order of first use. */
  window: Uint8Array;
  memberStart: boolean; // a gzip header is at inOffset, without bits or window; else a block header
}

/** Its state: nothing at a member's start, else one byte for `bits`, then the window. */
export function packCheckpoint(checkpoint: GzipCheckpoint): Checkpoint {
  const { inOffset, bits, outOffset, window, memberStart } = checkpoint;
  const state = new Uint8Array(memberStart ? 0 : 1 + window.length);
  if (!memberStart) {
    state[0] = bits;
    state.set(window, 1);
  }
  return { inOffset, outOffset, state };
}

/** @throws LayerslayerError CORRUPT_LAYER for a state that `packCheckpoint` never returns */
export function unpackCheckpoint({ inOffset, outOffset, state }: Checkpoint): GzipCheckpoint {
  const [bits = 0] = state;
  if (bits > 7 || state.length > 1 + DEFLATE_WINDOW_SIZE) {
    throw new LayerslayerError('CORRUPT_LAYER', `not a gzip checkpoint: ${state.length} bytes, ${bits} bits`);
  }
  return { inOffset, bits, outOffset, window: state.subarray(1), memberStart: state.length === 0 };
}
