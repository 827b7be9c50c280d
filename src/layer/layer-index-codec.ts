import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { LayerslayerError } from '../base/errors.js';
import { parseDigest } from '../oci/digest.js';
import {
  type AttributeSet,
  type Columns,
  EntryColumns,
  MAX_ENTRIES,
  type SparseMap,
} from './entry-columns.js';
import { packIntegers, unpackIntegers } from './integer-planes.js';
import type { CheckpointColumns, Compression, LayerIndex } from './layer-index.js';

/**
 * The layer index as one file:
 *
 *     magic, version (u32 each) | header length (u32) | SHA-256 of header and tables | header | tables | windows
 *
 * The header is JSON (sizes, counts, attribute sets, where each table is); a table is a deflated run of integer columns
 * or of names, used as it is when inflated. The windows come last and are deflated one by one, so that a reader takes
 * one with a single positioned read; their CRC32s are among the tables. Any damage is CORRUPT_LAYER: the index is
 * thrown away and made again.
 */

const MAGIC = 0x5849534c; // "LSIX"
/** Raised with every change of the format; also part of the path that an index is kept under. */
export const LAYER_INDEX_VERSION = 1;
const CHECKSUM_OFFSET = 12;
const HEADER_OFFSET = CHECKSUM_OFFSET + 32;
/** zlib's default: 5.9 bytes a path of /usr, level 9 saves 0.2 of them for three times the time (measured). */
const DEFLATE_LEVEL = 6;
/** More than 10^7 entries need; bounds what a damaged length field can ask for. */
const MAX_HEADER_LENGTH = 256 * 1024 * 1024;

const TABLE_NAMES = ['entries', 'paths', 'links', 'checkpoints', 'pages'] as const;
type TableName = (typeof TABLE_NAMES)[number];

interface Header {
  digest: string;
  compression: Compression;
  blobSize: number;
  tarSize: number;
  entries: number;
  checkpoints: number;
  attributeSets: [
    mode: number,
    uid: number,
    gid: number,
    major: number,
    minor: number,
    ...xattrs: string[],
  ][];
  sparse: [row: number, storedSize: number, segments: number[]][];
  warnings: readonly string[];
  tables: Record<TableName, { stored: number; size: number }>;
  windows: number; // bytes
}

/** A layer index and its deflated windows, end to end, as the index pass leaves them. */
export function encodeLayerIndex(index: Omit<LayerIndex, 'windows'>, windows: Uint8Array): Uint8Array {
  const { columns } = index.entries;
  const tables: Record<TableName, Uint8Array> = {
    entries: concat([
      columns.kinds,
      packIntegers(columns.attributes, columns.length),
      packIntegers(columns.sizes, columns.length),
      packIntegers(columns.mtimeSeconds, columns.length),
      packIntegers(columns.mtimeNanoseconds, columns.length),
      packIntegers(dataOffsetSurprises(columns), columns.length),
      packIntegers(lengths(columns.pathStarts, columns.length), columns.length),
      packIntegers(lengths(columns.linkStarts, columns.length), columns.length),
    ]),
    paths: columns.pathHeap,
    links: columns.linkHeap,
    checkpoints: encodeCheckpoints(index.checkpoints),
    pages: index.pageDigests,
  };
  const stored = TABLE_NAMES.map((name) =>
    // Digests don't deflate.
    name === 'pages' ? tables[name] : deflateRawSync(tables[name], { level: DEFLATE_LEVEL }),
  );
  const header: Header = {
    digest: index.digest,
    compression: index.compression,
    blobSize: index.blobSize,
    tarSize: index.tarSize,
    entries: columns.length,
    checkpoints: index.checkpoints.length,
    attributeSets: columns.attributeSets.map((set) => [
      set.mode,
      set.uid,
      set.gid,
      set.deviceMajor,
      set.deviceMinor,
      ...set.xattrs.flatMap(({ name, value }) => [base64(name), base64(value)]),
    ]),
    sparse: [...columns.sparse].map(([row, map]) => [row, map.storedSize, [...map.segments]]),
    warnings: index.warnings,
    tables: Object.fromEntries(
      TABLE_NAMES.map((name, i) => [name, { stored: stored[i]!.length, size: tables[name].length }]),
    ) as Header['tables'],
    windows: windows.length,
  };
  const headerBytes = Buffer.from(JSON.stringify(header));
  const checksum = createHash('sha256').update(headerBytes);
  for (const bytes of stored) checksum.update(bytes);
  const prefix = Buffer.alloc(HEADER_OFFSET);
  prefix.writeUInt32LE(MAGIC, 0);
  prefix.writeUInt32LE(LAYER_INDEX_VERSION, 4);
  prefix.writeUInt32LE(headerBytes.length, 8);
  checksum.digest().copy(prefix, CHECKSUM_OFFSET);
  return concat([prefix, headerBytes, ...stored, windows]);
}

