import { LayerslayerError } from '../base/errors.js';

/**
 * Sparse windows before they are deflated: words of four bytes, as runs of zero words and runs of others. Nine bytes in ten
 * are zeros, and a deflater looks at each of them.
 *
 *     packed window = { zero words (u16) | other words (u16) | the other words }, until all words are there
 *
 * Numbers are little-endian, as all machines are that Node runs on with wasm SIMD.
 */

const WORD = 4;
/** A run ends at so many zero words: its head is as long as one word. */
const LEAST_ZERO_RUN = 2;
const HEAD_LENGTH = 4;
/** Of a window, 32 KiB: a length of 8192 words fits into 16 bits. */
const MAX_WORDS = 32768 / WORD;
/** A head for each LEAST_ZERO_RUN + 1 words at the worst. */
const MAX_PACKED_WORDS = Math.ceil(MAX_WORDS / (LEAST_ZERO_RUN + 1)) + 2 + MAX_WORDS;
/** Bytes. */
export const MAX_PACKED_LENGTH = MAX_PACKED_WORDS * WORD;

/** Packs windows, one after the other, in the same memory. */
export class WindowPacker {
  readonly #words = new Int32Array(MAX_WORDS + LEAST_ZERO_RUN);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  readonly #packed = new Int32Array(MAX_PACKED_WORDS);
  readonly #packedBytes = new Uint8Array(this.#packed.buffer);

  /**
   * @param window 32 KiB at most
   * @returns a view that holds until the next call
   */
  pack(window: Uint8Array): Uint8Array {
    const words = this.#words;
    const packed = this.#packed;
    const count = Math.ceil(window.length / WORD);
    this.#bytes.set(window);
    // The last word may have bytes of no window, and a run is looked for past the end: both are zeros.
    this.#bytes.fill(0, window.length, (count + LEAST_ZERO_RUN) * WORD);
    let length = 0;
    for (let at = 0; at < count; ) {
      const zerosFrom = at;
      while (at < count && words[at] === 0) at++;
      const head = length++;
      const from = at;
      // Word by word: most runs are too short to be worth a call.
      while (at < count && (words[at] !== 0 || words[at + 1] !== 0)) packed[length++] = words[at++]!;
      packed[head] = (from - zerosFrom) | ((at - from) << 16);
    }
    return this.#packedBytes.subarray(0, length * WORD);
  }
}

/**
 * @param size bytes of the window
 * @throws LayerslayerError CORRUPT_LAYER when that is not what was packed
 */
export function unpackWindow(packed: Uint8Array, size: number): Uint8Array {
  const words = Math.ceil(size / WORD);
  const window = new Uint8Array(words * WORD);
  let at = 0;
  for (let next = 0; next < packed.length; ) {
    const zeros = packed[next]! | (packed[next + 1]! << 8);
    const others = packed[next + 2]! | (packed[next + 3]! << 8);
    const start = next + HEAD_LENGTH;
    next = start + others * WORD;
    at += zeros;
    if (next > packed.length || at + others > words) throw damaged(size);
    window.set(packed.subarray(start, next), at * WORD);
    at += others;
  }
  if (at !== words) throw damaged(size);
  return window.subarray(0, size);
}

function damaged(size: number): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `layer index: not a packed window of ${size} bytes`);
}
