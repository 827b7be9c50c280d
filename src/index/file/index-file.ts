import { promisify } from 'node:util';
import { crc32, createDeflateRaw, inflateRaw, inflateRawSync, type ZlibOptions } from 'node:zlib';
import { LayerslayerError } from '../../base/errors.js';
import { garbageMade } from '../../base/process/garbage.js';
import {
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  digestHex,
  parseDigest,
  SHA256_LENGTH,
  shortDigest,
} from '../../oci/digest.js';
import { type Columns, EntryColumns, ROW_BYTES } from '../entry-columns.js';
import { type EntryTable, LAYER_INDEX_VERSION, type NameTable } from '../entry-table.js';
import type { LayerIndex } from '../layer-index.js';
import { NameColumns } from '../name-columns.js';
import { layerTableLimit, TableBudget } from '../pass/table-budget.js';
import {
  type CheckpointColumns,
  MAX_GROUP_SIZE,
  packCheckpoints,
  USUAL_GROUP_SIZE,
  unpackCheckpoints,
} from '../states/checkpoints.js';
import { packDetachedStates, unpackDetachedStates } from '../states/detached-states.js';
import { packRemoteStates, unpackRemoteStates } from '../states/remote-states.js';
import {
  packAttributes,
  packEntries,
  packSparse,
  unpackAttributes,
  unpackEntries,
  unpackKinds,
  unpackSparse,
} from './entry-codec.js';
import { checkForeignIndex } from './foreign-index.js';
import {
  BLOB_SIZE_OFFSET,
  CHECKED_IN_PARTS,
  CRC_OFFSET,
  DEFLATED,
  damaged,
  fingerprintOf,
  HEADER_LENGTH,
  headCrc,
  MAGIC,
  type ReadIndexBytes,
  readHead,
  readSize,
  SECTION_NAMES,
  SECTIONS,
  type Section,
  type SectionName,
  TABLE_ROW_LENGTH,
  writeRow,
  writeSize,
} from './index-head.js';
import { packStrings, unpackCount, unpackStrings } from './packed-columns.js';
import { PackedTable } from './packed-table.js';
import { packChunks, packDigests, unpackVerification, VERIFICATION_KINDS } from './verification-codec.js';

// FORMAT.md describes the file.

const DIGEST_OFFSET = 56;
const GROUP_SIZE_OFFSET = 120;
const CODEC_OFFSET = 16;
const CODEC_LENGTH = 16;

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

/** Bytes. Inflating fewer takes less time than asking another thread. */
const LARGE_SECTION = 64 * 1024;

const inflateRawLater = promisify(inflateRaw) as (bytes: Uint8Array, options: ZlibOptions) => Promise<Buffer>;

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
    detachedStates: () => (index.detachedStates ? [packDetachedStates(index.detachedStates)] : []),
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
  writeSize(head, index.blobSize, BLOB_SIZE_OFFSET);
  writeSize(head, index.tarSize, 40);
  head.writeUInt32LE(VERIFICATION_KINDS[index.verification.kind], 48);
  head.writeUInt32LE(DIGEST_ALGORITHMS[digestAlgorithm(index.digest)], 52);
  head.write(digestHex(index.digest), DIGEST_OFFSET, 'hex');
  const { groupSize } = index.checkpoints;
  head.writeUInt32LE(groupSize === USUAL_GROUP_SIZE ? 0 : groupSize, GROUP_SIZE_OFFSET);
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
  const codec = readCodec(head);
  const blobSize = readSize(head, BLOB_SIZE_OFFSET);
  const tarSize = readSize(head, 40);
  const checkpoints = readCheckpoints(head, content('checkpoints'), content('stateDigests'));
  const verification = unpackVerification(head.readUInt32LE(48), content('digests'), content('chunks'), {
    checkpoints: checkpoints.length,
    blobSize,
    tarSize,
  });
  const states = sections.get(SECTIONS.states[0]);
  const remote = content('remoteStates');
  const detached = content('detachedStates');
  // Without digests, the states could be those of another index.
  if (detached.length > 0 && !sections.has(SECTIONS.stateDigests[0])) throw damaged('state digests');
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
    ...(detached.length > 0 && { detachedStates: unpackDetachedStates(detached) }),
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

/** Entries of which only the names are decoded so far. */
export interface EncodedTable {
  digest: Digest;
  codec: string; // name of the blob's codec
  names: NameTable;
  /** Bytes of the sections in memory. */
  size: number;
  /**
   * Returns all columns, of which a row is read in place.
   * @throws LayerslayerError CORRUPT_LAYER
   */
  entries(): EntryTable;
}

/**
 * As `decodeNames`, but inflates large sections in libuv's pool, and keeps what all columns need.
 * @returns undefined past the limit
 * @throws LayerslayerError as `decodeLayerIndex`
 */