/** Bytes of an encoded index, wherever it is kept. Throws when there are not `length` bytes at `offset`. */
export type ReadIndexBytes = (offset: number, length: number) => Uint8Array;

/**
 * Reads everything but the windows.
 * @throws LayerslayerError CORRUPT_LAYER for any damage, another version, or what `read` threw
 */
export function decodeLayerIndex(read: ReadIndexBytes): LayerIndex {
  const prefix = Buffer.from(read(0, HEADER_OFFSET));
  const headerLength = prefix.readUInt32LE(8);
  if (prefix.readUInt32LE(0) !== MAGIC || prefix.readUInt32LE(4) !== LAYER_INDEX_VERSION)
    throw damaged('magic');
  if (headerLength > MAX_HEADER_LENGTH) throw damaged('header length');
  const headerBytes = read(HEADER_OFFSET, headerLength);
  const header = parseHeader(headerBytes);
  const checksum = createHash('sha256').update(headerBytes);
  const tables = {} as Record<TableName, Uint8Array>;
  let offset = HEADER_OFFSET + headerLength;
  const stored = TABLE_NAMES.map((name) => {
    const bytes = read(offset, header.tables[name].stored);
    checksum.update(bytes);
    offset += bytes.length;
    return bytes;
  });
  if (!checksum.digest().equals(prefix.subarray(CHECKSUM_OFFSET))) throw damaged('checksum');
  // Checked: from here on the bytes are those that encodeLayerIndex wrote.
  for (const [i, name] of TABLE_NAMES.entries()) {
    tables[name] =
      name === 'pages'
        ? stored[i]!
        : inflateRawSync(stored[i]!, { maxOutputLength: header.tables[name].size + 1 });
  }
  return {
    digest: parseDigest(header.digest),
    compression: header.compression,
    blobSize: header.blobSize,
    tarSize: header.tarSize,
    entries: new EntryColumns(decodeColumns(header, tables)),
    checkpoints: decodeCheckpoints(tables.checkpoints, header.checkpoints),
    pageDigests: tables.pages,
    warnings: header.warnings,
    windows: { offset, length: header.windows },
  };
}

function parseHeader(bytes: Uint8Array): Header {
  try {
    const header = JSON.parse(Buffer.from(bytes).toString('utf8')) as Header;
    const counts = [
      header.entries,
      header.checkpoints,
      ...TABLE_NAMES.flatMap((name) => Object.values(header.tables[name])),
    ];
    if (counts.every((count) => Number.isSafeInteger(count) && count >= 0) && header.entries <= MAX_ENTRIES)
      return header;
  } catch {
    // Not JSON, or not our shape: the checksum would have said so a moment later.
  }
  throw damaged('header');
}

