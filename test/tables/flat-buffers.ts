/** A FlatBuffer, written by its description: tables before what they point to. */
export type FlatValue =
  | { table: readonly (FlatValue | undefined)[] } // by field
  | { long: bigint }
  | { uint: number }
  | { byte: number }
  | { bytes: Uint8Array } // a string or byte vector
  | { list: readonly FlatValue[] } // of tables or strings
  | { last: FlatValue }; // written once, at the end, however often the same object is pointed to

const SIZES = { long: 8, uint: 4, byte: 1 } as const;

export function flatBuffer(root: FlatValue): Buffer {
  const parts: Buffer[] = [Buffer.alloc(4)];
  let length = 4;
  const put = (bytes: Buffer): number => {
    parts.push(bytes);
    length += bytes.length;
    return length - bytes.length;
  };
  /** Pointers to values at the end: what patches them, by the value. */
  const last = new Map<FlatValue, ((at: number) => void)[]>();
  const write = (value: FlatValue): number => {
    if ('bytes' in value) {
      const head = Buffer.alloc(4);
      head.writeUInt32LE(value.bytes.length);
      return put(Buffer.concat([head, value.bytes]));
    }
    if ('list' in value) {
      const vector = Buffer.alloc(4 + 4 * value.list.length);
      vector.writeUInt32LE(value.list.length);
      const at = put(vector);
      for (const [i, item] of value.list.entries())
        vector.writeUInt32LE(write(item) - at - 4 - 4 * i, 4 + 4 * i);
      return at;
    }
    if (!('table' in value)) throw new Error('a number stands in a table');
    const places = Buffer.alloc(4 + 2 * value.table.length);
    const fields: { at: number; value: FlatValue }[] = [];
    let size = 4;
    for (const [i, field] of value.table.entries()) {
      if (field === undefined) continue;
      places.writeUInt16LE(size, 4 + 2 * i);
      fields.push({ at: size, value: field });
      size += 'long' in field ? SIZES.long : 'byte' in field ? SIZES.byte : SIZES.uint;
    }
    places.writeUInt16LE(places.length, 0);
    places.writeUInt16LE(size, 2);
    const table = Buffer.alloc(size);
    const placesAt = put(places);
    const at = put(table);
    table.writeInt32LE(at - placesAt, 0);
    for (const { at: field, value: content } of fields) {
      if ('long' in content) table.writeBigInt64LE(content.long, field);
      else if ('uint' in content) table.writeUInt32LE(content.uint, field);
      else if ('byte' in content) table.writeUInt8(content.byte, field);
      else if ('last' in content) {
        const patches = last.get(content.last) ?? [];
        last.set(content.last, [...patches, (to) => table.writeUInt32LE(to - at - field, field)]);
      } else table.writeUInt32LE(write(content) - at - field, field);
    }
    return at;
  };
  parts[0]!.writeUInt32LE(write(root));
  for (const [value, patches] of last) {
    const at = write(value);
    for (const patch of patches) patch(at);
  }
  return Buffer.concat(parts);
}
