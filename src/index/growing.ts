import { grown, shared } from '../base/columns.js';
import { LayerslayerError } from '../base/errors.js';
import { garbageMade } from '../base/process/garbage.js';

const FIRST_BYTES = 16 * 1024;
const FIRST_STRINGS = 1024;

/** Byte strings end to end: string `i` is `[starts[i], starts[i + 1])` of the heap. */
export interface Strings {
  starts: Uint32Array;
  heap: Uint8Array;
}

/** Collects byte strings; grows by doubling. */
export class GrowingStrings {
  readonly #what: string;
  readonly #limit: number;
  #heap: Uint8Array = new Uint8Array(FIRST_BYTES);
  #starts: Uint32Array = new Uint32Array(FIRST_STRINGS);
  #length = 0;

  /**
   * @param what names the content in the error: `paths`
   * @param limit bytes, below 2^32: offsets in the heap have 32 bits
   * @param isShared in memory that threads share
   */
  constructor(what: string, limit: number, isShared = false) {
    this.#what = what;
    this.#limit = limit;
    if (!isShared) return;
    this.#heap = shared(this.#heap);
    this.#starts = shared(this.#starts);
  }

  /** @throws LayerslayerError UNSUPPORTED past the limit */
  append(bytes: Uint8Array): void {
    const start = this.#starts[this.#length]!;
    const end = start + bytes.length;
    if (end > this.#limit) throw tooLong(this.#what, this.#limit);
    if (end > this.#heap.length) {
      this.#heap = grown(this.#heap, Math.max(end, this.#heap.length * 2));
      garbageMade(start);
    }
    this.#heap.set(bytes, start);
    this.#length++;
    if (this.#length === this.#starts.length) this.#starts = grown(this.#starts, this.#length * 2);
    this.#starts[this.#length] = end;
  }

  /** Returns the appended strings: views that later appends do not change. */
  finish(): Strings {
    const end = this.#starts[this.#length];
    return { starts: this.#starts.subarray(0, this.#length + 1), heap: this.#heap.subarray(0, end) };
  }
}

/** @param limit bytes */
export function tooLong(what: string, limit: number): LayerslayerError {
  return new LayerslayerError(
    'UNSUPPORTED',
    `the layer's ${what} are longer than the limit of ${limit} bytes`,
  );
}
