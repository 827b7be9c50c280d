import { setImmediate as nextTurn } from 'node:timers/promises';

/** Bytes that are copied without a turn of the event loop: 2 ms. */
const COPIED_AT_ONCE = 8 * 1024 * 1024;

/**
 * Copies of columns in memory that threads share. A message with columns of one thread copies them
 * each time, in the thread that sends it. A copy lasts for as long as a caller holds it.
 */
export class SharedCopies {
  readonly #copies = new WeakMap<object, Promise<object> | WeakRef<object>>();

  /**
   * Returns the copy of columns. Answers other requests while it copies.
   * @param owner of the columns: with the same owner it is the same copy
   */
  async of<T extends object>(owner: object, columns: T): Promise<T> {
    const known = this.#copies.get(owner);
    const copy = known instanceof WeakRef ? known.deref() : known;
    if (copy) return (await copy) as T;
    const copying = sharedCopy(columns);
    this.#copies.set(owner, copying); // atomic: no await since it was looked up
    try {
      const made = await copying;
      this.#copies.set(owner, new WeakRef(made));
      return made;
    } catch (error) {
      this.#copies.delete(owner); // too little memory: the next caller tries again
      throw error;
    }
  }
}

type TypedArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;
type ColumnType = new (memory: SharedArrayBuffer) => TypedArray;

/** Copies an object with its columns and objects. It shares its other values. */
async function sharedCopy<T extends object>(columns: T): Promise<T> {
  const entries: [string, unknown][] = [];
  for (const [name, value] of Object.entries(columns)) {
    if (ArrayBuffer.isView(value)) entries.push([name, await sharedColumn(value as TypedArray)]);
    else entries.push([name, isPlain(value) ? await sharedCopy(value) : value]);
  }
  return Object.fromEntries(entries) as T;
}

async function sharedColumn(column: TypedArray): Promise<TypedArray> {
  if (column.buffer instanceof SharedArrayBuffer) return column;
  const memory = new SharedArrayBuffer(column.byteLength);
  const from = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
  const to = new Uint8Array(memory);
  for (let at = 0; at < from.length; at += COPIED_AT_ONCE) {
    to.set(from.subarray(at, at + COPIED_AT_ONCE), at);
    if (at + COPIED_AT_ONCE < from.length) await nextTurn();
  }
  const Column = Buffer.isBuffer(column) ? Uint8Array : (column.constructor as ColumnType);
  return new Column(memory);
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