export async function decodeTable(read: ReadIndexBytes, limit: number): Promise<EncodedTable | undefined> {
  const { head, sections } = readHead(read);
  const large = ['entries', 'paths', 'links'] as const;
  const sizeOf = (name: SectionName) => sections.get(SECTIONS[name][0])?.size ?? 0;
  if (large.reduce((sum, name) => sum + sizeOf(name), 0) > limit) return undefined;
  const stored = (name: SectionName) => storedSection(read, name, sections.get(SECTIONS[name][0]));
  const largeSections = large.map(stored);
  const small = new Map((['attributes', 'xattrs', 'sparse'] as const).map((name) => [name, stored(name)]));
  const [packed, paths, links] = await Promise.all(largeSections.map(inflatedLater));
  const kinds = unpackKinds(packed!);
  const strings = {
    paths: unpackStrings(paths!, kinds.length),
    links: unpackStrings(links!, kinds.length),
  };
  const names = new NameColumns(kinds, strings.paths, strings.links);
  const content = (name: 'entries' | 'attributes' | 'xattrs' | 'sparse') =>
    name === 'entries' ? packed! : inflated(small.get(name)!);
  const sizes = largeSections.reduce((sum, section) => sum + section.size, 0);
  return {
    digest: readDigest(head),
    codec: readCodec(head),
    names,
    size: sizes + [...small.values()].reduce((sum, { bytes }) => sum + bytes.length, 0),
    entries() {
      const unpack = () => entryColumns(content, strings, readSize(head, BLOB_SIZE_OFFSET));
      if (kinds.length === 0) return unpack();
      const attributes = unpackAttributes(content('attributes'));
      const sets = { ...attributes, xattrs: unpackStrings(content('xattrs'), attributes.length) };
      return new PackedTable(names, packed!, sets, unpackSparse(content('sparse')), unpack);
    },
  };
}

function decodeEntries(content: (name: SectionName) => Uint8Array, blobSize: number): EntryColumns {
  const packed = content('entries');
  const { length } = unpackKinds(packed);
  const paths = unpackStrings(content('paths'), length);
  const links = unpackStrings(content('links'), length);
  return entryColumns((name) => (name === 'entries' ? packed : content(name)), { paths, links }, blobSize);
}

function entryColumns(
  content: (name: 'entries' | 'attributes' | 'xattrs' | 'sparse') => Uint8Array,
  names: Pick<Columns, 'paths' | 'links'>,
  blobSize: number,
): EntryColumns {
  const packedSparse = content('sparse');
  const packedEntries = content('entries');
  const sparse = unpackSparse(packedSparse);
  const rows = unpackEntries(packedEntries, sparse);
  const attributes = unpackAttributes(content('attributes'));
  const xattrs = unpackStrings(content('xattrs'), attributes.length);
  const columns = {
    ...rows,
    paths: names.paths,
    links: names.links,
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
  if (index.detachedStates) throw damaged('the location of its states');
  if (index.digest === digest && index.blobSize === blobSize) return;
  const said = `${shortDigest(index.digest)}, ${index.blobSize} bytes`;
  throw new LayerslayerError('CORRUPT_LAYER', `layer index: it is of another layer (${said})`);
}

/** A section as it is in the file, checked. */
interface StoredSection {
  name: SectionName;
  bytes: Uint8Array;
  size: number; // uncompressed bytes
  isDeflated: boolean;
}

/** Returns the content of a section, nothing if it was left out. */
function readSection(read: ReadIndexBytes, name: SectionName, section: Section | undefined): Uint8Array {
  return inflated(storedSection(read, name, section));
}

function storedSection(read: ReadIndexBytes, name: SectionName, section: Section | undefined): StoredSection {
  if (!section) return { name, bytes: NOTHING, size: 0, isDeflated: false };
  const { offset, length, size, crc, flags } = section;
  const bytes = read(offset, length);
  if (crc32(bytes) !== crc) throw damaged(name);
  const isDeflated = (flags & DEFLATED) !== 0;
  return { name, bytes, size: isDeflated ? size : length, isDeflated };
}

function inflated({ name, bytes, size, isDeflated }: StoredSection): Uint8Array {
  if (!isDeflated) return bytes;
  try {
    const content = inflateRawSync(bytes, inflateOptions(size));
    if (content.length === size) return content;
  } catch {
    // Reported below.
  }
  throw damaged(name);
}

/** As `inflated`. A small section is not worth another thread. */
async function inflatedLater(section: StoredSection): Promise<Uint8Array> {
  const { name, bytes, size, isDeflated } = section;
  if (!isDeflated || size < LARGE_SECTION) return inflated(section);
  try {
    const content = await inflateRawLater(bytes, inflateOptions(size));
    if (content.length === size) return content;
  } catch {
    // Reported below.
  }
  throw damaged(name);
}

/** In one piece: joining zlib's own pieces would copy them. */
function inflateOptions(size: number) {
  return { maxOutputLength: size + 1, chunkSize: Math.max(MIN_CHUNK, size + 1) };
}

function readCheckpoints(head: Buffer, packed: Uint8Array, groupDigests: Uint8Array): CheckpointColumns {
  const groupSize = head.readUInt32LE(GROUP_SIZE_OFFSET) || USUAL_GROUP_SIZE;
  if (groupSize > MAX_GROUP_SIZE) throw damaged('states of a group');
  const checkpoints = unpackCheckpoints(packed, groupSize, groupDigests);
  const groups = checkpoints.groupStarts.length - 1;
  const isWhole = groupDigests.length === 0 || groupDigests.length === groups * SHA256_LENGTH;
  if (!isWhole) throw damaged('number of state digests');
  return checkpoints;
}

function readCodec(head: Buffer): string {
  return head.toString('latin1', CODEC_OFFSET, CODEC_OFFSET + CODEC_LENGTH).replace(/\0+$/, '');
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
