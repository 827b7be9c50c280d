/** Numbers of rows. */
export type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;

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
  // Node warns users of `new Buffer`.
  const type = Buffer.isBuffer(column) ? Uint8Array : column.constructor;
  const copy = new (type as new (memory: ArrayBufferLike) => T)(memory);
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
