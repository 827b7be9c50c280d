import { crc32, createDeflateRaw, inflateRawSync } from 'node:zlib';
import { LayerslayerError } from '../base/errors.js';
import { garbageMade } from '../base/garbage.js';
import {
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  digestHex,
  parseDigest,
  SHA256_LENGTH,
  shortDigest,
} from '../oci/digest.js';
import { type CheckpointColumns, packCheckpoints, statesPerGroup, unpackCheckpoints } from './checkpoints.js';
import {
  packAttributes,
  packEntries,
  packSparse,
  unpackAttributes,
  unpackEntries,
  unpackKinds,
  unpackSparse,
} from './entry-codec.js';
import { EntryColumns, ROW_BYTES } from './entry-columns.js';
import { LAYER_INDEX_VERSION, type NameTable } from './entry-table.js';
import { checkForeignIndex } from './foreign-index.js';
import type { LayerIndex } from './layer-index.js';
import { NameColumns } from './name-columns.js';
import { packStrings, unpackCount, unpackStrings } from './packed-columns.js';
import { layerTableLimit, TableBudget } from './pass/table-budget.js';
import { packRemoteStates, type RemoteStates, unpackRemoteStates } from './remote-states.js';
import { packChunks, packDigests, unpackVerification, VERIFICATION_KINDS } from './verification-codec.js';

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
  stateDigests: [12, 0], // they do not compress
  chunks: [11, MUST_UNDERSTAND | DEFLATED],
  digests: [9, 0], // they do not compress
  warnings: [10, DEFLATED],
  remoteStates: [13, MUST_UNDERSTAND], // instead of states
  states: [8, CHECKED_IN_PARTS], // last: the others are read when a layer is opened
} as const;
type SectionName = keyof typeof SECTIONS;

const SECTION_NAMES = Object.keys(SECTIONS) as SectionName[];

const DIGEST_ALGORITHMS: Record<DigestAlgorithm, number> = { sha256: 1, sha512: 2 };

/**
 * zlib's default: 5.9 bytes a path of /usr. Level 9 saves 0.2 of them in three times the time
 * (measured).
 */
const DEFLATE_LEVEL = 6;

/** Smallest output buffer of zlib. */
const MIN_CHUNK = 64;

/** Bytes in memory for each row of a section, whatever the section takes in the file. */
const ROW_SIZES: Partial<Record<SectionName, number>> = {
  entries: ROW_BYTES,
  paths: 4,
  links: 4,
  attributes: 18,
  xattrs: 4,
  sparse: 64,
  checkpoints: 36,
  chunks: 40,
};

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
 * @throws LayerslayerError UNSUPPORTED for numbers that a column cannot store
 */
