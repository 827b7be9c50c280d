import { closeSync, fstatSync } from 'node:fs';
import { asLayerslayerError, LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { ContentStore } from '../cache/content-store.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import { indexKey, LAYER_INDEX_VERSION } from './entry-table.js';
import { decodeLayerIndex } from './file/decode-index.js';
import { type IndexOrigin, OWN, originKey } from './index-origin.js';
import type { LayerIndex } from './layer-index.js';
import { originTrailer, readOriginTrailer } from './origin-trailer.js';
import { SharedLoads } from './shared-loads.js';
import { areStatesIntact, type StateStorage } from './states/checkpoints.js';
import type { SplitIndex } from './states/detached-states.js';
import { openStates, readExactly, refutedKey, statesKey } from './stored-file.js';

/**
 * Reads and decodes an encoded index elsewhere, such as in a thread.
 * @throws LayerslayerError CORRUPT_LAYER for a damaged one. After any other the caller decodes it
 */
export type LoadIndexElsewhere = (fd: number, size: number) => Promise<LayerIndex>;

/** Bytes of an index file. Decoding fewer takes 3 ms, which is not worth another thread. */
const LARGE_INDEX = 64 * 1024;

/** An index on disk. The file with its states stays open. */
export interface StoredIndex {
  index: LayerIndex;
  states: StateStorage;
  origin: IndexOrigin;
}

/**
 * Layer indexes on disk, one for each origin. An index of an own pass is stored byte for byte, but
 * for long states: those are a content of their own, which is evicted before all indexes. Indexes
 * of others have their origin behind them. Refuted origins are cached as a kind of their own, which
 * outlasts the indexes.
 */
export class StoredIndexes {
  readonly #store: ContentStore;
  readonly #log: Log;
  readonly #openFds = new Set<number>();
  /** Layers keep the entries of their indexes. */
  readonly #loads = new SharedLoads<StoredIndex>(({ index }) => index.entries);
  readonly #elsewhere: LoadIndexElsewhere | undefined;
  #isClosed = false;
  /** Refuted in this session: there may be no cache to remember it. */
  readonly #refuted = new Set<string>();

  /** @param elsewhere loads large indexes; default: this thread does */
  constructor(store: ContentStore, log: Log, elsewhere?: LoadIndexElsewhere) {
    this.#store = store;
    this.#log = log;
    this.#elsewhere = elsewhere;
  }

  /** Returns undefined if there is none. Removes a damaged one. */
  async load(digest: Digest, origin: IndexOrigin): Promise<StoredIndex | undefined> {
    return this.loadNamed(digest, originKey(origin));
  }

  /** As `load`, of the first origin that has one. Refuted ones have none. */
  async loadFirst(digest: Digest, origins: readonly IndexOrigin[]): Promise<StoredIndex | undefined> {
    for (const origin of origins) {
      if (this.isRefuted(digest, origin)) continue;
      const found = await this.load(digest, origin);
      if (found) return found;
    }
    return undefined;
  }

  /** As `load`, by the key of the origin. */
  async loadNamed(digest: Digest, name: string): Promise<StoredIndex | undefined> {
    const key = indexKey(LAYER_INDEX_VERSION, digest, name);
    // The file stays open for its states: evicting it does no harm to a mount that uses it.
    const fd = this.#store.openFd('index', key);
    if (fd === undefined) return undefined;
    let isUsed = false;
    try {
      const { size, ino } = fstatSync(fd);
      return await this.#loads.share(key, ino, async () => {
        const stored = await this.#decode(fd, size, { digest, name });
        isUsed = !this.#isClosed;
        if (isUsed) this.#openFds.add(fd);
        return stored;
      });
    } catch (error) {
      this.#log.warn(`the cached index of ${shortDigest(digest)} is made again: ${(error as Error).message}`);
      await this.#store.remove('index', key);
      return undefined;
    } finally {
      if (!isUsed) closeSync(fd);
    }
  }

  /** @throws LayerslayerError CORRUPT_LAYER */
  async #decode(
    fd: number,
    size: number,
    { digest, name }: { digest: Digest; name: string },
  ): Promise<StoredIndex> {
    const read = (offset: number, length: number) => readExactly(fd, offset, length, size);
    const origin = name === '' ? OWN : readOriginTrailer(read, size);
    if (originKey(origin) !== name) throw new LayerslayerError('CORRUPT_LAYER', 'its origin is another');
    const index =
      (size < LARGE_INDEX ? undefined : await this.#decodeElsewhere(fd, size)) ?? decodeLayerIndex(read);
    if (index.digest !== digest)
      throw new LayerslayerError('CORRUPT_LAYER', `it is the index of ${index.digest}`);
    return { index, states: this.#storageOf(index, fd), origin };
  }

  /** @returns undefined if that failed for another reason than damage */
  async #decodeElsewhere(fd: number, size: number): Promise<LayerIndex | undefined> {
    try {
      return await this.#elsewhere?.(fd, size);
    } catch (error) {
      if (asLayerslayerError(error).code === 'CORRUPT_LAYER') throw error;
      return undefined;
    }
  }

  has(digest: Digest, origin: IndexOrigin): boolean {
    return this.#store.has('index', indexKey(LAYER_INDEX_VERSION, digest, originKey(origin)));
  }

  /**
   * Whether the states of a stored index can be read. Reads all of them if they are a file of their
   * own, and removes a damaged one.
   */
  async hasStates({ index, states }: StoredIndex): Promise<boolean> {
    if (!('detachedFd' in states)) return true;
    if (states.detachedFd === undefined) return false;
    if (await areStatesIntact(index.checkpoints, states)) return true;
    await this.#store.remove('states', statesKey(index.digest));
    return false;
  }

  /** Stores an encoded index. @returns whether it was stored; its states may not have been */
  async write(digest: Digest, origin: IndexOrigin, { bytes, states }: SplitIndex): Promise<boolean> {
    // First the states: a process that loads the index finds them.
    if (states) await this.#store.write('states', statesKey(digest), states);
    const key = indexKey(LAYER_INDEX_VERSION, digest, originKey(origin));
    const trailer = origin.kind === 'own' ? undefined : originTrailer(origin);
    const writer = await this.#store.begin('index', key, bytes.length + (trailer?.length ?? 0));
    await writer?.append(bytes);
    if (trailer) await writer?.append(trailer);
    return (await writer?.commit()) ?? false;
  }

  /**
   * Loads elsewhere a large index that was just written.
   * @returns undefined for a small one, or without `elsewhere`
   */
  async loadWritten(
    digest: Digest,
    origin: IndexOrigin,
    { bytes }: SplitIndex,
  ): Promise<StoredIndex | undefined> {
    return this.#elsewhere && bytes.length >= LARGE_INDEX ? await this.load(digest, origin) : undefined;
  }

  /** Returns where the states of an index are that was just written; undefined if they are not. */
  statesOf(digest: Digest, origin: IndexOrigin, index: LayerIndex): StateStorage | undefined {
    const fd = this.#store.openFd('index', indexKey(LAYER_INDEX_VERSION, digest, originKey(origin)));
    if (fd === undefined) return undefined;
    this.#openFds.add(fd);
    const states = this.#storageOf(index, fd);
    return 'detachedFd' in states && states.detachedFd === undefined ? undefined : states;
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

  #storageOf({ digest, states, remoteStates, detachedStates }: LayerIndex, fd: number): StateStorage {
    if (remoteStates) return { remote: remoteStates };
    if (!detachedStates) return { fd, offset: states.offset };
    const detachedFd = openStates(this.#store, digest, detachedStates.length);
    if (detachedFd === undefined) return { detachedFd };
    if (this.#isClosed) {
      closeSync(detachedFd); // `close` came while the index was loaded
      return { detachedFd: undefined };
    }
    this.#openFds.add(detachedFd);
    return { detachedFd };
  }

  /** Called when nothing reads a state. */
  close(): void {
    this.#isClosed = true;
    for (const fd of this.#openFds) closeSync(fd);
    this.#openFds.clear();
  }
}
