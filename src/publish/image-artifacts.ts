import { asLayerslayerError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Semaphore } from '../base/tasks/semaphore.js';
import type { Descriptor } from '../oci/descriptor.js';
import { type Digest, digestOf, shortDigest } from '../oci/digest.js';
import { MEDIA_TYPES } from '../oci/media-type.js';
import { formatRepository, type Repository } from '../oci/reference.js';
import type { RegistryClient } from '../registry/registry-client.js';
import { ARTIFACT_TYPE, artifactManifest, indexesOf, parseArtifact } from './artifact.js';
import { FallbackList } from './fallback-list.js';
import type { IndexFiles } from './index-files.js';
import type { PublishedArtifact } from './publication.js';
import { isReadable } from './readable.js';
import { ifUnauthorized } from './unauthorized.js';

/** Artifacts of one image that are read. All accounts with push rights may add some. */
const ARTIFACTS_MAX = 64;

/** Artifacts read at once. */
const READ_AT_ONCE = 8;

export interface ArtifactsOptions {
  client: RegistryClient;
  log: Log;
  settleMs?: number | undefined; // see `FallbackList`
}

/** The layer indexes that refer to an image's manifest, in the image's repository. */
export class ImageArtifacts {
  readonly #client: RegistryClient;
  readonly #log: Log;
  readonly #at: Repository;
  readonly #image: Digest;
  readonly #fallback: FallbackList;

  /** @param image digest of its manifest */
  constructor(at: Repository, image: Digest, { client, log, settleMs }: ArtifactsOptions) {
    this.#client = client;
    this.#log = log;
    this.#at = at;
    this.#image = image;
    this.#fallback = new FallbackList({ client, repository: at.repository, subject: image, settleMs });
  }

  /** @throws LayerslayerError network codes */
  async list(signal: AbortSignal): Promise<PublishedArtifact[]> {
    const { digests } = await this.#listed(signal);
    const atOnce = new Semaphore(READ_AT_ONCE);
    const read = digests
      .slice(0, ARTIFACTS_MAX)
      .map((digest) => atOnce.run(() => this.#read(digest, signal), signal));
    await Promise.allSettled(read);
    return (await Promise.all(read)).filter((artifact) => artifact !== undefined);
  }

  /**
   * Publishes the layers' indexes, unless they are all there.
   * @returns the artifacts that have them
   */
  async publish(
    layers: readonly Digest[],
    files: IndexFiles,
    signal: AbortSignal,
  ): Promise<PublishedArtifact[]> {
    const known = await this.list(signal).catch(ifUnauthorized<PublishedArtifact[]>([]));
    const readable = known.flatMap(({ indexes }) => indexes.filter(isReadable));
    const there = new Set(readable.map(({ layer }) => layer));
    if (layers.every((layer) => there.has(layer))) return known;
    const stored = [];
    for (const layer of layers) stored.push(await files.put(layer, this.#at, this.#client, signal));
    await files.putEmptyConfig(this.#at, this.#client, signal);
    const bytes = artifactManifest(stored, await this.#subject(signal));
    // By its digest: it needs no tag, and nothing refers to it before its blobs are there.
    const artifact = parseArtifact(bytes, 'the artifact')!;
    const { digest, isReferrer } = await this.#put(bytes, signal);
    if (!isReferrer) await this.#addToFallback(digest, bytes.length, signal);
    const repository = formatRepository(this.#at);
    return [{ repository, digest, indexes: indexesOf(artifact, repository) }];
  }

  /** @returns the artifacts that were removed */
  async remove(signal: AbortSignal): Promise<PublishedArtifact[]> {
    const { digests, isFallback } = await this.#listed(signal);
    const ours: PublishedArtifact[] = [];
    const gone = new Set<Digest>(); // also entries whose manifest does not exist
    for (const digest of digests) {
      const artifact = await this.#read(digest, signal);
      if (artifact) ours.push(artifact);
      if (artifact || !(await this.#exists(digest, signal))) gone.add(digest);
    }
    if (isFallback && gone.size > 0) await this.#fallback.remove(gone, signal);
    const writer = this.#client.writer(this.#at.repository);
    for (const { digest } of ours) await writer.deleteManifest(digest, signal);
    return ours;
  }

  /** Returns the digests that the registry lists as our artifacts. */
  async #listed(signal: AbortSignal): Promise<{ digests: Digest[]; isFallback: boolean }> {
    const query = { subject: this.#image, artifactType: ARTIFACT_TYPE };
    // At the same time: before a mount, each request in series counts.
    const fallback = this.#fallback.list(ARTIFACT_TYPE, signal);
    fallback.catch(() => {}); // a registry with a referrers API needs no such list
    const found = await this.#client.listReferrers(this.#at.repository, query, signal);
    const digests = found?.map(({ digest }) => digest) ?? (await fallback);
    return { digests: [...new Set(digests)], isFallback: !found };
  }

  /** @returns undefined if it is no artifact of this image, whatever the list says */
  async #read(digest: Digest, signal: AbortSignal): Promise<PublishedArtifact | undefined> {
    const what = `${shortDigest(digest)} of ${formatRepository(this.#at)}`;
    try {
      const { bytes } = await this.#client.getManifest(this.#at.repository, digest, signal);
      const manifest = parseArtifact(bytes, what);
      if (manifest?.subject?.digest !== this.#image) return undefined;
      const repository = formatRepository(this.#at);
      return { repository, digest, indexes: indexesOf(manifest, repository) };
    } catch (error) {
      const { code, message } = asLayerslayerError(error);
      if (code !== 'NOT_FOUND' && code !== 'UNSUPPORTED' && code !== 'DIGEST_MISMATCH') throw error;
      this.#log.info(`${what}: ignored: ${message}`);
      return undefined;
    }
  }

  #exists(digest: Digest, signal: AbortSignal): Promise<boolean> {
    return this.#client.writer(this.#at.repository).hasManifest(digest, signal);
  }

  #put(bytes: Uint8Array, signal: AbortSignal) {
    const writer = this.#client.writer(this.#at.repository);
    return writer.putManifest(digestOf(bytes), { mediaType: MEDIA_TYPES.ociManifest, bytes }, signal);
  }

  /** A registry with a referrers API may still forget to say so in its answer. */
  async #addToFallback(digest: Digest, size: number, signal: AbortSignal): Promise<void> {
    const query = { subject: this.#image, artifactType: ARTIFACT_TYPE };
    const listed = await this.#client.listReferrers(this.#at.repository, query, signal);
    if (listed?.some((one) => one.digest === digest)) return;
    await this.#fallback.add({ digest, size, artifactType: ARTIFACT_TYPE }, signal);
  }

  async #subject(signal: AbortSignal): Promise<Descriptor> {
    const { bytes } = await this.#client.getManifest(this.#at.repository, this.#image, signal);
    const { mediaType } = JSON.parse(Buffer.from(bytes).toString()) as { mediaType?: string };
    return { mediaType: mediaType ?? MEDIA_TYPES.ociManifest, digest: this.#image, size: bytes.length };
  }
}
