import { asLayerslayerError, LayerslayerError, unsupported } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { readRange } from '../blob/blob.js';
import type { ContentStore } from '../cache/content-store.js';
import { checkLayerIndex, detachableStates, withoutStates } from '../index/cached-indexes.js';
import { LAYER_INDEX_VERSION } from '../index/entry-table.js';
import type { Descriptor } from '../oci/descriptor.js';
import { type Digest, digestOf, shortDigest } from '../oci/digest.js';
import { registryReference } from '../oci/image-location.js';
import { parseRepository, type Repository } from '../oci/reference.js';
import type { RemoteBlob } from '../registry/pull/remote-blob.js';
import type { RegistryClient } from '../registry/registry-client.js';
import { ImageArtifacts } from './image-artifacts.js';
import { IndexFiles } from './index-files.js';
import { IndexRepository } from './index-repository.js';
import type { Publication, PublishedArtifact, PublishedIndex, PublishPlace } from './publication.js';
import { isNewer, isReadable } from './readable.js';

/** Bytes of an index file that is read whole. All of it is in memory. */
const WHOLE_SIZE_MAX = 128 * 1024 * 1024;

/**
 * Bytes of the first request if the manifest does not say where the states begin: header, section
 * table, and all of a small layer's entries. Then smaller files are read whole.
 */
const HEAD_SIZE = 128 * 1024;

/** Bytes of states that are worth a request of their own later. */
const STATES_MIN = 16 * 1024;

/** What publishing needs of an image. */
export interface PublishableImage {
  reference: string; // canonical
  digest: Digest; // of its manifest
  manifest: { layers: readonly { digest: Digest }[] };
}

export interface PublishedIndexesOptions {
  /** Returns the client of a registry. */
  client(registry: string): RegistryClient;
  store: ContentStore; // has the indexes of own passes
  log: Log;
  settleMs?: number | undefined; // see `FallbackList`
}

/** Layer indexes in registries: published, found, listed and removed. Runs in the fetch thread. */
export class PublishedIndexes {
  readonly #options: PublishedIndexesOptions;
  readonly #files: IndexFiles;
  #isNewerTold = false;

  constructor(options: PublishedIndexesOptions) {
    this.#options = options;
    this.#files = new IndexFiles(options.store);
  }

  /**
   * Publishes the indexes of an image's layers, which own passes made. What is published already
   * stays as it is.
   * @param known what was published earlier: the same files are mounted from there
   * @throws LayerslayerError UNAUTHORIZED, naming the scope; INVALID_ARGUMENT for an image on this
   *   machine; IO_FAILED if an index is not cached; network codes
   */
  async publish(
    image: PublishableImage,
    place: PublishPlace,
    signal: AbortSignal,
    known: readonly PublishedIndex[] = [],
  ): Promise<Publication> {
    const files = this.#files;
    for (const { repository, blob } of known) files.isIn(repository, blob.digest);
    const { uploaded, uploadedBytes } = files;
    const layers = layersOf(image);
    const artifacts =
      place.kind === 'repository'
        ? await this.#repository(place.repository).publish(layers, files, signal)
        : await this.#advised(() => this.#ofImage(image).publish(layers, files, signal));
    return {
      artifacts,
      uploaded: files.uploaded - uploaded,
      uploadedBytes: files.uploadedBytes - uploadedBytes,
    };
  }

  /**
   * Finds the indexes of an image's layers that this version reads. A layer may have several.
   * @throws LayerslayerError network codes
   */
  async find(image: PublishableImage, place: PublishPlace, signal: AbortSignal): Promise<PublishedIndex[]> {
    if (place.kind === 'referrer' && !repositoryOf(image)) return [];
    const layers = new Set(layersOf(image));
    const found = (await this.list(image, place, signal)).flatMap(({ indexes }) => indexes);
    const ofImage = found.filter(({ layer }) => layers.has(layer));
    if (ofImage.some(isNewer)) this.#tellNewer(ofImage.find(isNewer)!);
    const seen = new Set<string>();
    return ofImage.filter((index) => {
      const key = `${index.layer} ${index.blob.digest}`;
      const isFirst = !seen.has(key);
      seen.add(key);
      return isFirst && isReadable(index);
    });
  }

  /**
   * Returns an index file of the layer, checked against its descriptor. What it says about the
   * layer's content is not.
   * @param blobSize of the layer
   * @throws LayerslayerError DIGEST_MISMATCH, CORRUPT_LAYER (damaged, or another layer's index),
   *   UNSUPPORTED (too large), network codes
   */
  async read(index: PublishedIndex, blobSize: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const layer = { digest: index.layer, blobSize };
    const begun = await this.#readWithoutStates(index, layer, signal);
    if (begun) return begun;
    const bytes = await this.#fetch(index, signal);
    checkLayerIndex(bytes, layer, true);
    return bytes;
  }

