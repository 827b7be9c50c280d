import { closeSync, fstatSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { ContentStore } from '../cache/content-store.js';
import { withMachineLock } from '../cache/machine-lock.js';
import { type Digest, digestHex, shortDigest } from '../oci/digest.js';
import type { StateStorage } from './checkpoints.js';
import type { EntryColumns } from './entry-columns.js';
import { indexKey, LAYER_INDEX_VERSION } from './entry-table.js';
import { decodeLayerIndex } from './index-file.js';
import type { LayerIndex } from './layer-index.js';

/** Characters of a digest: a socket's name is short. Layers may share a lock. */
const LOCK_NAME_LENGTH = 32;

/**
 * A source of one layer's index. `CachedIndexes.find` returns the index of the first provider that
 * has one, in this order:
 *
 * 1. cached: on this machine's disk (`CachedIndexes` itself).
 * 2. published: an artifact in the registry that refers to the image. (Not yet.)
 * 3. table of contents: in the layer itself, as eStargz and zstd:chunked have it. (Not yet.)
 * 4. own pass: reads the whole blob. It always has an index, or throws.
 *
 * Providers 2 to 4 run while the machine-wide lock of the layer is held, and what they return is
 * cached. A provider whose index turns out unusable (another version, a digest that does not match)
 * returns undefined and logs a warning, so that the next one is asked. It vouches for its index: it
 * checked the bytes against a digest that the manifest leads to, or made them in a verified pass.
 * The index says how bytes of the layer are verified later (`LayerIndex.verification`).
 */
export interface IndexProvider {
  /**
   * Returns the layer's index, or undefined if this provider has none.
   * @throws LayerslayerError if asking further providers is no use: ABORTED, DIGEST_MISMATCH,
   *   CORRUPT_LAYER, UNSUPPORTED; from the last one, anything
   */
  find(signal: AbortSignal): Promise<FoundIndex | undefined>;
}

/** An encoded index. */
export interface FoundIndex {
  bytes: Uint8Array;
  entries?: EntryColumns | undefined; // its entries, if an observer has them in memory
}

export interface CachedIndex {
  index: LayerIndex;
  states: StateStorage;
  cached: boolean; // it was on disk: an earlier mount or another process stored it
}

/** Layer indexes on disk. One process of the machine makes an index, the others wait for it. */
export class CachedIndexes {
  readonly #store: Promise<ContentStore>;
  readonly #log: Log;
  readonly #openFds = new Set<number>();
  /** Loaded before `find` asks for them. */
  readonly #preloaded = new Map<Digest, CachedIndex>();
  #preloading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(store: Promise<ContentStore>, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * Loads the cached indexes of these layers for `find`, one a turn of the event loop.
   * @param onMissing one is not cached, or no layer is known
   */
  preload(digests: (store: ContentStore) => readonly Digest[], onMissing: () => void): void {
    this.#preloading = this.#store.then(async (store) => {
      const wanted = new Set(digests(store));
      for (const digest of wanted) {
        if (this.#closed) return;
        const cached = await this.#load(store, digest);
        if (!cached) break;
        this.#preloaded.set(digest, cached);
        await nextTurn();
      }
      const isMissing = wanted.size === 0 || this.#preloaded.size < wanted.size;
      if (isMissing && !this.#closed) onMissing();
    });
  }

  /** Drops what was preloaded and not used. */
  async endPreloading(): Promise<void> {
    await this.#preloading;
    this.#preloaded.clear();
  }

  /** Returns the cached index, if there is one. */
  async load(digest: Digest): Promise<CachedIndex | undefined> {
    return this.#load(await this.#store, digest);
  }

  /**
   * Returns the cached index, else that of the first provider that has one, and caches it. Other
   * processes that want it wait meanwhile.
   * @param onWait another process is about to store it
   * @throws what a provider throws; the signal's reason; IO_FAILED if the lock cannot be taken
   */
  async find(
    digest: Digest,
    {
      providers,
      onWait,
      signal,
    }: { providers: readonly IndexProvider[]; onWait(): void; signal: AbortSignal },
  ): Promise<CachedIndex> {
    const store = await this.#store;
    await this.#preloading;
    const cached = this.#preloaded.get(digest) ?? (await this.#load(store, digest));
    if (cached) return cached;
    if (!store.usable) return inMemory(await firstOf(providers, signal));
    return withMachineLock(
      { directory: store.lockDirectory, name: `index-${digestHex(digest).slice(0, LOCK_NAME_LENGTH)}` },
      async () =>
        (await this.#load(store, digest)) ?? this.#cache(store, digest, await firstOf(providers, signal)),
      {
        onWait,
        signal,
        onUnlocked: (reason) => reason && store.warnUnlocked(reason),
      },
    );
  }

  /** Called when nothing reads a state and no `find` is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.endPreloading();
    for (const fd of this.#openFds) closeSync(fd);
    this.#openFds.clear();
    await (await this.#store).close();
  }

  async #load(store: ContentStore, digest: Digest): Promise<CachedIndex | undefined> {
    const key = indexKey(LAYER_INDEX_VERSION, digest);
    // The file stays open for its states: evicting it does no harm to a mount that uses it.
    const fd = store.openFd('index', key);
    if (fd === undefined) return undefined;
    try {
      const { size } = fstatSync(fd);
      const index = decodeLayerIndex((offset, length) => readExactly(fd, offset, length, size));
      if (index.digest !== digest)
        throw new LayerslayerError('CORRUPT_LAYER', `it is the index of ${index.digest}`);
      this.#openFds.add(fd);
      return { index, states: { fd, offset: index.states.offset }, cached: true };
    } catch (error) {
      closeSync(fd);
      this.#log.warn(`the cached index of ${shortDigest(digest)} is made again: ${(error as Error).message}`);
      await store.remove('index', key);
      return undefined;
    }
  }

  async #cache(store: ContentStore, digest: Digest, made: FoundIndex): Promise<CachedIndex> {
    const index = indexOf(made);
    const key = indexKey(LAYER_INDEX_VERSION, digest);
    const isStored = await store.write('index', key, made.bytes);
    const fd = isStored ? store.openFd('index', key) : undefined;
    if (fd === undefined) return inMemory(made, index);
    this.#openFds.add(fd);
    return { index, states: { fd, offset: index.states.offset }, cached: false };
  }
}

async function firstOf(providers: readonly IndexProvider[], signal: AbortSignal): Promise<FoundIndex> {
  for (const provider of providers) {
    const found = await provider.find(signal);
    if (found) return found;
  }
  throw new LayerslayerError('INTERNAL', 'no provider has an index of the layer');
}

/** Decodes copies of the sections, so that the index does not keep all bytes in memory. */
function indexOf({ bytes, entries }: FoundIndex): LayerIndex {
  return decodeLayerIndex((offset, length) => bytes.slice(offset, offset + length), entries);
}

/** An index that is not on disk: its states go to memory that the inflate threads share. */
function inMemory(made: FoundIndex, index = indexOf(made)): CachedIndex {
  const { offset, length } = index.states;
  const memory = new SharedArrayBuffer(length);
  new Uint8Array(memory).set(made.bytes.subarray(offset, offset + length));
  return { index, states: { memory }, cached: false };
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
