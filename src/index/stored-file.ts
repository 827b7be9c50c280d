import { closeSync, fstatSync, readSync } from 'node:fs';
import { LayerslayerError } from '../base/errors.js';
import type { ContentStore } from '../cache/content-store.js';
import type { Digest } from '../oci/digest.js';
import { indexKey, LAYER_INDEX_VERSION } from './entry-table.js';
import { decodeLayerIndex } from './file/decode-index.js';
import { type IndexOrigin, originKey } from './index-origin.js';
import type { LayerIndex } from './layer-index.js';
import { beforeStates } from './states/detached-states.js';

/** An encoded index on disk. */
export interface IndexFile {
  size: number; // bytes
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/**
 * Opens the encoded index of a layer that our own pass made, whole: with its states. It stays
 * readable when it is evicted.
 * @returns undefined if it is not cached, or its states are not
 * @throws LayerslayerError CORRUPT_LAYER
 */
export function openOwnIndex(store: ContentStore, digest: Digest): IndexFile | undefined {
  const fd = store.openFd('index', indexKey(LAYER_INDEX_VERSION, digest));
  if (fd === undefined) return undefined;
  const { size } = fstatSync(fd);
  const read = (offset: number, length: number) => readExactly(fd, offset, length, size);
  const close = () => closeSync(fd);
  try {
    const before = beforeStates(read);
    if (!before) return { size, read, close };
    const joined = joinedFile(store, digest, before);
    close();
    return joined;
  } catch (error) {
    close();
    throw error;
  }
}

/** Returns an index whose states are a file of their own, as one file. */
function joinedFile(
  store: ContentStore,
  digest: Digest,
  { bytes, statesLength }: { bytes: Uint8Array; statesLength: number },
): IndexFile | undefined {
  const fd = openStates(store, digest, statesLength);
  if (fd === undefined) return undefined;
  return {
    size: bytes.length + statesLength,
    read(offset, length) {
      const head = bytes.subarray(offset, offset + length);
      if (head.length === length) return head;
      const start = Math.max(0, offset - bytes.length);
      return Buffer.concat([head, readExactly(fd, start, length - head.length, statesLength)]);
    },
    close: () => closeSync(fd),
  };
}

/** @returns undefined if the index is not cached, or refuted */
export function openStored(store: ContentStore, digest: Digest, origin: IndexOrigin): IndexFile | undefined {
  const name = originKey(origin);
  if (name !== '' && store.has('refutation', refutedKey(digest, name))) return undefined;
  const fd = store.openFd('index', indexKey(LAYER_INDEX_VERSION, digest, name));
  if (fd === undefined) return undefined;
  const { size } = fstatSync(fd);
  const read = (offset: number, length: number) => readExactly(fd, offset, length, size);
  return { size, read, close: () => closeSync(fd) };
}

/**
 * Reads and decodes an encoded index.
 * @param size bytes of the file
 * @throws LayerslayerError CORRUPT_LAYER
 */
export function readLayerIndex(fd: number, size: number): LayerIndex {
  return decodeLayerIndex((offset, length) => readExactly(fd, offset, length, size));
}

/** Key of the states of an index of our own pass. */
export function statesKey(digest: Digest): string {
  return indexKey(LAYER_INDEX_VERSION, digest);
}

/** @returns undefined if there is no file of that length */
export function openStates(store: ContentStore, digest: Digest, length: number): number | undefined {
  const fd = store.openFd('states', statesKey(digest));
  if (fd === undefined || fstatSync(fd).size === length) return fd;
  closeSync(fd);
  return undefined;
}

/** Without a version: a table that lies does so in every format of ours. */
export function refutedKey(digest: Digest, name: string): string {
  return `${digest}${name}`;
}

/** @param size of the file, bytes */
export function readExactly(fd: number, offset: number, length: number, size: number): Uint8Array {
  // Before room is made for what a damaged header says.
  const missing = length - (size - offset);
  if (missing > 0) throw new LayerslayerError('CORRUPT_LAYER', `it ends ${missing} bytes early`);
  const bytes = Buffer.allocUnsafeSlow(length);
  const read = readSync(fd, bytes, 0, length, offset);
  if (read !== length) throw new LayerslayerError('CORRUPT_LAYER', `it ends ${length - read} bytes early`);
  return bytes;
}
