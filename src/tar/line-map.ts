import { corruptTar } from './corrupt.js';
import { BLOCK_SIZE } from './header.js';
import type { MapBlocks } from './sparse-map.js';

const NEWLINE = 0x0a;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/**
 * The sparse map of PAX 1.0: lines of decimals before the data, first the count of pairs, padded to
 * a whole block. Parsed as they pass; only the numbers are stored.
 */
export class LineMap implements MapBlocks {
  readonly inData = true;
  readonly #pairs: number[];
  readonly #offset: number;
  #count: number | undefined; // of pairs, once its line was read
  #number = 0;
  #digits = 0; // of the current line

  /** @param pairs to append to */
  constructor(pairs: number[], offset: number) {
    this.#pairs = pairs;
    this.#offset = offset;
  }

  readBlock(block: Uint8Array, at: number): boolean {
    for (let i = at; i < at + BLOCK_SIZE; i++) {
      const byte = block[i]!;
      if (byte >= DIGIT_0 && byte <= DIGIT_9) {
        this.#number = this.#number * 10 + (byte - DIGIT_0);
        this.#digits++;
      } else if (byte === NEWLINE && this.#digits > 0) {
        if (this.#endLine()) return false; // the rest is padding
      } else {
        throw corruptTar(this.#offset, 'the sparse map before the data is not lines of decimals');
      }
    }
    return true;
  }

  /** Returns whether it was the last line. */
  #endLine(): boolean {
    if (this.#count === undefined) this.#count = this.#number;
    else this.#pairs.push(this.#number);
    this.#number = 0;
    this.#digits = 0;
    return this.#pairs.length >= 2 * this.#count;
  }
}
