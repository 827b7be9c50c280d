import { LayerslayerError } from '../base/errors.js';
import { garbageMade } from '../base/garbage.js';

const FIRST_CAPACITY = 16 * 1024;

export type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** Returns a copy of a column with room for `capacity` values. */
export function grown<T extends Column>(column: T, capacity: number): T {
  const larger = new (column.constructor as new (length: number) => T)(capacity);
  larger.set(column);
  return larger;
}

/** Returns an object with each of the columns changed. */
export function mapColumns<T extends Record<keyof T, Column>>(
  columns: T,
  change: (column: Column) => Column,
): T {
  const changed = Object.entries<Column>(columns).map(([name, column]) => [name, change(column)]);
  return Object.fromEntries(changed) as T;
}

/** Byte strings appended end to end; grows by doubling. */
export class ByteHeap {
  readonly #what: string;
  readonly #limit: number;
  #bytes = new Uint8Array(FIRST_CAPACITY);
  #length = 0;

  /**
   * @param what names the content in the error: `paths`
   * @param limit bytes, below 2^32: offsets in the heap have 32 bits
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
    if (end > this.#bytes.length) {
      this.#bytes = grown(this.#bytes, Math.max(end, this.#bytes.length * 2));
      garbageMade(this.#length);
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
    return end;
  }

  /** Returns the appended bytes: a view that later appends do not change. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** @param limit bytes */
export function tooLong(what: string, limit: number): LayerslayerError {
  return new LayerslayerError(
    'UNSUPPORTED',
    `the layer's ${what} are longer than the limit of ${limit} bytes`,
  );
}
