import { crc32, createDeflateRaw } from 'node:zlib';
import { LAYER_INDEX_VERSION } from '../entry-table.js';
import type { LayerIndex } from '../layer-index.js';
import { packCheckpoints } from '../states/checkpoints.js';
import { packDetachedStates } from '../states/detached-states.js';
import { packRemoteStates } from '../states/remote-states.js';
import { packAttributes, packEntries, packSparse } from './entry-codec.js';
import { writeFields } from './head-fields.js';
import {
  CHECKED_IN_PARTS,
  CRC_OFFSET,
  DEFLATED,
  HEADER_LENGTH,
  headCrc,
  MAGIC,
  SECTION_NAMES,
  SECTIONS,
  type SectionName,
  TABLE_ROW_LENGTH,
  writeRow,
} from './index-head.js';
import { packStrings } from './packed-columns.js';
import { packChunks, packDigests } from './verification-codec.js';
import { packWarnings } from './warning-codec.js';

/**
 * zlib's default: 5.9 bytes a path of /usr. Level 9 saves 0.2 of them in three times the time
 * (measured).
 */
const DEFLATE_LEVEL = 6;

const NOTHING = new Uint8Array(0);

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
  writeFields(head, index);
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
