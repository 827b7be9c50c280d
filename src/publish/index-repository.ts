import { asLayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Semaphore } from '../base/tasks/semaphore.js';
import type { Digest } from '../oci/digest.js';
import { MEDIA_TYPES } from '../oci/media-type.js';
import { formatRepository, type Repository } from '../oci/reference.js';
import type { RegistryClient } from '../registry/registry-client.js';
import { artifactManifest, indexesOf, layerTag, parseArtifact } from './artifact.js';
import type { IndexFiles } from './index-files.js';
import type { PublishedArtifact } from './publication.js';
import { isNewer, isReadable } from './readable.js';
import { ifUnauthorized } from './unauthorized.js';

/** Layers looked up at once. */
const LOOKUPS_AT_ONCE = 16;

/** A repository of layer indexes: one manifest a layer, under a tag of the layer's digest. */
export class IndexRepository {
  readonly #at: Repository;
  readonly #client: RegistryClient;
  readonly #log: Log;

  constructor(at: Repository, { client, log }: { client: RegistryClient; log: Log }) {
    this.#at = at;
    this.#client = client;
    this.#log = log;
  }

  /**
   * Returns the manifests of these layers, in their order.
   * @throws LayerslayerError network codes
   */
  async list(layers: readonly Digest[], signal: AbortSignal): Promise<PublishedArtifact[]> {
    const atOnce = new Semaphore(LOOKUPS_AT_ONCE);
    const found = layers.map((layer) => atOnce.run(() => this.#read(layer, signal), signal));
    await Promise.allSettled(found);
    return (await Promise.all(found)).filter((one) => one !== undefined);
  }

  /** Publishes the layers' indexes that are not there. @returns the manifests of all */
  async publish(
    layers: readonly Digest[],
    files: IndexFiles,
    signal: AbortSignal,
  ): Promise<PublishedArtifact[]> {
    const artifacts: PublishedArtifact[] = [];
    for (const layer of layers) {
      const known = await this.#read(layer, signal).catch(ifUnauthorized(undefined));
      const isUseful = known?.indexes.some((index) => isReadable(index) || isNewer(index));
      artifacts.push(known && isUseful ? known : await this.#publishOne(layer, files, signal));
    }
    return artifacts;
  }

  /** @returns the manifests that were removed */
  async remove(layers: readonly Digest[], signal: AbortSignal): Promise<PublishedArtifact[]> {
    const artifacts = await this.list(layers, signal);
    const writer = this.#client.writer(this.#at.repository);
    for (const { digest } of artifacts) await writer.deleteManifest(digest, signal);
    return artifacts;
  }

  async #publishOne(layer: Digest, files: IndexFiles, signal: AbortSignal): Promise<PublishedArtifact> {
    const stored = await files.put(layer, this.#at, this.#client, signal);
    await files.putEmptyConfig(this.#at, this.#client, signal);
    const bytes = artifactManifest([stored]);
    const tag = layerTag(layer);
    const writer = this.#client.writer(this.#at.repository);
    const { digest } = await writer.putManifest(tag, { mediaType: MEDIA_TYPES.ociManifest, bytes }, signal);
    return this.#artifact(bytes, layer, digest)!;
  }

  /** @returns undefined if the tag does not exist, or is not an index of the layer */
  async #read(layer: Digest, signal: AbortSignal): Promise<PublishedArtifact | undefined> {
    const tag = layerTag(layer);
    try {
      const { bytes, digest } = await this.#client.getTag(this.#at.repository, tag, signal);
      return this.#artifact(bytes, layer, digest);
    } catch (error) {
      const { code, message } = asLayerslayerError(error);
      if (code !== 'NOT_FOUND' && code !== 'UNSUPPORTED') throw error;
      if (code === 'UNSUPPORTED') this.#log.info(`${formatRepository(this.#at)}:${tag}: ignored: ${message}`);
      return undefined;
    }
  }

  #artifact(bytes: Uint8Array, layer: Digest, digest: Digest): PublishedArtifact | undefined {
    const tag = layerTag(layer);
    const repository = formatRepository(this.#at);
    const manifest = parseArtifact(bytes, `${repository}:${tag}`);
    const indexes = manifest && indexesOf(manifest, repository).filter((index) => index.layer === layer);
    return indexes?.length ? { repository, digest, tag, indexes } : undefined;
  }
}
