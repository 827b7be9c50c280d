import { closeSync, fstatSync, readSync } from 'node:fs';
import { LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { ContentStore } from '../cache/content-store.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { StateStorage } from './checkpoints.js';
import { indexKey, LAYER_INDEX_VERSION, type NameTable } from './entry-table.js';
import { decodeLayerIndex, decodeNames } from './index-file.js';
import { type IndexOrigin, OWN, originKey } from './index-origin.js';
import type { LayerIndex } from './layer-index.js';
import { originTrailer, readOriginTrailer } from './origin-trailer.js';

/** An index on disk. Its file stays open for its states. */
export interface StoredIndex {
  index: LayerIndex;
  states: StateStorage;
  origin: IndexOrigin;
}

/**
 * Layer indexes on disk, one for each origin. An index of an own pass is stored byte for byte.
 * Others have their origin behind them. Refuted origins are cached as a kind of
 * their own, which outlasts the indexes.
 */
export class StoredIndexes {
  readonly #store: ContentStore;
  readonly #log: Log;
  readonly #openFds = new Set<number>();
  /** Refuted in this session: there may be no cache to remember it. */
  readonly #refuted = new Set<string>();

  constructor(store: ContentStore, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** Returns undefined if there is none. Removes a damaged one. */
  async load(digest: Digest, origin: IndexOrigin): Promise<StoredIndex | undefined> {
    return this.loadNamed(digest, originKey(origin));
  }

  /** As `load`, by the key of the origin. */
  async loadNamed(digest: Digest, name: string): Promise<StoredIndex | undefined> {
    const key = indexKey(LAYER_INDEX_VERSION, digest, name);
    // The file stays open for its states: evicting it does no harm to a mount that uses it.
    const fd = this.#store.openFd('index', key);
    if (fd === undefined) return undefined;
    try {
      const { size } = fstatSync(fd);
      const read = (offset: number, length: number) => readExactly(fd, offset, length, size);
      const origin = name === '' ? OWN : readOriginTrailer(read, size);
      if (originKey(origin) !== name) throw new LayerslayerError('CORRUPT_LAYER', 'its origin is another');
      const index = decodeLayerIndex(read);
      if (index.digest !== digest)
        throw new LayerslayerError('CORRUPT_LAYER', `it is the index of ${index.digest}`);
      this.#openFds.add(fd);
      return { index, states: storageOf(index, fd), origin };
    } catch (error) {
      closeSync(fd);
      this.#log.warn(`the cached index of ${shortDigest(digest)} is made again: ${(error as Error).message}`);
      await this.#store.remove('index', key);
      return undefined;
    }
  }

  has(digest: Digest, origin: IndexOrigin): boolean {
    return this.#store.has('index', indexKey(LAYER_INDEX_VERSION, digest, originKey(origin)));
  }

  /** Stores an encoded index. @returns whether it was stored */
  async write(digest: Digest, origin: IndexOrigin, bytes: Uint8Array): Promise<boolean> {
    const key = indexKey(LAYER_INDEX_VERSION, digest, originKey(origin));
    const trailer = origin.kind === 'own' ? undefined : originTrailer(origin);
    const writer = await this.#store.begin('index', key, bytes.length + (trailer?.length ?? 0));
    await writer?.append(bytes);
    if (trailer) await writer?.append(trailer);
    return (await writer?.commit()) ?? false;
  }

  /** Returns where the states of an index are that was just written. */
  statesOf(digest: Digest, origin: IndexOrigin, index: LayerIndex): StateStorage | undefined {
    const fd = this.#store.openFd('index', indexKey(LAYER_INDEX_VERSION, digest, originKey(origin)));
    if (fd === undefined) return undefined;
    this.#openFds.add(fd);
    return storageOf(index, fd);
  }

  /** Returns the origin of an index on disk; undefined if it is gone or damaged. */
  originOf(digest: Digest, name: string): IndexOrigin | undefined {
    const fd = this.#store.openFd('index', indexKey(LAYER_INDEX_VERSION, digest, name));
    if (fd === undefined) return undefined;
    try {
      const { size } = fstatSync(fd);
      return readOriginTrailer((offset, length) => readExactly(fd, offset, length, size), size);
    } catch {
      return undefined;
    } finally {
      closeSync(fd);
    }
  }

  /** Returns the keys of the other origins of which the layer has an index on disk. */
  foreign(digest: Digest): string[] {
    return this.#store
      .namesSync('index', String(LAYER_INDEX_VERSION))
      .filter((name) => name.startsWith(`${digest}.`))
      .map((name) => name.slice(digest.length));
  }

  async remove(digest: Digest, name: string): Promise<void> {
    await this.#store.remove('index', indexKey(LAYER_INDEX_VERSION, digest, name));
  }

  /** Removes the index of an origin and marks it: it is not used or asked for any more. */
  async refute(digest: Digest, name: string, reason: string): Promise<void> {
    const key = refutedKey(digest, name);
    this.#refuted.add(key);
    // First the marker: a process that ends in between leaves no index that passes for good.
    await this.#store.write('refutation', key, Buffer.from(reason));
    await this.remove(digest, name);
  }

  isRefuted(digest: Digest, origin: IndexOrigin): boolean {
    if (origin.kind === 'own') return false;
    const key = refutedKey(digest, originKey(origin));
    return this.#refuted.has(key) || this.#store.has('refutation', key);
  }

  /** Called when nothing reads a state. */
  close(): void {
    for (const fd of this.#openFds) closeSync(fd);
    this.#openFds.clear();
  }
}

function storageOf({ states, remoteStates }: LayerIndex, fd: number): StateStorage {
  return remoteStates ? { remote: remoteStates } : { fd, offset: states.offset };
}

/** An encoded index on disk. */
export interface IndexFile {
  size: number; // bytes
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/**
 * Opens the encoded index of a layer that our own pass made. It stays readable when it is evicted.
 * @returns undefined if it is not cached
 */
export function openOwnIndex(store: ContentStore, digest: Digest): IndexFile | undefined {
  const fd = store.openFd('index', indexKey(LAYER_INDEX_VERSION, digest));
  if (fd === undefined) return undefined;
  const { size } = fstatSync(fd);
  return {
    size,
    read: (offset, length) => readExactly(fd, offset, length, size),
    close: () => closeSync(fd),
  };
}

/**
 * Reads the names of a cached index, and changes nothing in the cache.
 * @param limit of their bytes in memory
 * @returns the names and their bytes; undefined if the index is not cached, refuted, damaged, or
 *   past the limit
 */
export function readStoredNames(
  store: ContentStore,
  digest: Digest,
  origin: IndexOrigin,
  limit: number,
): { names: NameTable; size: number } | undefined {
  const name = originKey(origin);
  if (name !== '' && store.has('refutation', refutedKey(digest, name))) return undefined;
  const fd = store.openFd('index', indexKey(LAYER_INDEX_VERSION, digest, name));
  if (fd === undefined) return undefined;
  try {
    const { size } = fstatSync(fd);
    const read = (offset: number, length: number) => readExactly(fd, offset, length, size);
    const decoded = decodeNames(read, limit);
    return decoded?.digest === digest ? decoded : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** Without a version: a table that lies does so in every format of ours. */
function refutedKey(digest: Digest, name: string): string {
  return `${digest}${name}`;
}

/** @param size of the file, bytes */
function readExactly(fd: number, offset: number, length: number, size: number): Uint8Array {
  // Before room is made for what a damaged header says.
  const missing = length - (size - offset);
  if (missing > 0) throw new LayerslayerError('CORRUPT_LAYER', `it ends ${missing} bytes early`);
  const bytes = Buffer.allocUnsafeSlow(length);
  const read = readSync(fd, bytes, 0, length, offset);
  if (read !== length) throw new LayerslayerError('CORRUPT_LAYER', `it ends ${length - read} bytes early`);
  return bytes;
}
