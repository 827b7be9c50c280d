import { crc32, deflateRawSync, type ZlibOptions } from 'node:zlib';

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export interface HeaderFields {
  text?: boolean;
  extra?: Uint8Array;
  name?: string | undefined;
  comment?: string;
  headerCrc?: boolean | number; // true: the right one
  reserved?: number; // flag bits 0xe0
  method?: number;
}

/** A gzip header (RFC 1952, 2.3). */
export function header(fields: HeaderFields = {}): Uint8Array {
  const { text, extra, name, comment, headerCrc, reserved = 0, method = 8 } = fields;
  const flags =
    (text ? 1 : 0) |
    (headerCrc !== undefined ? 2 : 0) |
    (extra !== undefined ? 4 : 0) |
    (name !== undefined ? 8 : 0) |
    (comment !== undefined ? 16 : 0) |
    reserved;
  const parts: Uint8Array[] = [new Uint8Array([0x1f, 0x8b, method, flags, 1, 2, 3, 4, 0, 255])];
  if (extra !== undefined) parts.push(new Uint8Array([extra.length & 255, extra.length >> 8]), extra);
  if (name !== undefined) parts.push(Buffer.from(`${name}\0`, 'latin1'));
  if (comment !== undefined) parts.push(Buffer.from(`${comment}\0`, 'latin1'));
  if (headerCrc !== undefined) {
    const crc = headerCrc === true ? crc32(concat(...parts)) & 0xffff : Number(headerCrc);
    parts.push(new Uint8Array([crc & 255, crc >> 8]));
  }
  return concat(...parts);
}

/** CRC32 and size of `data`, as a member ends. */
export function trailer(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, crc32(data), true);
  view.setUint32(4, data.length % 2 ** 32, true);
  return bytes;
}

/** A member that inflates to `data`. */
export function member(data: Uint8Array, fields: HeaderFields = {}, options: ZlibOptions = {}): Uint8Array {
  return concat(header(fields), deflateRawSync(data, options), trailer(data));
}
