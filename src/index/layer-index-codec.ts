import { createHash } from 'node:crypto';
import { createDeflateRaw, inflateRawSync } from 'node:zlib';
import { LayerslayerError } from '../base/errors.js';
import { garbageMade } from '../base/garbage.js';
import { codecNamed } from '../codec/codecs.js';
import { parseDigest } from '../oci/digest.js';
import { packCheckpoints, unpackCheckpoints } from './checkpoints.js';
import {
  packAttributes,
  packEntries,
  packSparse,
  unpackAttributes,
  unpackEntries,
  unpackSparse,
} from './entry-codec.js';
import { EntryColumns } from './entry-columns.js';
import type { LayerIndex } from './layer-index.js';
import { LAYER_LIMITS } from './layer-limits.js';

/**
 * The layer index as one file:
 *
 *     magic, version (u32 each) | header length (u32) | SHA-256 of header and tables | header | tables | states
 *
 * The header is JSON (sizes, counts, where each table is); a table is a deflated run of integer columns
 * or of names, used as it is when inflated. The states come last and are deflated in groups, so that a reader takes
 * one with a single positioned read; their CRC32s are among the tables. Any damage is CORRUPT_LAYER: the index is
 * thrown away and made again.
 */

const MAGIC = 0x5849534c; // "LSIX"
/** Raised with every change of the format; also part of the path that an index is kept under. */
export const LAYER_INDEX_VERSION = 4;
const CHECKSUM_OFFSET = 12;
const HEADER_OFFSET = CHECKSUM_OFFSET + 32;
/** zlib's default: 5.9 bytes a path of /usr, level 9 saves 0.2 of them for three times the time (measured). */
const DEFLATE_LEVEL = 6;
/** Maximum bytes of the header, above what its warnings need. Bounds a damaged length field. */
const MAX_HEADER_LENGTH = 16 * 1024 * 1024;

const TABLE_NAMES = [
  'entries',
  'paths',
  'links',
  'attributes',
  'xattrs',
  'sparse',
  'checkpoints',
  'pages',
] as const;
type TableName = (typeof TABLE_NAMES)[number];

interface Header {
  digest: string;
  codec: string;
  blobSize: number;
  tarSize: number;
  entries: number;
  checkpoints: number;
  attributeSets: number;
  sparseFiles: number;
  warnings: readonly string[];
  tables: Record<TableName, { stored: number; size: number }>;
  states: number; // bytes
}

/** A layer index as it is kept, and what `decodeLayerIndex` would make of it. */
export interface EncodedLayerIndex {
  bytes: Uint8Array;
  index: LayerIndex;
}

/**
 * A layer index and its deflated states, end to end, as the index pass leaves them. Tables are deflated in libuv's pool:
 * the inflating thread may have another layer to go on with.
 */
export async function encodeLayerIndex(
  index: Omit<LayerIndex, 'states'>,
  states: Uint8Array,
): Promise<EncodedLayerIndex> {
  const { columns } = index.entries;
  const { attributeSets, sparse } = columns;
  const tables: Record<TableName, () => Iterable<Uint8Array>> = {
    entries: () => packEntries(columns),
    paths: () => [columns.pathHeap],
    links: () => [columns.linkHeap],
    attributes: () => packAttributes(attributeSets),
    xattrs: () => [attributeSets.xattrHeap],
    sparse: () => packSparse(sparse),
    checkpoints: () => packCheckpoints(index.checkpoints),
    pages: () => [index.pageDigests],
  };
  const stored: Uint8Array[] = [];
  const sizes: number[] = [];
  for (const name of TABLE_NAMES) {
    // Digests do not compress.
    const { bytes, size } = await (name === 'pages' ? plain(index.pageDigests) : deflated(tables[name]()));
    stored.push(bytes);
    sizes.push(size);
  }
  const header: Header = {
    digest: index.digest,
    codec: index.codec,
    blobSize: index.blobSize,
    tarSize: index.tarSize,
    entries: columns.length,
    checkpoints: index.checkpoints.length,
    attributeSets: attributeSets.length,
    sparseFiles: sparse.size,
    warnings: index.warnings,
    tables: Object.fromEntries(
      TABLE_NAMES.map((name, i) => [name, { stored: stored[i]!.length, size: sizes[i]! }]),
    ) as Header['tables'],
    states: states.length,
  };
  const headerBytes = Buffer.from(JSON.stringify(header));
  const checksum = createHash('sha256').update(headerBytes);
  for (const bytes of stored) checksum.update(bytes);
  const prefix = Buffer.alloc(HEADER_OFFSET);
  prefix.writeUInt32LE(MAGIC, 0);
  prefix.writeUInt32LE(LAYER_INDEX_VERSION, 4);
  prefix.writeUInt32LE(headerBytes.length, 8);
  checksum.digest().copy(prefix, CHECKSUM_OFFSET);
  const bytes = concat([prefix, headerBytes, ...stored, states]);
  const section = { offset: bytes.length - states.length, length: states.length };
  return { bytes, index: { ...index, states: section } };
}

