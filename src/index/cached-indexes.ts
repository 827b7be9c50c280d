import { LayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { ContentStore } from '../cache/content-store.js';
import { withMachineLock } from '../cache/machine-lock.js';
import { type Digest, digestHex, shortDigest } from '../oci/digest.js';
import type { EntryColumns } from './entry-columns.js';
import { decodeLayerIndex } from './file/decode-index.js';
import { differenceOf } from './index-comparison.js';
import { type IndexOrigin, OWN, originKey, originText } from './index-origin.js';
import type { IndexComparison, IndexProvider, ProvidedIndex } from './index-provider.js';
import type { LayerIndex } from './layer-index.js';
import { PreloadedIndexes, type PreloadedLayer } from './preloaded-indexes.js';
import { type SplitIndex, splitStates } from './states/detached-states.js';
import { type LoadIndexElsewhere, type StoredIndex, StoredIndexes } from './stored-indexes.js';

export { checkLayerIndex } from './file/foreign-index.js';
export { differenceOf } from './index-comparison.js';
export {
  DEFAULT_TRUST,
  type IndexOrigin,
  type IndexSources,
  type IndexTrust,
  isAdmitted,
  OWN,
  originKey,
  originText,
  parseOrigin,
} from './index-origin.js';
export type { IndexComparison, IndexProvider, ProvidedIndex } from './index-provider.js';
export type { LayerIndex } from './layer-index.js';
export { type GivenLayerIndex, indexOfGiven, sharedIndex, sharedVerification } from './shared-index.js';
export { detachableStates, withoutStates } from './states/detached-states.js';
export type { RemoteStates } from './states/remote-states.js';
export { type IndexFile, openOwnIndex, readLayerIndex } from './stored-file.js';
export { type LoadIndexElsewhere, StoredIndexes } from './stored-indexes.js';
export { readStoredNames, readStoredTable } from './stored-names.js';

/** Characters of a digest: a socket's name is short. Layers may share a lock. */
const LOCK_NAME_LENGTH = 32;

export interface CachedIndex extends StoredIndex {
  cached: boolean; // it was on disk: an earlier mount or another process stored it
}

export interface FindIndexOptions {
  providers: readonly IndexProvider[];
  /** An index of an own pass whose states left the cache is made again. Default: it is used. */
  needsStates?: boolean | undefined;
  /** A cached index without digests of the layer's blocks counts as absent. Default: it is used. */
  onlyBlocks?: boolean | undefined;
  /** Another process is about to store the index. */
  onWait(): void;
  signal: AbortSignal;
}

/** Layer indexes on disk. One process of the machine makes an index, the others wait for it. */
export class CachedIndexes {
  readonly #store: Promise<ContentStore>;
  readonly #stored: Promise<StoredIndexes>;
  readonly #log: Log;
  readonly #preloaded = new PreloadedIndexes();
  /** Markers that are being written. */
  readonly #refuting = new Set<Promise<void>>();

  /** @param elsewhere loads large indexes; default: this thread does */
  constructor(store: Promise<ContentStore>, log: Log, elsewhere?: LoadIndexElsewhere) {
    this.#store = store;
    this.#stored = store.then((opened) => new StoredIndexes(opened, log, elsewhere));
    this.#log = log;
  }

  /**
   * Loads the cached indexes of these layers for `find`, one a turn of the event loop.
   * @param onMissing one is not cached, or no layer is known
   */
  preload(layers: (store: ContentStore) => readonly PreloadedLayer[], onMissing: () => void): void {
    this.#preloaded.load(this.#stored, this.#store.then(layers), onMissing);
  }

  /** Drops what was preloaded and not used. */
  endPreloading(): Promise<void> {
    return this.#preloaded.clear();
  }

  /** Returns the cached index of our own pass, else of the first of `origins`, if there is one. */
  async load(digest: Digest, origins: readonly IndexOrigin[] = []): Promise<CachedIndex | undefined> {
    return fromDisk(await (await this.#stored).loadFirst(digest, [OWN, ...origins]));
  }

  /**
   * Returns the cached index, else that of the first provider that has one, and caches it. Other
   * processes that want it wait meanwhile.
   * @throws what a provider throws; the signal's reason; IO_FAILED if the lock cannot be taken
   */
  async find(
    digest: Digest,
    { providers, needsStates = false, onlyBlocks = false, onWait, signal }: FindIndexOptions,
  ): Promise<CachedIndex> {
    const [store, stored] = await Promise.all([this.#store, this.#stored]);
    await this.#preloaded.loaded();
    const search = { providers, needsStates, onlyBlocks };
    const cached = await this.#cached(stored, digest, search);
    if (cached) return cached;
    if (!store.usable) {
      const made = await this.#provided(stored, digest, providers, signal);
      return inMemory(made, made.origin, indexOf(made, made.entries));
    }
    return this.#locked(store, digest, { onWait, signal }, async () => {
      const found = await this.#cached(stored, digest, search);
      if (found) return found;
      // Mounts prefer the index of an own pass, so only another pass helps if its states are gone.
      const isIncomplete = needsStates && stored.has(digest, OWN);
      const asked = isIncomplete ? providers.filter(({ origins }) => origins.length === 0) : providers;
      return this.#cache(stored, digest, await this.#provided(stored, digest, asked, signal));
    });
  }

  /**
   * Makes and stores the index of an own pass, unless it is cached. Mounts that use another index
   * keep it. Such a pass pauses for reads. So it has a lock of its own, and `find` does not wait.
   * @returns the cached index; undefined if the pass was made
   * @throws as `find`
   */
  async prove(
    digest: Digest,
    pass: (compared: readonly string[]) => Promise<ProvidedIndex>,
    signal: AbortSignal,
  ): Promise<CachedIndex | undefined> {
    const [store, stored] = await Promise.all([this.#store, this.#stored]);
    const prove = async () => {
      const known = fromDisk(await stored.loadFirst(digest, [OWN]));
      if (known) return known;
      const { bytes, comparisons } = await pass(stored.foreign(digest));
      await stored.write(digest, OWN, splitStates(bytes));
      await this.#settle(stored, digest, comparisons ?? []);
      return undefined;
    };
    if (!store.usable) return prove();
    return this.#locked(store, digest, { onWait() {}, signal }, prove, 'compared');
  }

  /** Returns the origin of the index that `find` would return, if the first provider has one. */
  async expectedOrigin(digest: Digest, providers: readonly IndexProvider[]): Promise<IndexOrigin> {
    const stored = await this.#stored;
    if (stored.has(digest, OWN)) return OWN;
    const origins = usable(stored, digest, providers).flatMap((provider) => provider.origins);
    return origins.find((origin) => stored.has(digest, origin)) ?? origins[0] ?? OWN;
  }

  /**
   * Marks the index of an origin as wrong: it is removed, and not used or asked for any more.
   * @param reason for the log
   */
  async refute(digest: Digest, origin: IndexOrigin, reason: string): Promise<void> {
    const refuting = this.#stored.then((stored) => stored.refute(digest, originKey(origin), reason));
    this.#refuting.add(refuting);
    try {
      await refuting;
    } finally {
      this.#refuting.delete(refuting);
    }
  }

  async isRefuted(digest: Digest, origin: IndexOrigin): Promise<boolean> {
    return (await this.#stored).isRefuted(digest, origin);
  }

  /** Called when nothing reads a state and no `find` is under way. */
  async close(): Promise<void> {
    await this.#preloaded.close();
    await Promise.allSettled(this.#refuting);
    (await this.#stored).close();
    await (await this.#store).close();
  }

  async #cached(
    stored: StoredIndexes,
    digest: Digest,
    { providers, needsStates, onlyBlocks }: CachedSearch,
  ): Promise<CachedIndex | undefined> {
    for (const origins of [[OWN], ...usable(stored, digest, providers).map(({ origins }) => origins)]) {
      const cached = this.#preloaded.get(digest, origins) ?? (await stored.loadFirst(digest, origins));
      if (onlyBlocks && cached?.index.verification.kind !== 'blocks') continue;
      if (cached) return !needsStates || (await stored.hasStates(cached)) ? fromDisk(cached) : undefined;
    }
    return undefined;
  }

  async #provided(
    stored: StoredIndexes,
    digest: Digest,
    providers: readonly IndexProvider[],
    signal: AbortSignal,
  ): Promise<ProvidedIndex> {
    for (const provider of usable(stored, digest, providers)) {
      const isOwnPass = provider.origins.length === 0;
      const found = await provider.find(signal, isOwnPass ? stored.foreign(digest) : []);
      if (found) return found;
    }
    throw new LayerslayerError('INTERNAL', 'no provider has an index of the layer');
  }

  async #cache(stored: StoredIndexes, digest: Digest, made: ProvidedIndex): Promise<CachedIndex> {
    const { origin, bytes, entries, comparisons } = made;
    const split = origin.kind === 'own' ? splitStates(bytes) : { bytes };
    const isStored = await stored.write(digest, origin, split);
    const written = isStored && !entries ? await stored.loadWritten(digest, origin, split) : undefined;
    const index = written?.index ?? indexOf(split, entries);
    if (origin.kind === 'own') {
      const compared = new Set(comparisons?.map(({ name }) => name));
      const others = stored.foreign(digest).filter((name) => !compared.has(name));
      await this.#settle(stored, digest, [
        ...(comparisons ?? []),
        ...(await compareEntries(stored, index, others)),
      ]);
    }
    const states = isStored ? stored.statesOf(digest, origin, index) : undefined;
    return states ? { index, states, origin, cached: false } : inMemory(split, origin, index);
  }

  #locked<T>(
    store: ContentStore,
    digest: Digest,
    { onWait, signal }: Pick<FindIndexOptions, 'onWait' | 'signal'>,
    task: () => Promise<T>,
    purpose: 'index' | 'compared' = 'index',
  ): Promise<T> {
    const name = `${purpose}-${digestHex(digest).slice(0, LOCK_NAME_LENGTH)}`;
    return withMachineLock({ directory: store.lockDirectory, name }, task, {
      onWait,
      signal,
      onUnlocked: (reason) => reason && store.warnUnlocked(reason),
    });
  }

  /** An own pass has read all bytes: it proves or refutes the indexes of other origins. */
  async #settle(
    stored: StoredIndexes,
    digest: Digest,
    comparisons: readonly IndexComparison[],
  ): Promise<void> {
    for (const { name, difference } of comparisons) {
      if (difference === undefined) {
        await stored.remove(digest, name);
        continue;
      }
      const origin = stored.originOf(digest, name);
      await stored.refute(digest, name, difference);
      const what = origin ? originText(origin) : 'an index';
      const where = `does not agree with layer ${shortDigest(digest)}`;
      this.#log.warn(`${what} ${where}, it is not used any more: ${difference}`);
    }
  }
}

/** Which cached index is wanted. */
type CachedSearch = Required<Pick<FindIndexOptions, 'providers' | 'needsStates' | 'onlyBlocks'>>;

/** Compares cached indexes that a pass did not compare itself: by entries only. */
async function compareEntries(
  stored: StoredIndexes,
  own: LayerIndex,
  names: readonly string[],
): Promise<IndexComparison[]> {
  const comparisons: IndexComparison[] = [];
  for (const name of names) {
    const other = await stored.loadNamed(own.digest, name);
    if (other) comparisons.push({ name, difference: differenceOf(own, other.index, other.origin) });
  }
  return comparisons;
}

/** Returns the providers none of whose origins was refuted. */
function usable(
  stored: StoredIndexes,
  digest: Digest,
  providers: readonly IndexProvider[],
): readonly IndexProvider[] {
  return providers.filter(({ origins }) => !origins.some((origin) => stored.isRefuted(digest, origin)));
}

function fromDisk(stored: StoredIndex | undefined): CachedIndex | undefined {
  return stored && { ...stored, cached: true };
}

/** Decodes copies of the sections, so that the index does not keep all bytes in memory. */
function indexOf({ bytes }: SplitIndex, entries: EntryColumns | undefined): LayerIndex {
  return decodeLayerIndex((offset, length) => bytes.slice(offset, offset + length), entries);
}

/** An index that is not on disk: its states go to memory that the inflate threads share. */
function inMemory({ bytes, states }: SplitIndex, origin: IndexOrigin, index: LayerIndex): CachedIndex {
  if (index.remoteStates) return { index, states: { remote: index.remoteStates }, origin, cached: false };
  const { offset, length } = index.states;
  const deflated = states ?? bytes.subarray(offset, offset + length);
  const memory = new SharedArrayBuffer(deflated.length);
  new Uint8Array(memory).set(deflated);
  return { index, states: { memory }, origin, cached: false };
}