export async function encodeLayerIndex(
  index: Omit<LayerIndex, 'states' | 'fingerprint'>,
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
    stateDigests: () => [index.checkpoints.groupDigests ?? NOTHING],
    chunks: () => packChunks(index.verification),
    digests: () => packDigests(index.verification),
    warnings: () => packWarnings(index.warnings),
    remoteStates: () => (index.remoteStates ? [packRemoteStates(index.remoteStates)] : []),
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
    const crc = flags & CHECKED_IN_PARTS ? 0 : crc32(bytes);
    writeRow(head, at, { id, flags, crc, offset, length: bytes.length, size });
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
 * @param budget limits the memory of an index that others made
 * @throws LayerslayerError CORRUPT_LAYER for damage, another version, anything that this version
 *   does not support, and what `read` throws; UNSUPPORTED past the budget
 */
export function decodeLayerIndex(
  read: ReadIndexBytes,
  known?: EntryColumns,
  budget?: TableBudget,
): LayerIndex {
  const { head, sections } = readHead(read);
  const content = (name: SectionName) => {
    const section = sections.get(SECTIONS[name][0]);
    budget?.spend(section?.size ?? 0); // before it is inflated
    const bytes = readSection(read, name, section);
    const rowBytes = ROW_SIZES[name];
    if (budget && rowBytes !== undefined) budget.spend(unpackCount(bytes) * rowBytes);
    return bytes;
  };
  const codec = head.toString('latin1', CODEC_OFFSET, CODEC_OFFSET + CODEC_LENGTH).replace(/\0+$/, '');
  const blobSize = readSize(head, 32);
  const tarSize = readSize(head, 40);
  const checkpoints = readCheckpoints(content('checkpoints'), codec, content('stateDigests'));
  const verification = unpackVerification(head.readUInt32LE(48), content('digests'), content('chunks'), {
    checkpoints: checkpoints.length,
    blobSize,
    tarSize,
  });
  const states = sections.get(SECTIONS.states[0]);
  const remote = content('remoteStates');
  return {
    digest: readDigest(head),
    fingerprint: fingerprintOf(head),
    codec,
    blobSize,
    tarSize,
    entries: known ?? decodeEntries(content, blobSize),
    checkpoints,
    verification,
    warnings: unpackWarnings(content('warnings')),
    states: { offset: states?.offset ?? 0, length: states?.length ?? 0 },
    ...(remote.length > 0 && { remoteStates: unpackRemoteStates(remote) }),
  };
}

/**
 * Reads names and kinds only, in a third of the time that all columns take (measured).
 * @param limit of the bytes that the sections of names take, uncompressed
 * @returns undefined past the limit
 * @throws LayerslayerError as `decodeLayerIndex`
 */
export function decodeNames(
  read: ReadIndexBytes,
  limit: number,
): { digest: Digest; names: NameTable; size: number } | undefined {
  const { head, sections } = readHead(read);
  const sizeOf = (name: SectionName) => sections.get(SECTIONS[name][0])?.size ?? 0;
  const size = sizeOf('entries') + sizeOf('paths') + sizeOf('links');
  if (size > limit) return undefined;
  const content = (name: SectionName) => readSection(read, name, sections.get(SECTIONS[name][0]));
  const kinds = unpackKinds(content('entries'));
  const paths = unpackStrings(content('paths'), kinds.length);
  const links = unpackStrings(content('links'), kinds.length);
  return { digest: readDigest(head), names: new NameColumns(kinds, paths, links), size };
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

/**
 * Checks that bytes are an index of the layer, which `decodeLayerIndex` reads. Others made it, so
 * its tables may take no more memory than those of a pass. (rule L3)
 * @param isWhole a file of others, which must not say where its states are
 * @throws LayerslayerError CORRUPT_LAYER; UNSUPPORTED past the limit
 */
export function checkLayerIndex(
  bytes: Uint8Array,
  { digest, blobSize }: Pick<LayerIndex, 'digest' | 'blobSize'>,
  isWhole: boolean,
): void {
  const read = (offset: number, length: number) => {
    if (offset + length <= bytes.length) return bytes.subarray(offset, offset + length);
    throw new LayerslayerError('CORRUPT_LAYER', 'layer index: it is cut short');
  };
  const limit = { layer: layerTableLimit(blobSize), image: Number.POSITIVE_INFINITY };
  const budget = new TableBudget({ ...limit, used: new SharedArrayBuffer(4) });
  const index = decodeLayerIndex(read, undefined, budget);
  checkForeignIndex(index);
  read(index.states.offset, index.states.length);
  // It could name any host.
  if (isWhole && index.remoteStates) throw damaged('the location of its states');
  if (index.digest === digest && index.blobSize === blobSize) return;
  const said = `${shortDigest(index.digest)}, ${index.blobSize} bytes`;
  throw new LayerslayerError('CORRUPT_LAYER', `layer index: it is of another layer (${said})`);
}

/**
 * Returns where the states begin, if all other sections are before them and their groups have
 * digests: then an index of `size` bytes can be used without them.
 * @throws LayerslayerError CORRUPT_LAYER
 */
export function detachableStates(read: ReadIndexBytes, size: number): number | undefined {
  const { sections } = readHead(read);
  const states = sections.get(SECTIONS.states[0]);
  if (!states || states.offset + states.length > size) return undefined;
  if (!sections.has(SECTIONS.stateDigests[0]) || sections.has(SECTIONS.remoteStates[0])) return undefined;
  const others = [...sections.values()].filter((section) => section !== states);
  return others.every(({ offset, length }) => offset + length <= states.offset) ? states.offset : undefined;
}

/**
 * Returns an index without its states, which says where they are.
 * @param bytes the index up to its states: see `detachableStates`
 * @param of the whole index file
 */
export function withoutStates(
  bytes: Uint8Array,
  of: Pick<RemoteStates, 'repository' | 'digest' | 'size'>,
): Uint8Array<ArrayBuffer> {
  const location = packRemoteStates({ ...of, offset: bytes.length });
  const index = Buffer.from(new Uint8Array(bytes.length + location.length).buffer);
  index.set(bytes);
  index.set(location, bytes.length);
  const head = index.subarray(0, HEADER_LENGTH + index.readUInt32LE(12) * TABLE_ROW_LENGTH);
  for (let at = HEADER_LENGTH; at < head.length; at += TABLE_ROW_LENGTH) {
    if (head.readUInt16LE(at) !== SECTIONS.states[0]) continue;
    const [id, flags] = SECTIONS.remoteStates;
    writeRow(head, at, { id, flags, crc: crc32(location), offset: bytes.length, length: location.length });
  }
  head.writeUInt32LE(headCrc(head), CRC_OFFSET);
  return new Uint8Array(index.buffer);
}

/** Writes a row of the section table. @param size uncompressed bytes; default: as stored */
function writeRow(
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

function readCheckpoints(packed: Uint8Array, codec: string, groupDigests: Uint8Array): CheckpointColumns {
  const checkpoints = unpackCheckpoints(packed, statesPerGroup(codec), groupDigests);
  const groups = checkpoints.groupStarts.length - 1;
  const isWhole = groupDigests.length === 0 || groupDigests.length === groups * SHA256_LENGTH;
  if (!isWhole) throw damaged('number of state digests');
  return checkpoints;
}

/** @param encoded an index file, or its start */
export function fingerprintOf(encoded: Uint8Array): number {
  return new DataView(encoded.buffer, encoded.byteOffset).getUint32(CRC_OFFSET, true);
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