/** Bytes of an encoded index, wherever it is kept. Throws when there are not `length` bytes at `offset`. */
export type ReadIndexBytes = (offset: number, length: number) => Uint8Array;

/**
 * Reads everything but the states.
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
    tables[name] = name === 'pages' ? stored[i]! : inflated(stored[i]!, header.tables[name].size);
  }
  const index = {
    digest: parseDigest(header.digest),
    codec: codecNamed(header.codec).name,
    blobSize: header.blobSize,
    tarSize: header.tarSize,
    entries: decodeEntries(header, tables),
    checkpoints: unpackCheckpoints(tables.checkpoints, 0, header.checkpoints),
    pageDigests: tables.pages,
    warnings: header.warnings,
    states: { offset, length: header.states },
  };
  // Everything but names existed twice.
  garbageMade(tables.entries.length + tables.sparse.length);
  return index;
}

/**
 * Deflates the parts in libuv's pool, one by one: together they may exceed the remaining memory.
 */
async function deflated(parts: Iterable<Uint8Array>): Promise<{ bytes: Uint8Array; size: number }> {
  const deflate = createDeflateRaw({ level: DEFLATE_LEVEL });
  const chunks: Uint8Array[] = [];
  let size = 0;
  const ended = new Promise<void>((resolve, reject) => {
    deflate.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    deflate.once('end', resolve);
    deflate.once('error', reject);
  });
  for (const part of parts) {
    size += part.length;
    await new Promise<void>((resolve) => deflate.write(part, () => resolve()));
  }
  deflate.end();
  await ended;
  return { bytes: concat(chunks), size };
}

async function plain(bytes: Uint8Array): Promise<{ bytes: Uint8Array; size: number }> {
  return { bytes, size: bytes.length };
}

/** Deflates in one piece: joining zlib's own pieces would copy them. */
function inflated(bytes: Uint8Array, size: number): Uint8Array {
  return inflateRawSync(bytes, { maxOutputLength: size + 1, chunkSize: Math.max(MIN_CHUNK, size + 1) });
}

/** Minimum output buffer of zlib. */
const MIN_CHUNK = 64;

function parseHeader(bytes: Uint8Array): Header {
  try {
    const header = JSON.parse(Buffer.from(bytes).toString('utf8')) as Header;
    const counts = [
      header.entries,
      header.checkpoints,
      header.attributeSets,
      header.sparseFiles,
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
  const sparse = unpackSparse(tables.sparse, header.sparseFiles);
  const columns = {
    length,
    ...unpackEntries(tables.entries, length, sparse),
    pathHeap: tables.paths,
    linkHeap: tables.links,
    attributeSets: unpackAttributes(tables.attributes, header.attributeSets, tables.xattrs),
    sparse,
  };
  return new EntryColumns(columns, header.blobSize);
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

function damaged(what: string): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `layer index: ${what} is not as written`);
}
