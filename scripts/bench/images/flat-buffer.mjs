/**
 * Writes a FlatBuffer, by its description: tables before what they point to. A value is one of
 * `{ table: [value or undefined, …] }` (by field), `{ list: [value, …] }` (of tables or strings),
 * `{ bytes }` (a string or byte vector), `{ long }`, `{ uint }`, `{ byte }`.
 */
export function flatBuffer(root) {
  const parts = [Buffer.alloc(4)];
  let length = 4;
  const put = (bytes) => {
    parts.push(bytes);
    length += bytes.length;
    return length - bytes.length;
  };
  const write = (value) => {
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
    return writeTable(value.table);
  };
  const writeTable = (values) => {
    const places = Buffer.alloc(4 + 2 * values.length);
    const fields = [];
    let size = 4;
    for (const [i, value] of values.entries()) {
      if (value === undefined) continue;
      places.writeUInt16LE(size, 4 + 2 * i);
      fields.push({ at: size, value });
      size += 'long' in value ? 8 : 'byte' in value ? 1 : 4;
    }
    places.writeUInt16LE(places.length, 0);
    places.writeUInt16LE(size, 2);
    const table = Buffer.alloc(size);
    const placesAt = put(places);
    const at = put(table);
    table.writeInt32LE(at - placesAt, 0);
    for (const { at: field, value } of fields) {
      if ('long' in value) table.writeBigInt64LE(value.long, field);
      else if ('uint' in value) table.writeUInt32LE(value.uint, field);
      else if ('byte' in value) table.writeUInt8(value.byte, field);
      else table.writeUInt32LE(write(value) - at - field, field);
    }
    return at;
  };
  parts[0].writeUInt32LE(write(root));
  return Buffer.concat(parts);
}
