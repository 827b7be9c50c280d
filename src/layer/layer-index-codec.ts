import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRawSync } from 'node:zlib';
import { LayerslayerError } from '../base/errors.js';
import { parseDigest } from '../oci/digest.js';
import type { AttributeSet } from './attribute-sets.js';
import { packCheckpoints, unpackCheckpoints } from './checkpoint-codec.js';
import { packEntries, unpackEntries } from './entry-codec.js';
import { EntryColumns, type SparseMap } from './entry-columns.js';
import type { Compression, LayerIndex } from './layer-index.js';
import { LAYER_LIMITS } from './layer-limits.js';

/**
 * The layer index as one file:
 *
 *     magic, version (u32 each) | header length (u32) | SHA-256 of header and tables | header | tables | windows
 *
 * The header is JSON (sizes, counts, attribute sets, where each table is); a table is a deflated run of integer columns
 * or of names, used as it is when inflated. The windows come last and are deflated in groups, so that a reader takes
 * one with a single positioned read; their CRC32s are among the tables. Any damage is CORRUPT_LAYER: the index is
 * thrown away and made again.
 */

const MAGIC = 0x5849534c; // "LSIX"
/** Raised with every change of the format; also part of the path that an index is kept under. */
export const LAYER_INDEX_VERSION = 2;
const CHECKSUM_OFFSET = 12;
const HEADER_OFFSET = CHECKSUM_OFFSET + 32;
/** zlib's default: 5.9 bytes a path of /usr, level 9 saves 0.2 of them for three times the time (measured). */
const DEFLATE_LEVEL = 6;
/** More than LAYER_LIMITS let it become; bounds what a damaged length field can ask for. */
const MAX_HEADER_LENGTH = 256 * 1024 * 1024;

const TABLE_NAMES = ['entries', 'paths', 'links', 'checkpoints', 'pages'] as const;
type TableName = (typeof TABLE_NAMES)[number];

/** xattrs as name, value, name, value, …, in base64. */
type EncodedAttributeSet = [
  mode: number,
  uid: number,
  gid: number,
  deviceMajor: number,
  deviceMinor: number,
  ...xattrs: string[],
];

interface Header {
  digest: string;
  compression: Compression;
  blobSize: number;
  tarSize: number;
  entries: number;
  checkpoints: number;
  attributeSets: EncodedAttributeSet[];
  sparse: [row: number, storedSize: number, segments: number[]][];
  warnings: readonly string[];
  tables: Record<TableName, { stored: number; size: number }>;
  windows: number; // bytes
}

const deflate = promisify(deflateRaw);

/** A layer index as it is kept, and what `decodeLayerIndex` would make of it. */
export interface EncodedLayerIndex {
  bytes: Uint8Array;
  index: LayerIndex;
}

/**
 * A layer index and its deflated windows, end to end, as the index pass leaves them. Tables are deflated in libuv's pool:
 * the inflating thread may have another layer to go on with.
 */
export async function encodeLayerIndex(
  index: Omit<LayerIndex, 'windows'>,
  windows: Uint8Array,
): Promise<EncodedLayerIndex> {
  const { columns } = index.entries;
  const tables: Record<TableName, Uint8Array> = {
    entries: concat(packEntries(columns)),
    paths: columns.pathHeap,
    links: columns.linkHeap,
    checkpoints: concat(packCheckpoints(index.checkpoints)),
    pages: index.pageDigests,
  };
  const stored = await Promise.all(
    TABLE_NAMES.map((name) =>
      // Digests don't deflate.
      name === 'pages' ? tables[name] : deflate(tables[name], { level: DEFLATE_LEVEL }),
    ),
  );
  const header: Header = {
    digest: index.digest,
    compression: index.compression,
    blobSize: index.blobSize,
    tarSize: index.tarSize,
    entries: columns.length,
    checkpoints: index.checkpoints.length,
    attributeSets: columns.attributeSets.map(encodeAttributeSet),
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
  const bytes = concat([prefix, headerBytes, ...stored, windows]);
  const section = { offset: bytes.length - windows.length, length: windows.length };
  return { bytes, index: { ...index, windows: section } };
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
    entries: decodeEntries(header, tables),
    checkpoints: unpackCheckpoints(tables.checkpoints, header.checkpoints),
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
    if (
      counts.every((count) => Number.isSafeInteger(count) && count >= 0) &&
      header.entries <= LAYER_LIMITS.entries
    )
      return header;
  } catch {
    // Not JSON, or not our shape: the checksum would have said so a moment later.
  }
  throw damaged('header');
}

function decodeEntries(header: Header, tables: Record<TableName, Uint8Array>): EntryColumns {
  const length = header.entries;
  const sparse = new Map<number, SparseMap>();
  for (const [row, storedSize, segments] of header.sparse) {
    sparse.set(row, { storedSize, segments: Float64Array.from(segments) });
  }
  return new EntryColumns({
    length,
    ...unpackEntries(tables.entries, length, sparse),
    pathHeap: tables.paths,
    linkHeap: tables.links,
    attributeSets: header.attributeSets.map(decodeAttributeSet),
    sparse,
  });
}

function encodeAttributeSet(set: AttributeSet): EncodedAttributeSet {
  const { mode, uid, gid, deviceMajor, deviceMinor, xattrs } = set;
  const encoded = xattrs.flatMap(({ name, value }) => [base64(name), base64(value)]);
  return [mode, uid, gid, deviceMajor, deviceMinor, ...encoded];
}

function decodeAttributeSet(set: EncodedAttributeSet): AttributeSet {
  const [mode, uid, gid, deviceMajor, deviceMinor, ...encoded] = set;
  const xattrs = [];
  for (let i = 0; i < encoded.length; i += 2) {
    xattrs.push({ name: Buffer.from(encoded[i]!, 'base64'), value: Buffer.from(encoded[i + 1]!, 'base64') });
  }
  return { mode, uid, gid, deviceMajor, deviceMinor, xattrs };
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