  /**
   * Reads an index up to its states. Its sections are checked by their CRCs, and later its
   * states by their digests.
   * @returns undefined for one that is read whole: a small one, or one without states
   */
  async #readWithoutStates(
    { repository, blob, statesOffset }: PublishedIndex,
    layer: { digest: Digest; blobSize: number },
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { digest, size } = blob;
    const isKnown = statesOffset !== undefined && statesOffset < size;
    if (isKnown ? size - statesOffset < STATES_MIN : size <= HEAD_SIZE) return undefined;
    const remote = this.#open(repository, blob);
    const headSize = Math.min(isKnown ? statesOffset : HEAD_SIZE, WHOLE_SIZE_MAX);
    const head = await readRange(remote, 0, headSize, signal);
    try {
      const read = (offset: number, length: number) => head.subarray(offset, offset + length);
      const end = detachableStates(read, size);
      if (end === undefined || end > WHOLE_SIZE_MAX) return undefined;
      const rest = await readRange(remote, headSize, Math.max(headSize, end), signal);
      const begun = Buffer.concat([head, rest]).subarray(0, end);
      const bytes = withoutStates(begun, { repository, digest, size });
      checkLayerIndex(bytes, layer, false);
      return bytes;
    } catch (error) {
      // Read whole, its digest shows whether bytes came wrong, or the file is so.
      if (asLayerslayerError(error).code !== 'CORRUPT_LAYER') throw error;
      this.#options.log.debug(`${repository}@${digest} is read whole: ${(error as Error).message}`);
      return undefined;
    }
  }

  #open(repository: string, blob: Descriptor): RemoteBlob {
    const at = parseRepository(repository);
    return this.#options.client(at.registry).openBlob(at.repository, blob);
  }

  async #fetch({ repository, blob }: PublishedIndex, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const what = `index ${shortDigest(blob.digest)} of ${repository}`;
    if (blob.size > WHOLE_SIZE_MAX) throw unsupported(`${what} has ${blob.size} bytes`);
    const remote = this.#open(repository, blob);
    for (let isFirst = true; ; isFirst = false) {
      const bytes = await readRange(remote, 0, blob.size, signal);
      const digest = digestOf(bytes, blob.digest);
      if (digest === blob.digest) return bytes;
      if (!isFirst) {
        throw new LayerslayerError('DIGEST_MISMATCH', `${what}: got ${shortDigest(digest)}`);
      }
      remote.reconnect();
    }
  }

  /**
   * Lists the manifests of an image's layer indexes.
   * @throws LayerslayerError network codes
   */
  list(image: PublishableImage, place: PublishPlace, signal: AbortSignal): Promise<PublishedArtifact[]> {
    if (place.kind === 'referrer') return this.#ofImage(image).list(signal);
    return this.#repository(place.repository).list(layersOf(image), signal);
  }

  /**
   * Removes the manifests of an image's layer indexes, and nothing else.
   * @returns those that were removed
   * @throws LayerslayerError UNAUTHORIZED, UNSUPPORTED (the registry deletes nothing), network
   *   codes
   */
  remove(image: PublishableImage, place: PublishPlace, signal: AbortSignal): Promise<PublishedArtifact[]> {
    if (place.kind === 'referrer') return this.#ofImage(image).remove(signal);
    return this.#repository(place.repository).remove(layersOf(image), signal);
  }

  #ofImage(image: PublishableImage): ImageArtifacts {
    const at = repositoryOf(image);
    if (!at) {
      const why = 'an image on this machine has no registry: give --index-repository';
      throw new LayerslayerError('INVALID_ARGUMENT', `${image.reference}: ${why}`);
    }
    const { client, log, settleMs } = this.#options;
    return new ImageArtifacts(at, image.digest, { client: client(at.registry), log, settleMs });
  }

  #repository(repository: string): IndexRepository {
    const at = parseRepository(repository);
    const { client, log } = this.#options;
    return new IndexRepository(at, { client: client(at.registry), log });
  }

  async #advised<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof LayerslayerError) || error.code !== 'UNAUTHORIZED') throw error;
      const advice = 'or publish in a repository of your own with --index-repository';
      throw new LayerslayerError('UNAUTHORIZED', `${error.message}; ${advice}`, { cause: error });
    }
  }

  #tellNewer({ layer, version }: PublishedIndex): void {
    if (this.#isNewerTold) return;
    this.#isNewerTold = true;
    const what = `a published index of ${shortDigest(layer)} has format ${version}`;
    this.#options.log.warn(`${what}, this version reads ${LAYER_INDEX_VERSION}: ignored`);
  }
}

/** The digests of an image's layers, each once, base first. */
function layersOf({ manifest }: PublishableImage): Digest[] {
  return [...new Set(manifest.layers.map(({ digest }) => digest))];
}

/** @returns undefined for an image on this machine */
function repositoryOf({ reference }: PublishableImage): Repository | undefined {
  return registryReference(reference);
}
