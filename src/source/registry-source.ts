import type { Descriptor } from '../oci/descriptor.js';
import { shortDigest } from '../oci/digest.js';
import { parseRegistryReference } from '../oci/image-location.js';
import { parseManifest } from '../oci/manifest.js';
import type { Platform } from '../oci/platform.js';
import { formatReference, manifestName, parseReference, type Reference } from '../oci/reference.js';
import { RegistryClient, type RegistryClientOptions } from '../registry/registry-client.js';
import type { RemoteBlob } from '../registry/remote-blob.js';
import { type DocumentStore, ImageSearch, type TopDocument } from './image-search.js';
import type { ImageDocuments, ImageOffer, ImageSource, ResolvedImage } from './image-source.js';

/** Images in registries. The images of a registry share a client, its sockets and tokens. */
export class RegistrySource implements ImageSource {
  readonly #options: RegistryClientOptions;
  readonly #clients = new Map<string, RegistryClient>();

  constructor(options: RegistryClientOptions) {
    this.#options = options;
  }

  async resolve(text: string, platform: Platform, signal?: AbortSignal): Promise<ResolvedImage> {
    const reference = parseRegistryReference(text);
    const top = await this.#readTop(reference, signal);
    const found = await this.#search(reference, signal).find(top, platform);
    return { reference: formatReference(reference), ...found };
  }

  async listImages(text: string, signal?: AbortSignal): Promise<ImageOffer> {
    const reference = parseRegistryReference(text);
    return this.#search(reference, signal).offer(await this.#readTop(reference, signal));
  }

  async documents(
    { reference, digest, manifest }: ResolvedImage,
    signal?: AbortSignal,
  ): Promise<ImageDocuments> {
    const { registry, repository } = parseReference(reference);
    const client = this.#client(registry);
    const { bytes } = await client.getManifest(repository, digest, signal);
    return { manifest: bytes, config: await client.getBlob(repository, manifest.config, signal) };
  }

  open(image: ResolvedImage, layer: Descriptor): RemoteBlob {
    const reference = parseReference(image.reference);
    return this.#client(reference.registry).openBlob(reference.repository, layer);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
  }

  #client(registry: string): RegistryClient {
    const known = this.#clients.get(registry);
    if (known) return known;
    const client = new RegistryClient(registry, this.#options);
    this.#clients.set(registry, client);
    return client;
  }

  async #readTop(reference: Reference, signal: AbortSignal | undefined): Promise<TopDocument> {
    const client = this.#client(reference.registry);
    const name = manifestName(reference);
    const { digest, bytes, contentType } = await client.getManifest(reference.repository, name, signal);
    const what = `manifest ${shortDigest(digest)} of ${formatReference(reference)}`;
    const content = parseManifest(bytes, what, { contentType });
    return { digest, size: bytes.length, content, isChosen: reference.digest !== undefined };
  }

  #search(reference: Reference, signal: AbortSignal | undefined): ImageSearch {
    const { registry, repository } = reference;
    const client = this.#client(registry);
    const store: DocumentStore = {
      name: `${registry}/${repository}`,
      readManifest: ({ digest }, signal) => client.getManifest(repository, digest, signal),
      readConfig: (descriptor, signal) => client.getBlob(repository, descriptor, signal),
    };
    return new ImageSearch(store, formatReference(reference), signal);
  }
}
