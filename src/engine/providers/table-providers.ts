import { asLayerslayerError, type ErrorCode } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { Semaphore } from '../../base/tasks/semaphore.js';
import {
  type CachedIndexes,
  type IndexOrigin,
  type IndexProvider,
  type IndexSources,
  isAdmitted,
  type ProvidedIndex,
} from '../../index/cached-indexes.js';
import type { TableAllowance } from '../../index/pass/table-budget.js';
import { type Digest, shortDigest } from '../../oci/digest.js';
import { registryReference } from '../../oci/image-location.js';
import { formatRepository } from '../../oci/reference.js';
import type { ResolvedImage } from '../../source/image-source.js';
import { announcedTables, type TableAnnouncement } from '../../tables/announcement.js';
import type { WantedBlob } from '../blobs/wanted-blobs.js';
import type { Fetching } from '../fetch/fetching.js';
import type { InflatePool } from '../inflate/inflate-pool.js';
import type { TableInLayer } from '../inflate/inflate-protocol.js';
import { withReadDeadline, withSearchDeadline } from './lookup-deadline.js';

/** Bytes of a zTOC of which several are in memory at once. */
const SMALL_SIZE = 8 * 1024 * 1024;
/** Larger ones read at once. */
const LARGE_AT_ONCE = 4;

/**
 * Faults of a table itself: asking again gives the same. Bytes that do not have their digest are
 * none of them: these may come right the next time.
 */
const LASTING = new Set<ErrorCode>(['CORRUPT_LAYER', 'UNSUPPORTED']);

/** What providers need of a session. */
export interface ProviderParts {
  fetching: Fetching;
  inflate: InflatePool;
  indexes: CachedIndexes;
  allowance(image: ResolvedImage, size: number): TableAllowance;
  log: Log;
}

/** A layer of an image. */
export interface WantedLayer {
  image: ResolvedImage;
  wanted: WantedBlob;
}

/** Returns what the image announces for a layer. */
export function tablesOf({ image, wanted }: WantedLayer): TableAnnouncement[] {
  const { manifest } = image;
  return announcedTables(manifest.layers[wanted.numbers[0]! - 1]!, manifest);
}

/** Finds the tables that others made of layers. */
export class TableProviders {
  readonly #parts: ProviderParts;
  readonly #large = new Semaphore(LARGE_AT_ONCE);
  /** SOCI index manifests by image and digest: all layers share them. */
  readonly #sociManifests = new Map<string, Promise<Uint8Array[]>>();

  constructor(parts: ProviderParts) {
    this.#parts = parts;
  }

  /** Returns providers of what hangs under the image's digest, of which `sources` admits some. */
  announced(layer: WantedLayer, sources: IndexSources): IndexProvider[] {
    if (sources.trust === 'none') return [];
    return tablesOf(layer).flatMap((announcement) => {
      const digest = announcement.format === 'soci' ? announcement.index : announcement.digest;
      const { format } = announcement;
      const origin = (isExact: boolean): IndexOrigin => ({ kind: 'table', format, digest, isExact });
      const make = (signal: AbortSignal) =>
        announcement.format === 'soci'
          ? this.#bySoci(layer, announcement.index, origin, signal)
          : this.#byTable(layer, announcement, origin, signal);
      return this.#provider(layer, [origin(true), origin(false)], make, sources);
    });
  }

  /** Returns a provider of SOCI indexes that refer to the image, if `sources` admits it. (v1) */
  referring(layer: WantedLayer, sources: IndexSources): IndexProvider[] {
    const reference = registryReference(layer.image.reference);
    if (!reference) return [];
    const origin: IndexOrigin = { kind: 'referrer', repository: formatRepository(reference) };
    const make = (signal: AbortSignal) => this.#bySoci(layer, undefined, () => origin, signal);
    return this.#provider(layer, [origin], make, sources);
  }

  /** @param origins all that `make` may return an index of */
  #provider(
    { wanted: { digest } }: WantedLayer,
    origins: readonly IndexOrigin[],
    make: (signal: AbortSignal) => Promise<ProvidedIndex | undefined>,
    sources: IndexSources,
  ): IndexProvider[] {
    const { indexes, log } = this.#parts;
    const admitted = origins.filter((origin) => isAdmitted(origin, sources));
    const [first] = admitted;
    if (!first) return [];
    const find = async (signal: AbortSignal) => {
      try {
        const found = await make(signal);
        return found && isAdmitted(found.origin, sources) ? found : undefined;
      } catch (error) {
        signal.throwIfAborted();
        const { code, message } = asLayerslayerError(error);
        log.warn(`layer ${shortDigest(digest)}: its table is not used: ${message}`);
        // A referrer's origin names a repository: others there may be right.
        const isNamed = first.kind === 'table';
        if (isNamed && LASTING.has(code)) await indexes.refute(digest, first, message);
        return undefined;
      }
    };
    return [{ origins: admitted, find }];
  }

  async #byTable(
    { image, wanted }: WantedLayer,
    announcement: TableInLayer,
    origin: (isExact: boolean) => IndexOrigin,
    signal: AbortSignal,
  ): Promise<ProvidedIndex> {
    const { fetching, inflate, allowance } = this.#parts;
    const { digest, size } = wanted;
    const blob = await fetching.openBlob(image, wanted);
    await fetching.setVerification(image, digest, { kind: 'reader' });
    const table = { blob, announcement };
    const request = { table, digest, blobSize: size, allowance: allowance(image, size) };
    const { bytes, isExact } = await inflate.readTable(request, signal);
    return { bytes, origin: origin(isExact) };
  }

  /** @returns undefined if there is no zTOC of the layer: small layers do without */
  async #bySoci(
    { image, wanted }: WantedLayer,
    index: Digest | undefined,
    origin: (isExact: boolean) => IndexOrigin,
    signal: AbortSignal,
  ): Promise<ProvidedIndex | undefined> {
    const { fetching, inflate, allowance } = this.#parts;
    const { digest, size } = wanted;
    const { zTocOf } = await import('../../tables/table.js'); // a mount without SOCI does without
    for (const manifest of await this.#manifests(image, index)) {
      signal.throwIfAborted();
      const descriptor = zTocOf(manifest, digest);
      if (!descriptor) continue;
      const table = { blob: await fetching.openDescribed(image, descriptor), descriptor };
      const request = { table, digest, blobSize: size, allowance: allowance(image, size) };
      const what = `reading zTOC ${shortDigest(descriptor.digest)}`;
      const read = () =>
        withReadDeadline(what, descriptor.size, signal, (within) => inflate.readTable(request, within));
      const isLarge = descriptor.size > SMALL_SIZE;
      const { bytes, isExact } = await (isLarge ? this.#large.run(read, signal) : read());
      return { bytes, origin: origin(isExact) };
    }
    return undefined;
  }

  #manifests(image: ResolvedImage, index: Digest | undefined): Promise<Uint8Array[]> {
    const key = `${image.digest} ${index}`;
    let manifests = this.#sociManifests.get(key);
    if (!manifests) {
      const question = { ask: 'sociManifests', image, index } as const;
      manifests = withSearchDeadline('looking for SOCI indexes', (within) =>
        this.#parts.fetching.ask(question, within),
      );
      this.#sociManifests.set(key, manifests);
      manifests.catch(() => this.#sociManifests.delete(key)); // the next layer asks again
    }
    return manifests;
  }
}
