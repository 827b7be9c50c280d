import type { Descriptor } from '../oci/descriptor.js';
import { shortDigest } from '../oci/digest.js';
import { parseRegistryReference } from '../oci/image-location.js';
import { parseJsonObject } from '../oci/json.js';
import { parseManifest } from '../oci/manifest.js';
import type { Platform } from '../oci/platform.js';
import { formatReference, manifestName, parseReference } from '../oci/reference.js';
import type { RemoteBlob } from '../registry/pull/remote-blob.js';
import { RegistryClient, type RegistryClientOptions } from '../registry/registry-client.js';
import { type DocumentStore, ImageSearch } from './image-search.js';
import type {
  ImageDocuments,
  ImageOffer,
  ImageSource,
  NamedDocument,
  ResolvedImage,
  TagPage,
} from './image-source.js';

/** Images in registries. The images of a registry share a client, its sockets and tokens. */
export class RegistrySource implements ImageSource {
  readonly #clients = new Map<string, RegistryClient>();

  constructor(private readonly options: RegistryClientOptions) {}

  async resolve(text: string, platform: Platform, signal?: AbortSignal): Promise<ResolvedImage> {
    const { reference, search, top } = await this.#startSearch(text, signal);
    return { reference, ...(await search.find(top, platform)) };
  }

  async listImages(text: string, signal?: AbortSignal): Promise<ImageOffer> {
    const { search, top } = await this.#startSearch(text, signal);
    return search.offer(top);
  }

  async documents(
    { reference, digest, manifest }: ResolvedImage,
    signal?: AbortSignal,
  ): Promise<ImageDocuments> {
    const { registry, repository } = parseReference(reference);
    const client = this.client(registry);
    const { bytes } = await client.getManifest(repository, digest, signal);
    return { manifest: bytes, config: await client.getBlob(repository, manifest.config, signal) };
  }

  async readNamed(text: string, signal?: AbortSignal): Promise<NamedDocument> {
    const named = parseRegistryReference(text);
    const client = this.client(named.registry);
    const { digest, bytes } = await client.getManifest(named.repository, manifestName(named), signal);
    parseJsonObject(bytes, `manifest ${shortDigest(digest)} of ${formatReference(named)}`);
    return { digest, bytes };
  }

  listTags(text: string, next?: string, signal?: AbortSignal): Promise<TagPage> {
    const { registry, repository } = parseRegistryReference(text);
    return this.client(registry).listTags(repository, next, signal);
  }

  open(image: ResolvedImage, layer: Descriptor): RemoteBlob {
    const reference = parseReference(image.reference);
    return this.client(reference.registry).openBlob(reference.repository, layer);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
  }

  /** Returns the client of a registry: `docker.io`, `localhost:5000`. */
  client(registry: string): RegistryClient {
    const known = this.#clients.get(registry);
    if (known) return known;
    const { username, password, token, secretsFor = registry, ...others } = this.options;
    const client = new RegistryClient(registry, secretsFor === registry ? this.options : others);
    this.#clients.set(registry, client);
    return client;
  }

  async #startSearch(text: string, signal: AbortSignal | undefined) {
    const named = parseRegistryReference(text);
    const reference = formatReference(named);
    const { registry, repository } = named;
    const client = this.client(registry);
    const store: DocumentStore = {
      name: `${registry}/${repository}`,
      readManifest: ({ digest }) => client.getManifest(repository, digest, signal),
      readConfig: (descriptor) => client.getBlob(repository, descriptor, signal),
    };
    const { digest, bytes, contentType } = await client.getManifest(repository, manifestName(named), signal);
    const content = parseManifest(bytes, `manifest ${shortDigest(digest)} of ${reference}`, { contentType });
    const top = { digest, size: bytes.length, content, isChosen: named.digest !== undefined };
    return { reference, search: new ImageSearch(store, reference), top };
  }
}
