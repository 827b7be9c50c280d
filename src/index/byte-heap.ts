import { LayerslayerError } from '../base/errors.js';
import { garbageMade } from '../base/garbage.js';

const FIRST_CAPACITY = 16 * 1024;

/** Byte strings appended end to end; grows by doubling. */
export class ByteHeap {
  readonly #what: string;
  readonly #limit: number;
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #length = 0;

  /**
   * @param what names the content in the error: `paths`
   * @param limit bytes, below 2^32: places in the heap are kept in 32 bits
   */
  constructor(what: string, limit: number) {
    this.#what = what;
    this.#limit = limit;
  }

  /**
   * @returns the length of the heap afterwards
   * @throws LayerslayerError UNSUPPORTED past the limit
   */
  append(bytes: Uint8Array): number {
    const end = this.#length + bytes.length;
    if (end > this.#limit) throw tooLong(this.#what, this.#limit);
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
    return end;
  }

  /** Returns the appended bytes: a view that later appends do not change. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(atLeast: number): void {
    const larger = new Uint8Array(Math.max(atLeast, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
    garbageMade(this.#length);
  }
}

/** @param limit bytes */
export function tooLong(what: string, limit: number): LayerslayerError {
  return new LayerslayerError(
    'UNSUPPORTED',
    `the layer's ${what} are longer than the limit of ${limit} bytes`,
  );
}
