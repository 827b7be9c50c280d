import { crc32, createDeflateRaw, inflateRawSync } from 'node:zlib';
import { LayerslayerError } from '../base/errors.js';
import { garbageMade } from '../base/garbage.js';
import { BLOCK_SIZE } from '../blob/page.js';
import { type DigestAlgorithm, digestAlgorithm, digestHex, parseDigest } from '../oci/digest.js';
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
import { LAYER_INDEX_VERSION } from './entry-table.js';
import type { LayerIndex, Verification } from './layer-index.js';
import { packStrings, unpackStrings } from './packed-columns.js';

// FORMAT.md describes the file.

const MAGIC = Buffer.from('\x89LSI\r\n\x1a\n', 'latin1');
const HEADER_LENGTH = 128;
const CRC_OFFSET = 124;
const DIGEST_OFFSET = 56;
const CODEC_OFFSET = 16;
const CODEC_LENGTH = 16;
const TABLE_ROW_LENGTH = 32;
const MAX_SECTIONS = 1000; // bounds what a damaged header has read

const MUST_UNDERSTAND = 1;
const DEFLATED = 2;
const CHECKED_IN_PARTS = 4;

/** Sections that this version writes, in this order: id and flags. */
const SECTIONS = {
  entries: [1, MUST_UNDERSTAND | DEFLATED],
  paths: [2, MUST_UNDERSTAND | DEFLATED],
  links: [3, MUST_UNDERSTAND | DEFLATED],
  attributes: [4, MUST_UNDERSTAND | DEFLATED],
  xattrs: [5, MUST_UNDERSTAND | DEFLATED],
  sparse: [6, MUST_UNDERSTAND | DEFLATED],
  checkpoints: [7, DEFLATED],
  digests: [9, 0], // they do not compress
  warnings: [10, DEFLATED],
  states: [8, CHECKED_IN_PARTS], // last: the others are read when a layer is opened
} as const;
type SectionName = keyof typeof SECTIONS;

const SECTION_NAMES = Object.keys(SECTIONS) as SectionName[];

const VERIFICATION_KINDS: Record<Verification['kind'], number> = { blocks: 1, spans: 2, chunks: 3 };
const DIGEST_ALGORITHMS: Record<DigestAlgorithm, number> = { sha256: 1, sha512: 2 };

/**
 * zlib's default: 5.9 bytes a path of /usr. Level 9 saves 0.2 of them in three times the time
 * (measured).
 */
const DEFLATE_LEVEL = 6;

/** Smallest output buffer of zlib. */
const MIN_CHUNK = 64;

const NOTHING = new Uint8Array(0);

/** A row of the section table. */
interface Section {
  crc: number;
  flags: number;
  offset: number;
  length: number; // as stored
  size: number; // uncompressed
}

/**
 * Encodes an index. Sections are deflated in libuv's pool: the inflate thread may have another
 * layer to index.
 * @param states deflated groups, end to end
 * @throws LayerslayerError UNSUPPORTED for a verification other than blocks
 */
