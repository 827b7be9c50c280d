import { closeSync, fstatSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { ContentStore } from '../cache/content-store.js';
import { withMachineLock } from '../cache/machine-lock.js';
import { indexKey } from '../cache/store-layout.js';
import { type Digest, digestHex, shortDigest } from '../oci/digest.js';
import type { StateStorage } from './checkpoints.js';
import type { LayerIndex } from './layer-index.js';
import { decodeLayerIndex, LAYER_INDEX_VERSION } from './layer-index-codec.js';

/**
 * Characters of a digest: a socket's name is short. Layers that share a lock only wait for each
 * other.
 */
const LOCK_NAME_LENGTH = 32;

export interface KeptIndex {
  index: LayerIndex;
  states: StateStorage;
  cached: boolean; // it was kept from an earlier mount, or another process has just made it
}

/** An index that was made just now. */
export interface MadeIndex {
  bytes: Uint8Array; // encoded
  index?: LayerIndex; // the same, when this thread made it
}

/** Layer indexes on disk, made by one process on this machine and used by all that share the cache directory. */
export class KeptIndexes {
  readonly #store: Promise<ContentStore>;
  readonly #log: Log;
  readonly #openFds = new Set<number>();
  /** Loaded before anybody asked; whoever asks takes it. */
  readonly #preloaded = new Map<Digest, KeptIndex>();
  #preloading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(store: Promise<ContentStore>, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * Loads the indexes that are kept of these layers, one a turn of the event loop, for `loadOrMake` to find.
   * @param onMissing one is not kept, or no layer is known
   */
  preload(digests: (store: ContentStore) => readonly Digest[], onMissing: () => void): void {
    this.#preloading = this.#store.then(async (store) => {
      const wanted = new Set(digests(store));
      for (const digest of wanted) {
        if (this.#closed) return;
        const kept = await this.#load(store, digest);
        if (!kept) break;
        this.#preloaded.set(digest, kept);
        await nextTurn();
      }
      if (wanted.size === 0 || this.#preloaded.size < wanted.size) onMissing();
    });
  }

  /** Lets go of what was preloaded for nothing. */
  async endPreloading(): Promise<void> {
    await this.#preloading;
    this.#preloaded.clear();
  }

  /** The kept index, if there is one. */
  async load(digest: Digest): Promise<KeptIndex | undefined> {
    return this.#load(await this.#store, digest);
  }

  /**
   * The kept index, else the one that `make` gives; meanwhile other processes that want it wait.
   * @param onWait another process is making it
   * @throws what `make` throws; the signal's reason; IO_FAILED when the lock cannot be had
   */
  async loadOrMake(
    digest: Digest,
    { make, onWait, signal }: { make(): Promise<MadeIndex>; onWait(): void; signal: AbortSignal },
  ): Promise<KeptIndex> {
    const store = await this.#store;
    await this.#preloading;
    const kept = this.#preloaded.get(digest) ?? (await this.#load(store, digest));
    if (kept) return kept;
    if (!store.usable) return inMemory(await make());
    return withMachineLock(
      { directory: store.lockDirectory, name: `index-${digestHex(digest).slice(0, LOCK_NAME_LENGTH)}` },
      async () => (await this.#load(store, digest)) ?? this.#keep(store, digest, await make()),
      {
        onWait,
        signal,
        onUnlocked: (reason) => reason && store.warnUnlocked(reason),
      },
    );
  }

  /** Called when nothing reads a state and no `loadOrMake` is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.endPreloading();
    for (const fd of this.#openFds) closeSync(fd);
    this.#openFds.clear();
    await (await this.#store).close();
  }

  async #load(store: ContentStore, digest: Digest): Promise<KeptIndex | undefined> {
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
      this.#log.warn(`the kept index of ${shortDigest(digest)} is made anew: ${(error as Error).message}`);
      await store.remove('index', key);
      return undefined;
    }
  }

  async #keep(store: ContentStore, digest: Digest, made: MadeIndex): Promise<KeptIndex> {
    const key = indexKey(LAYER_INDEX_VERSION, digest);
    if (!(await store.write('index', key, made.bytes))) return inMemory(made);
    if (!made.index) {
      const kept = await this.#load(store, digest);
      return kept ? { ...kept, cached: false } : inMemory(made);
    }
    const fd = store.openFd('index', key);
    if (fd === undefined) return inMemory(made);
    this.#openFds.add(fd);
    return { index: made.index, states: { fd, offset: made.index.states.offset }, cached: false };
  }
}

/** An index that the disk does not keep: its states go to memory that the inflating threads share. */
function inMemory({ bytes, index: known }: MadeIndex): KeptIndex {
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
