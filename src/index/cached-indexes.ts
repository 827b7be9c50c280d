import { closeSync, fstatSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { ContentStore } from '../cache/content-store.js';
import { withMachineLock } from '../cache/machine-lock.js';
import { indexKey } from '../cache/store-layout.js';
import { type Digest, digestHex, shortDigest } from '../oci/digest.js';
import type { StateStorage } from './checkpoints.js';
import { decodeLayerIndex, LAYER_INDEX_VERSION } from './index-file.js';
import type { FoundIndex, IndexProvider } from './index-provider.js';
import type { LayerIndex } from './layer-index.js';

/**
 * Characters of a digest: a socket's name is short. Layers that share a lock only wait for each
 * other.
 */
const LOCK_NAME_LENGTH = 32;

export interface CachedIndex {
  index: LayerIndex;
  states: StateStorage;
  cached: boolean; // it was on disk: an earlier mount or another process stored it
}

/**
 * Layer indexes on disk. One process on this machine asks the other providers for an index; all
 * that share the cache directory use it.
 */
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
      if (wanted.size === 0 || this.#preloaded.size < wanted.size) onMissing();
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
      this.#log.warn(`the cached index of ${shortDigest(digest)} is made anew: ${(error as Error).message}`);
      await store.remove('index', key);
      return undefined;
    }
  }

  async #cache(store: ContentStore, digest: Digest, made: FoundIndex): Promise<CachedIndex> {
    const key = indexKey(LAYER_INDEX_VERSION, digest);
    if (!(await store.write('index', key, made.bytes))) return inMemory(made);
    if (!made.index) {
      const cached = await this.#load(store, digest);
      return cached ? { ...cached, cached: false } : inMemory(made);
    }
    const fd = store.openFd('index', key);
    if (fd === undefined) return inMemory(made);
    this.#openFds.add(fd);
    return { index: made.index, states: { fd, offset: made.index.states.offset }, cached: false };
  }
}

async function firstOf(providers: readonly IndexProvider[], signal: AbortSignal): Promise<FoundIndex> {
  for (const provider of providers) {
    const found = await provider.find(signal);
    if (found) return found;
  }
  throw new LayerslayerError('INTERNAL', 'no provider has an index of the layer');
}

/** An index that is not on disk: its states go to memory that the inflate threads share. */
function inMemory({ bytes, index: known }: FoundIndex): CachedIndex {
  const index = known ?? decodeLayerIndex((offset, length) => bytes.subarray(offset, offset + length));
  const { offset, length } = index.states;
  const memory = new SharedArrayBuffer(length);
  new Uint8Array(memory).set(bytes.subarray(offset, offset + length));
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