export async function encodeLayerIndex(
  index: Omit<LayerIndex, 'states'>,
  states: Uint8Array,
): Promise<Uint8Array> {
  const { columns } = index.entries;
  const { attributeSets, sparse } = columns;
  const contents: Record<SectionName, () => Iterable<Uint8Array>> = {
    entries: () => packEntries(columns),
    paths: () => packStrings(columns.paths),
    links: () => packStrings(columns.links),
    attributes: () => packAttributes(attributeSets),
    xattrs: () => packStrings(attributeSets.xattrs),
    sparse: () => packSparse(sparse),
    checkpoints: () => packCheckpoints(index.checkpoints),
    digests: () => packDigests(index.verification),
    warnings: () => packWarnings(index.warnings),
    states: () => [states],
  };
  const stored: { name: SectionName; bytes: Uint8Array; size: number }[] = [];
  for (const name of SECTION_NAMES) {
    const parts = contents[name]();
    const section = SECTIONS[name][1] & DEFLATED ? await deflated(parts) : onePart(parts);
    if (section.size > 0) stored.push({ name, ...section });
  }
  const head = Buffer.alloc(HEADER_LENGTH + stored.length * TABLE_ROW_LENGTH);
  MAGIC.copy(head);
  head.writeUInt32LE(LAYER_INDEX_VERSION, 8);
  head.writeUInt32LE(stored.length, 12);
  head.write(index.codec, CODEC_OFFSET, CODEC_LENGTH, 'latin1');
  writeSize(head, index.blobSize, 32);
  writeSize(head, index.tarSize, 40);
  head.writeUInt32LE(VERIFICATION_KINDS[index.verification.kind], 48);
  head.writeUInt32LE(DIGEST_ALGORITHMS[digestAlgorithm(index.digest)], 52);
  head.write(digestHex(index.digest), DIGEST_OFFSET, 'hex');
  let offset = head.length;
  for (const [i, { name, bytes, size }] of stored.entries()) {
    const at = HEADER_LENGTH + i * TABLE_ROW_LENGTH;
    const [id, flags] = SECTIONS[name];
    head.writeUInt16LE(id, at);
    head.writeUInt16LE(flags, at + 2);
    head.writeUInt32LE(flags & CHECKED_IN_PARTS ? 0 : crc32(bytes), at + 4);
    writeSize(head, offset, at + 8);
    writeSize(head, bytes.length, at + 16);
    writeSize(head, size, at + 24);
    offset += bytes.length;
  }
  head.writeUInt32LE(headCrc(head), CRC_OFFSET);
  const bytes = new Uint8Array(offset); // the caller transfers its buffer
  let at = 0;
  for (const part of [head, ...stored.map((section) => section.bytes)]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Returns `length` bytes at `offset` of an encoded index. Throws if there are fewer. */
type ReadIndexBytes = (offset: number, length: number) => Uint8Array;

/**
 * Reads everything but the states.
 * @param known the entries, if they are in memory: they are not read
 * @throws LayerslayerError CORRUPT_LAYER for damage, another version, anything that this version
 *   does not support, and what `read` throws
 */
export function decodeLayerIndex(read: ReadIndexBytes, known?: EntryColumns): LayerIndex {
  const { head, sections } = readHead(read);
  const content = (name: SectionName) => readSection(read, name, sections.get(SECTIONS[name][0]));
  const codec = head.toString('latin1', CODEC_OFFSET, CODEC_OFFSET + CODEC_LENGTH).replace(/\0+$/, '');
  const blobSize = readSize(head, 32);
  const states = sections.get(SECTIONS.states[0]);
  return {
    digest: readDigest(head),
    codec,
    blobSize,
    tarSize: readSize(head, 40),
    entries: known ?? decodeEntries(content, blobSize),
    checkpoints: unpackCheckpoints(content('checkpoints')),
    verification: readVerification(head, content('digests')),
    warnings: unpackWarnings(content('warnings')),
    states: { offset: states?.offset ?? 0, length: states?.length ?? 0 },
  };
}

function decodeEntries(content: (name: SectionName) => Uint8Array, blobSize: number): EntryColumns {
  const packedSparse = content('sparse');
  const packedEntries = content('entries');
  const sparse = unpackSparse(packedSparse);
  const rows = unpackEntries(packedEntries, sparse);
  const attributes = unpackAttributes(content('attributes'));
  const xattrs = unpackStrings(content('xattrs'), attributes.length);
  const columns = {
    ...rows,
    paths: unpackStrings(content('paths'), rows.length),
    links: unpackStrings(content('links'), rows.length),
    attributeSets: { ...attributes, xattrs },
    sparse,
  };
  // Everything but names existed twice.
  garbageMade(packedEntries.length + packedSparse.length);
  return new EntryColumns(columns, blobSize);
}

/** Reads and checks the header and the section table. */
function readHead(read: ReadIndexBytes): { head: Buffer; sections: Map<number, Section> } {
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

/** Returns the content of a section, nothing if it was left out. */
function readSection(read: ReadIndexBytes, name: SectionName, section: Section | undefined): Uint8Array {
  if (!section) return NOTHING;
  const bytes = read(section.offset, section.length);
  if (crc32(bytes) !== section.crc) throw damaged(name);
  if (!(section.flags & DEFLATED)) return bytes;
  const { size } = section;
  try {
    // In one piece: joining zlib's own pieces would copy them.
    const content = inflateRawSync(bytes, {
      maxOutputLength: size + 1,
      chunkSize: Math.max(MIN_CHUNK, size + 1),
    });
    if (content.length === size) return content;
  } catch {
    // Reported below.
  }
  throw damaged(name);
}

function headCrc(head: Buffer): number {
  return crc32(head.subarray(HEADER_LENGTH), crc32(head.subarray(0, CRC_OFFSET)));
}

function readDigest(head: Buffer) {
  const [algorithm] =
    Object.entries(DIGEST_ALGORITHMS).find(([, number]) => number === head.readUInt32LE(52)) ?? [];
  const length = algorithm === 'sha512' ? 64 : 32;
  return parseDigest(`${algorithm}:${head.toString('hex', DIGEST_OFFSET, DIGEST_OFFSET + length)}`);
}

function packDigests(verification: Verification): Uint8Array[] {
  if (verification.kind !== 'blocks') {
    throw new LayerslayerError('UNSUPPORTED', `an index with digests of ${verification.kind} is not written`);
  }
  const blockSize = Buffer.alloc(4);
  blockSize.writeUInt32LE(verification.blockSize);
  return [Buffer.concat([blockSize, verification.digests])];
}

function readVerification(head: Buffer, packed: Uint8Array): Verification {
  if (head.readUInt32LE(48) !== VERIFICATION_KINDS.blocks || packed.length < 4) throw damaged('verification');
  const blockSize = Buffer.from(packed.buffer, packed.byteOffset, 4).readUInt32LE();
  if (blockSize !== BLOCK_SIZE) throw damaged('block size'); // readers have no other one
  return { kind: 'blocks', blockSize, digests: packed.subarray(4) };
}

function packWarnings(warnings: readonly string[]): Iterable<Uint8Array> {
  const bytes = warnings.map((warning) => Buffer.from(warning));
  const starts = new Uint32Array(bytes.length + 1);
  for (const [i, { length }] of bytes.entries()) starts[i + 1] = starts[i]! + length;
  return packStrings({ starts, heap: Buffer.concat(bytes) });
}

function unpackWarnings(packed: Uint8Array): string[] {
  const { starts, heap } = unpackStrings(packed);
  return Array.from({ length: starts.length - 1 }, (_, i) =>
    Buffer.from(heap.subarray(starts[i], starts[i + 1])).toString(),
  );
}

function writeSize(into: Buffer, size: number, at: number): void {
  into.writeBigUInt64LE(BigInt(size), at);
}

function readSize(from: Buffer, at: number): number {
  const size = Number(from.readBigUInt64LE(at));
  if (!Number.isSafeInteger(size)) throw damaged('a size');
  return size;
}

/** Deflates the parts one by one: together they may exceed the memory that is left. */
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
  return { bytes: Buffer.concat(chunks), size };
}

function onePart([bytes = NOTHING]: Iterable<Uint8Array>): { bytes: Uint8Array; size: number } {
  return { bytes, size: bytes.length };
}

function damaged(what: string): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `layer index: ${what} is not as written`);
}