function decodeColumns(header: Header, tables: Record<TableName, Uint8Array>): Columns {
  const length = header.entries;
  const packed = tables.entries;
  const columns: Columns = {
    length,
    kinds: packed.slice(0, length),
    attributes: new Uint32Array(length),
    sizes: new Float64Array(length),
    mtimeSeconds: new Float64Array(length),
    mtimeNanoseconds: new Uint32Array(length),
    dataOffsets: new Float64Array(length),
    pathStarts: new Uint32Array(length + 1),
    pathHeap: tables.paths,
    linkStarts: new Uint32Array(length + 1),
    linkHeap: tables.links,
    attributeSets: header.attributeSets.map(decodeAttributeSet),
    sparse: new Map<number, SparseMap>(
      header.sparse.map(([row, storedSize, segments]) => [
        row,
        { storedSize, segments: Float64Array.from(segments) },
      ]),
    ),
  };
  let at = unpackIntegers(packed, length, columns.attributes);
  at = unpackIntegers(packed, at, columns.sizes);
  at = unpackIntegers(packed, at, columns.mtimeSeconds);
  at = unpackIntegers(packed, at, columns.mtimeNanoseconds);
  at = unpackIntegers(packed, at, columns.dataOffsets);
  at = unpackIntegers(packed, at, columns.pathStarts.subarray(1));
  unpackIntegers(packed, at, columns.linkStarts.subarray(1));
  for (let row = 0; row < length; row++) {
    columns.pathStarts[row + 1]! += columns.pathStarts[row]!;
    columns.linkStarts[row + 1]! += columns.linkStarts[row]!;
  }
  let expected = 0;
  for (let row = 0; row < length; row++) {
    columns.dataOffsets[row]! += expected;
    expected = expectedNextDataOffset(columns, row);
  }
  return columns;
}

function decodeAttributeSet([
  mode,
  uid,
  gid,
  deviceMajor,
  deviceMinor,
  ...encoded
]: Header['attributeSets'][number]): AttributeSet {
  const xattrs = [];
  for (let i = 0; i < encoded.length; i += 2) {
    xattrs.push({ name: Buffer.from(encoded[i]!, 'base64'), value: Buffer.from(encoded[i + 1]!, 'base64') });
  }
  return { mode, uid, gid, deviceMajor, deviceMinor, xattrs };
}

/**
 * Most entries' data stands right where the entry before lets one expect, one header block after its content: what
 * is kept is the difference, nearly always 0.
 */
function dataOffsetSurprises(columns: Columns): Float64Array {
  const surprises = new Float64Array(columns.length);
  let expected = 0;
  for (let row = 0; row < columns.length; row++) {
    surprises[row] = columns.dataOffsets[row]! - expected;
    expected = expectedNextDataOffset(columns, row);
  }
  return surprises;
}

function expectedNextDataOffset(columns: Columns, row: number): number {
  const storedSize = columns.sparse.get(row)?.storedSize ?? columns.sizes[row]!;
  return columns.dataOffsets[row]! + Math.ceil(storedSize / 512) * 512 + 512;
}

function encodeCheckpoints(checkpoints: CheckpointColumns): Uint8Array {
  const { length } = checkpoints;
  return concat([
    packIntegers(differences(checkpoints.inOffsets, length), length),
    packIntegers(checkpoints.bits, length),
    packIntegers(differences(checkpoints.outOffsets, length), length),
    packIntegers(differences(checkpoints.windowStarts, length + 1), length + 1),
    packIntegers(checkpoints.windowSizes, length),
    packIntegers(checkpoints.windowCrcs, length),
  ]);
}

function decodeCheckpoints(packed: Uint8Array, length: number): CheckpointColumns {
  const checkpoints: CheckpointColumns = {
    length,
    inOffsets: new Float64Array(length),
    bits: new Uint8Array(length),
    outOffsets: new Float64Array(length),
    windowStarts: new Float64Array(length + 1),
    windowSizes: new Uint32Array(length),
    windowCrcs: new Uint32Array(length),
  };
  let at = unpackIntegers(packed, 0, checkpoints.inOffsets);
  at = unpackIntegers(packed, at, checkpoints.bits);
  at = unpackIntegers(packed, at, checkpoints.outOffsets);
  at = unpackIntegers(packed, at, checkpoints.windowStarts);
  at = unpackIntegers(packed, at, checkpoints.windowSizes);
  unpackIntegers(packed, at, checkpoints.windowCrcs);
  for (const column of [checkpoints.inOffsets, checkpoints.outOffsets, checkpoints.windowStarts]) {
    for (let i = 1; i < column.length; i++) column[i]! += column[i - 1]!;
  }
  return checkpoints;
}

function differences(column: Float64Array, length: number): Float64Array {
  const result = new Float64Array(length);
  for (let i = 0; i < length; i++) result[i] = column[i]! - (i > 0 ? column[i - 1]! : 0);
  return result;
}

function lengths(starts: Uint32Array, rows: number): Uint32Array {
  const result = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) result[row] = starts[row + 1]! - starts[row]!;
  return result;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function damaged(what: string): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `layer index: ${what} is not as written`);
}
