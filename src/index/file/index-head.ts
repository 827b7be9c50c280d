import { crc32 } from 'node:zlib';
import { LayerslayerError } from '../../base/errors.js';
import { LAYER_INDEX_VERSION } from '../entry-table.js';

// The header and the section table of an index file: FORMAT.md.

export const MAGIC = Buffer.from('\x89LSI\r\n\x1a\n', 'latin1');
export const HEADER_LENGTH = 128;
export const CRC_OFFSET = 124;
export const TABLE_ROW_LENGTH = 32;
const MAX_SECTIONS = 1000; // bounds what a damaged header has read

const MUST_UNDERSTAND = 1;
export const DEFLATED = 2;
export const CHECKED_IN_PARTS = 4;

/** Sections that this version writes, in this order: id and flags. */
export const SECTIONS = {
  entries: [1, MUST_UNDERSTAND | DEFLATED],
  paths: [2, MUST_UNDERSTAND | DEFLATED],
  links: [3, MUST_UNDERSTAND | DEFLATED],
  attributes: [4, MUST_UNDERSTAND | DEFLATED],
  xattrs: [5, MUST_UNDERSTAND | DEFLATED],
  sparse: [6, MUST_UNDERSTAND | DEFLATED],
  checkpoints: [7, DEFLATED],
  stateDigests: [12, 0], // they do not compress
  chunks: [11, MUST_UNDERSTAND | DEFLATED],
  digests: [9, 0], // they do not compress
  warnings: [10, DEFLATED],
  remoteStates: [13, MUST_UNDERSTAND], // instead of states
  detachedStates: [14, MUST_UNDERSTAND], // instead of states
  states: [8, CHECKED_IN_PARTS], // last: the others are read when a layer is opened
} as const;
export type SectionName = keyof typeof SECTIONS;

export const SECTION_NAMES = Object.keys(SECTIONS) as SectionName[];

/** A row of the section table. */
export interface Section {
  crc: number;
  flags: number;
  offset: number;
  length: number; // as stored
  size: number; // uncompressed
}

/** Returns `length` bytes at `offset` of an encoded index. Throws if there are fewer. */
export type ReadIndexBytes = (offset: number, length: number) => Uint8Array;

/** Writes a row of the section table. @param size uncompressed bytes; default: as stored */
export function writeRow(
  head: Buffer,
  at: number,
  { id, flags, crc, offset, length, size = length }: Omit<Section, 'size'> & { id: number; size?: number },
): void {
  head.writeUInt16LE(id, at);
  head.writeUInt16LE(flags, at + 2);
  head.writeUInt32LE(crc, at + 4);
  writeSize(head, offset, at + 8);
  writeSize(head, length, at + 16);
  writeSize(head, size, at + 24);
}

/** Reads and checks the header and the section table. */
export function readHead(read: ReadIndexBytes): { head: Buffer; sections: Map<number, Section> } {
  const start = Buffer.from(read(0, HEADER_LENGTH));
  if (!start.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged('magic');
  const version = start.readUInt32LE(8);
  if (version !== LAYER_INDEX_VERSION) throw damaged('version');
  const count = start.readUInt32LE(12);
  if (count > MAX_SECTIONS) throw damaged('number of sections');
  const head = Buffer.concat([start, read(HEADER_LENGTH, count * TABLE_ROW_LENGTH)]);
  if (head.readUInt32LE(CRC_OFFSET) !== headCrc(head)) throw damaged('header');
  const known = new Set<number>(SECTION_NAMES.map((name) => SECTIONS[name][0]));
  const sections = new Map<number, Section>();
  for (let at = HEADER_LENGTH; at < head.length; at += TABLE_ROW_LENGTH) {
    const id = head.readUInt16LE(at);
    const flags = head.readUInt16LE(at + 2);
    if (known.has(id)) {
      sections.set(id, {
        crc: head.readUInt32LE(at + 4),
        flags,
        offset: readSize(head, at + 8),
        length: readSize(head, at + 16),
        size: readSize(head, at + 24),
      });
    } else if (flags & MUST_UNDERSTAND) {
      throw damaged(`section ${id}`);
    }
  }
  return { head, sections };
}

/** @param encoded an index file, or its start */
export function fingerprintOf(encoded: Uint8Array): number {
  return new DataView(encoded.buffer, encoded.byteOffset).getUint32(CRC_OFFSET, true);
}

export function headCrc(head: Buffer): number {
  return crc32(head.subarray(HEADER_LENGTH), crc32(head.subarray(0, CRC_OFFSET)));
}

export function writeSize(into: Buffer, size: number, at: number): void {
  into.writeBigUInt64LE(BigInt(size), at);
}

export function readSize(from: Buffer, at: number): number {
  const size = Number(from.readBigUInt64LE(at));
  if (!Number.isSafeInteger(size)) throw damaged('a size');
  return size;
}

export function damaged(what: string): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `layer index: ${what} is not as written`);
}
