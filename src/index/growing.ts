import { LayerslayerError } from '../base/errors.js';
import { garbageMade } from '../base/process/garbage.js';

const FIRST_BYTES = 16 * 1024;
const FIRST_STRINGS = 1024;

export type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** Returns a copy of a column with room for `capacity` values, shared with threads if it is. */
export function grown<T extends Column>(column: T, capacity: number): T {
  return copied(column, capacity, column.buffer instanceof SharedArrayBuffer);
}

/** Returns a copy of a column in memory that threads share. */
export function shared<T extends Column>(column: T): T {
  return copied(column, column.length, true);
}

function copied<T extends Column>(column: T, capacity: number, isShared: boolean): T {
  const bytes = capacity * column.BYTES_PER_ELEMENT;
  const memory = isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  const copy = new (column.constructor as new (memory: ArrayBufferLike) => T)(memory);
  copy.set(column);
  return copy;
}

/** Returns a copy of the object with each of its columns changed. */
export function mapColumns<T extends Record<keyof T, Column>>(
  columns: T,
  change: (column: Column) => Column,
): T {
  const changed: Record<string, Column> = { ...columns };
  for (const name in changed) changed[name] = change(changed[name]!);
  return changed as T;
}

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
