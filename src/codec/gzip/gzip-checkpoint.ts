import { LayerslayerError } from '../../base/errors.js';
import type { Checkpoint } from '../codec.js';
import { DEFLATE_WINDOW_SIZE } from './inflate-engine.js';

/**
 * A place in a gzip blob from which inflating can start (zran's access point). Before it the
 * decoder has consumed `inOffset` whole bytes, except for the high `bits` bits of the byte at
 * `inOffset - 1`, which come first. (zran.c: `in`, `bits`, `out`, `window`.)
 */
export interface GzipCheckpoint {
  inOffset: number; // bytes of compressed input, of the whole blob
  bits: number; // 0 to 7 unused high bits of the byte before inOffset
  outOffset: number; // bytes of uncompressed output, of the whole blob
  /**
   * The bytes of the 32 KiB before outOffset that matches after it read: each once, in the order of
   * their first use. Empty at a member's start.
   */
  window: Uint8Array;
  memberStart: boolean; // true: a gzip header stands at inOffset (bits is 0); false: a block header
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
