import { crc32 } from 'node:zlib';
import { readBlobSize } from '../file/head-fields.js';
import {
  CRC_OFFSET,
  damaged,
  HEADER_LENGTH,
  headCrc,
  type ReadIndexBytes,
  readHead,
  readSize,
  SECTIONS,
  TABLE_ROW_LENGTH,
  writeRow,
  writeSize,
} from '../file/index-head.js';
import { packRemoteStates, type RemoteStates } from './remote-states.js';

/**
 * States in an index file at most: this share of the layer's bytes, or this many bytes. Long
 * windows of zstd have four times as many. An index is evicted last, so the cache must not fill
 * with them.
 */
const STATES_SHARE = 0.032;
const STATES_BYTES = 1024 * 1024;

/** Bytes of section 14: the length of the states. */
const LENGTH_BYTES = 8;

/** An index as it is cached. */
export interface SplitIndex {
  bytes: Uint8Array; // of the index file
  /** Its states, if they are a file of their own. A view. */
  states?: Uint8Array;
}

/** Takes the states out of an encoded index, if they are too long to stay in it. */
export function splitStates(encoded: Uint8Array): SplitIndex {
  const read = (offset: number, length: number) => encoded.subarray(offset, offset + length);
  const { head, sections } = readHead(read);
  const length = sections.get(SECTIONS.states[0])?.length ?? 0;
  if (length <= Math.max(STATES_BYTES, STATES_SHARE * readBlobSize(head))) return { bytes: encoded };
  const start = detachableStates(read, encoded.length);
  if (start === undefined || start + length !== encoded.length) return { bytes: encoded };
  const bytes = replaceStates(encoded.subarray(0, start), 'detachedStates', packDetachedStates({ length }));
  return { bytes, states: encoded.subarray(start) };
}

/**
 * Returns the bytes before the states of the whole index that `splitStates` took them out of.
 * @returns undefined if the index was not split
 * @throws LayerslayerError CORRUPT_LAYER; what `read` throws
 */
export function beforeStates(read: ReadIndexBytes): { bytes: Uint8Array; statesLength: number } | undefined {
  const { head, sections } = readHead(read);
  const detached = sections.get(SECTIONS.detachedStates[0]);
  if (!detached) return undefined;
  const { offset } = detached;
  const { length } = unpackDetachedStates(read(offset, detached.length));
  if (offset < head.length) throw damaged('the length of its states');
  const bytes = Buffer.from(read(0, offset));
  const [id, flags] = SECTIONS.states;
  replaceRow(bytes, 'detachedStates', { id, flags, crc: 0, offset, length });
  return { bytes, statesLength: length };
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
  const { stateDigests, remoteStates, detachedStates } = SECTIONS;
  if (!sections.has(stateDigests[0]) || sections.has(remoteStates[0]) || sections.has(detachedStates[0]))
    return undefined;
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
  return replaceStates(bytes, 'remoteStates', packRemoteStates({ ...of, offset: bytes.length }));
}

/** Returns an index up to its states, with another section instead of them. */
function replaceStates(
  bytes: Uint8Array,
  by: 'remoteStates' | 'detachedStates',
  content: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const index = Buffer.from(new Uint8Array(bytes.length + content.length).buffer);
  index.set(bytes);
  index.set(content, bytes.length);
  const [id, flags] = SECTIONS[by];
  const row = { id, flags, crc: crc32(content), offset: bytes.length, length: content.length };
  replaceRow(index, 'states', row);
  return new Uint8Array(index.buffer);
}

/** Replaces the row of a section in the section table of an index. */
function replaceRow(
  index: Buffer,
  name: 'states' | 'detachedStates',
  row: Parameters<typeof writeRow>[2],
): void {
  const head = index.subarray(0, HEADER_LENGTH + index.readUInt32LE(12) * TABLE_ROW_LENGTH);
  for (let at = HEADER_LENGTH; at < head.length; at += TABLE_ROW_LENGTH)
    if (head.readUInt16LE(at) === SECTIONS[name][0]) writeRow(head, at, row);
  head.writeUInt32LE(headCrc(head), CRC_OFFSET);
}

export function packDetachedStates({ length }: { length: number }): Uint8Array {
  const packed = Buffer.alloc(LENGTH_BYTES);
  writeSize(packed, length, 0);
  return packed;
}

/** @throws LayerslayerError CORRUPT_LAYER */
export function unpackDetachedStates(packed: Uint8Array): { length: number } {
  if (packed.length !== LENGTH_BYTES) throw damaged('the length of its states');
  return { length: readSize(Buffer.from(packed), 0) };
}
