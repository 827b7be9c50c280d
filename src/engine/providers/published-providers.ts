import { asLayerslayerError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { abortable } from '../../base/tasks/abortable.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import {
  type IndexOrigin,
  type IndexProvider,
  type IndexSources,
  isAdmitted,
  originText,
  type ProvidedIndex,
} from '../../index/cached-indexes.js';
import { shortDigest } from '../../oci/digest.js';
import { registryReference } from '../../oci/image-location.js';
import { formatRepository } from '../../oci/reference.js';
import type { PublishedIndex, PublishPlace } from '../../publish/publication.js';
import type { ResolvedImage } from '../../source/image-source.js';
import type { WantedBlob } from '../blobs/wanted-blobs.js';
import type { Fetching } from '../fetch/fetching.js';
import { withReadDeadline, withSearchDeadline } from './lookup-deadline.js';

/** Ms until a place is searched again for an image's indexes. Its layers share one search. */
const SEARCH_VALID_MS = 60_000;
/** Indexes of one layer that are read. Accounts with push rights may publish more. */
const TRIES_MAX = 4;

/** Bytes of an index file of which several are in memory at once. */
const SMALL_SIZE = 8 * 1024 * 1024;
/** Larger ones read at once. */
const LARGE_AT_ONCE = 2;

/** One search for the indexes of all layers of an image. */
interface Search {
  found: Promise<PublishedIndex[]>;
  atMs: number; // of performance.now()
}

/** The origins of published indexes. */
type PublishedOrigin = Extract<IndexOrigin, { kind: 'repository' | 'referrer' }>;

/** Finds published indexes of images' layers, in the index repository and among referrers. */
export class PublishedProviders {
  readonly #fetching: Fetching;
  readonly #log: Log;
  readonly #large = new Semaphore(LARGE_AT_ONCE);
  readonly #searches = new Map<string, Search>();

  constructor(fetching: Fetching, log: Log) {
    this.#fetching = fetching;
    this.#log = log;
  }

  /** Returns a provider for each place that `sources` admits. */
  of(image: ResolvedImage, wanted: WantedBlob, sources: IndexSources): IndexProvider[] {
    return originsOf(image, sources).map((origin) => ({
      origins: [origin],
      find: (signal) => this.#find(image, wanted, origin, signal),
    }));
  }

  /** @returns undefined if there is none that can be used; says why there is a fault */
  async #find(
    image: ResolvedImage,
    { digest, size }: WantedBlob,
    origin: PublishedOrigin,
    signal: AbortSignal,
  ): Promise<ProvidedIndex | undefined> {
    try {
      const found = await abortable(this.#search(image, origin), signal);
      const candidates = found.filter(({ layer }) => layer === digest).slice(0, TRIES_MAX);
      for (const index of candidates) {
        const bytes = await this.#read(index, size, origin, signal);
        if (bytes) return { bytes, origin };
      }
    } catch (error) {
      signal.throwIfAborted();
      this.#log.warn(`${originText(origin)} is not used: ${asLayerslayerError(error).message}`);
    }
    return undefined;
  }

  async #read(
    index: PublishedIndex,
    blobSize: number,
    origin: PublishedOrigin,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    try {
      const question = { ask: 'readPublished', index, blobSize } as const;
      const what = `reading index ${shortDigest(index.blob.digest)} of ${index.repository}`;
      const read = () =>
        withReadDeadline(what, index.blob.size, signal, (within) => this.#fetching.ask(question, within));
      return await (index.blob.size > SMALL_SIZE ? this.#large.run(read, signal) : read());
    } catch (error) {
      signal.throwIfAborted();
      const what = `${originText(origin)} of layer ${shortDigest(index.layer)}`;
      this.#log.warn(`${what} is not used: ${asLayerslayerError(error).message}`);
      return undefined;
    }
  }

  /** Layers that are opened together share a search, also one that failed. */
  #search(image: ResolvedImage, origin: PublishedOrigin): Promise<PublishedIndex[]> {
    const key = `${origin.kind} ${origin.repository} ${image.digest}`;
    const now = performance.now();
    for (const [old, { atMs }] of this.#searches)
      if (now - atMs > SEARCH_VALID_MS) this.#searches.delete(old);
    let search = this.#searches.get(key);
    if (!search) {
      const place: PublishPlace =
        origin.kind === 'repository'
          ? { kind: 'repository', repository: origin.repository }
          : { kind: 'referrer' };
      const question = { ask: 'findPublished', image, place } as const;
      const what = `looking for indexes in ${origin.repository}`;
      const found = withSearchDeadline(what, (within) => this.#fetching.ask(question, within));
      search = { found, atMs: now };
      search.found.catch(() => {}); // each layer that waits throws it
      this.#searches.set(key, search);
    }
    return search.found;
  }
}

function originsOf({ reference }: ResolvedImage, sources: IndexSources): PublishedOrigin[] {
  const origins: PublishedOrigin[] = [];
  if (sources.repository !== undefined) origins.push({ kind: 'repository', repository: sources.repository });
  const inRegistry = registryReference(reference);
  if (inRegistry) origins.push({ kind: 'referrer', repository: formatRepository(inRegistry) });
  return origins.filter((origin) => isAdmitted(origin, sources));
}
