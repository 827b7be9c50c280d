import { constants, crc32, deflateRawSync, type ZlibOptions } from 'node:zlib';

/**
 * Returns one gzip member with any header (RFC 1952, 2.3). Its length and checksum are right unless
 * given.
 */
export interface MemberHeader {
  flags?: number; // else by the fields below
  text?: boolean;
  time?: number;
  extra?: Uint8Array;
  name?: string;
  comment?: string;
  headerCrc?: boolean | number; // a number: a wrong one
  crc?: number;
  size?: number;
  deflate?: ZlibOptions;
  method?: number;
}

const FTEXT = 1;
const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;

export function gzipMember(content: Uint8Array, header: MemberHeader = {}): Buffer {
  const { text, time = 0, extra, name, comment, headerCrc, deflate, method = 8 } = header;
  const set: [boolean, number][] = [
    [text === true, FTEXT],
    [headerCrc !== undefined && headerCrc !== false, FHCRC],
    [extra !== undefined, FEXTRA],
    [name !== undefined, FNAME],
    [comment !== undefined, FCOMMENT],
  ];
  const flags = header.flags ?? set.reduce((sum, [on, flag]) => sum | (on ? flag : 0), 0);
  const fixed = Buffer.from([0x1f, 0x8b, method, flags, 0, 0, 0, 0, 0, 255]);
  fixed.writeUInt32LE(time, 4);
  const parts: Buffer[] = [fixed];
  if (extra !== undefined) parts.push(littleEndian(extra.length, 2), Buffer.from(extra));
  if (name !== undefined) parts.push(Buffer.from(`${name}\0`, 'latin1'));
  if (comment !== undefined) parts.push(Buffer.from(`${comment}\0`, 'latin1'));
  if (headerCrc === true) parts.push(littleEndian(crc32(Buffer.concat(parts)) & 0xffff, 2));
  else if (typeof headerCrc === 'number') parts.push(littleEndian(headerCrc, 2));
  parts.push(deflateRawSync(content, deflate ?? {}));
  parts.push(littleEndian(header.crc ?? crc32(content), 4), littleEndian(header.size ?? content.length, 4));
  return Buffer.concat(parts);
}

/** Many members, each of so many bytes of the content. */
export function gzipMembers(content: Buffer, pieceSize: number, header: MemberHeader = {}): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < content.length; at += pieceSize) {
    pieces.push(gzipMember(content.subarray(at, at + pieceSize), header));
  }
  return Buffer.concat(pieces);
}

export const STRATEGIES: Record<string, ZlibOptions> = {
  stored: { level: 0 },
  fixed: { strategy: constants.Z_FIXED },
  'Huffman only': { strategy: constants.Z_HUFFMAN_ONLY },
  'run lengths': { strategy: constants.Z_RLE },
  fastest: { level: 1 },
  best: { level: 9, memLevel: 9 },
  'small windows': { windowBits: 9, memLevel: 1 },
};

function littleEndian(value: number, width: number): Buffer {
  const out = Buffer.alloc(width);
  out.writeUIntLE(value >>> 0, 0, width);
  return out;
}
