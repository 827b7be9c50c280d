import { LayerslayerError } from '../base/errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import { type ImageConfig, parseImageConfig } from '../oci/image-config.js';
import { type ImageIndex, type Manifest, type ManifestOrIndex, parseManifest } from '../oci/manifest.js';
import { isImageConfigType } from '../oci/media-type.js';
import { formatPlatform, normalizePlatform, type Platform, platformDistance } from '../oci/platform.js';
import { formatReference, manifestName, parseReference, type Reference } from '../oci/reference.js';
import { RegistryClient, type RegistryClientOptions } from '../registry/registry-client.js';
import type { RemoteBlob } from '../registry/remote-blob.js';
import { choosePlatform, isAttestation, listPlatforms } from './choose-platform.js';
import type { ImageDocuments, ImageOffer, ImageSource, OfferedImage, ResolvedImage } from './image-source.js';

/** An index in an index in an index …: real ones have two levels. */
const INDEX_DEPTH_MAX = 4;
/** Manifests that declare no platform and are fetched to learn it, for one image. */
const PROBES_MAX = 32;
/** skopeo's name for this place. */
const TRANSPORT = 'docker://';

interface FoundImage {
  digest: Digest;
  manifest: Manifest;
  config: ImageConfig;
  platform: Platform;
}

interface Fetched {
  digest: Digest;
  content: ManifestOrIndex;
}

/** One search through an index: where, for what, and what it has come by. */
interface Search {
  client: RegistryClient;
  repository: string;
  wanted: Platform;
  offered: Platform[];
  probes: number;
  signal: AbortSignal | undefined;
}

/** Images in registries. One client a registry, so that sockets and tokens are shared by its images. */
export class RegistrySource implements ImageSource {
  readonly #options: RegistryClientOptions;
  readonly #clients = new Map<string, RegistryClient>();

  constructor(options: RegistryClientOptions) {
    this.#options = options;
  }

  async resolve(text: string, platform: Platform, signal?: AbortSignal): Promise<ResolvedImage> {
    const reference = parse(text);
    const canonical = formatReference(reference);
    const wanted = normalizePlatform(platform);
    const search = this.#search(reference, wanted, signal);
    const top = await fetchManifest(search, manifestName(reference), canonical);
    const found =
      top.content.kind === 'manifest'
        ? await openManifest(search, top.digest, top.content.manifest)
        : await searchIndex(search, top.content.index, `${canonical} (${shortDigest(top.digest)})`, 1);
    // Who names a manifest by its digest has chosen already.
    const chosen = top.content.kind === 'manifest' && reference.digest !== undefined;
    if (!found || !(chosen || serves(wanted, found))) {
      throw new LayerslayerError(
        'NO_MATCHING_PLATFORM',
        `${canonical} has no image for ${formatPlatform(wanted)}, only: ${listPlatforms(search.offered) || 'none that is known'}`,
      );
    }
    return { reference: canonical, ...found };
  }

  async listImages(text: string, signal?: AbortSignal): Promise<ImageOffer> {
    const reference = parse(text);
    const search = this.#search(reference, { os: '', architecture: '' }, signal);
    const top = await fetchManifest(search, manifestName(reference), formatReference(reference));
    const images: OfferedImage[] = [];
    const add = async (fetched: Fetched, size: number, depth: number): Promise<void> => {
      if (fetched.content.kind === 'manifest') {
        const { digest, platform } = await openManifest(search, fetched.digest, fetched.content.manifest);
        images.push({ platform, digest, size });
        return;
      }
      checkDepth(depth, formatReference(reference));
      for (const descriptor of fetched.content.index.manifests) {
        if (isAttestation(descriptor)) continue;
        const { digest, platform } = descriptor;
        if (platform) images.push({ platform: normalizePlatform(platform), digest, size: descriptor.size });
        else if (probe(search))
          await add(await fetchDescriptor(search, descriptor), descriptor.size, depth + 1);
      }
    };
    await add(top, top.size, 1);
    return { digest: top.digest, isIndex: top.content.kind === 'index', images };
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
    // Foreign layers (`urls`) too: the registry has them, or they are not to be had; other hosts are not asked.
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

  #search({ registry, repository }: Reference, wanted: Platform, signal: AbortSignal | undefined): Search {
    return { client: this.#client(registry), repository, wanted, offered: [], probes: 0, signal };
  }
}

function parse(text: string): Reference {
  return parseReference(text.startsWith(TRANSPORT) ? text.slice(TRANSPORT.length) : text);
}

/** The image that serves, undefined when the index has none. Declared platforms are tried before unknown ones. */
async function searchIndex(
  search: Search,
  index: ImageIndex,
  where: string,
  depth: number,
): Promise<FoundImage | undefined> {
  checkDepth(depth, where);
  const choice = choosePlatform(index.manifests, search.wanted);
  search.offered.push(...choice.offered);
  if (choice.best) {
    const { platform } = choice.best;
    const found = await enter(search, choice.best, where, depth);
    // Its index entry is what the user chose by; the config may leave the variant out.
    if (found) return platform ? { ...found, platform: normalizePlatform(platform) } : found;
  }
  for (const descriptor of choice.unclear) {
    if (!probe(search)) break;
    const found = await enter(search, descriptor, where, depth);
    if (found && serves(search.wanted, found)) return found;
  }
  return undefined;
}

async function enter(
  search: Search,
  descriptor: Descriptor,
  where: string,
  depth: number,
): Promise<FoundImage | undefined> {
  const { digest, content } = await fetchDescriptor(search, descriptor);
  if (content.kind === 'index') return searchIndex(search, content.index, where, depth + 1);
  return openManifest(search, digest, content.manifest);
}

function checkDepth(depth: number, where: string): void {
  if (depth <= INDEX_DEPTH_MAX) return;
  throw new LayerslayerError('UNSUPPORTED', `${where}: image indexes nested deeper than ${INDEX_DEPTH_MAX}`);
}

function probe(search: Search): boolean {
  return search.probes++ < PROBES_MAX;
}

async function fetchManifest(
  { client, repository, signal }: Search,
  name: string,
  where: string,
): Promise<Fetched & { size: number }> {
  const { digest, bytes, contentType } = await client.getManifest(repository, name, signal);
  const content = parseManifest(bytes, `manifest ${shortDigest(digest)} of ${where}`, { contentType });
  return { digest, content, size: bytes.length };
}

async function fetchDescriptor(
  { client, repository, signal }: Search,
  descriptor: Descriptor,
): Promise<Fetched> {
  const { digest, mediaType, size } = descriptor;
  const what = `manifest ${shortDigest(digest)} of ${client.registry}/${repository}`;
  const { bytes, contentType } = descriptor.data
    ? { bytes: descriptor.data, contentType: undefined }
    : await client.getManifest(repository, digest, signal);
  if (bytes.length !== size) {
    throw new LayerslayerError(
      'DIGEST_MISMATCH',
      `${what} has ${bytes.length} bytes, its descriptor says ${size}`,
    );
  }
  return { digest, content: parseManifest(bytes, what, { contentType, descriptorType: mediaType }) };
}

/** Reads a manifest's config, and with it the platform. */
async function openManifest(search: Search, digest: Digest, manifest: Manifest): Promise<FoundImage> {
  const { client, repository, signal } = search;
  const what = `config ${shortDigest(manifest.config.digest)} of ${client.registry}/${repository}`;
  const config = parseImageConfig(await client.getBlob(repository, manifest.config, signal), what);
  // Helm charts, signatures and SBOMs live in registries too, as manifests of the same form.
  if (!isImageConfigType(manifest.config.mediaType) && config.diffIds.length === 0) {
    const type = manifest.config.mediaType.slice(0, 100);
    throw new LayerslayerError(
      'UNSUPPORTED',
      `manifest ${shortDigest(digest)} is no container image: its config is ${type}`,
    );
  }
  const { os, architecture, variant, osVersion } = config;
  // Images without a platform (FROM scratch by simple tools) hold files all the same: they serve whoever asks.
  const platform =
    os !== undefined && architecture !== undefined
      ? normalizePlatform({ os, architecture, ...(variant && { variant }), ...(osVersion && { osVersion }) })
      : search.wanted;
  search.offered.push(platform);
  return { digest, manifest, config, platform };
}

function serves(wanted: Platform, { platform }: FoundImage): boolean {
  return platformDistance(wanted, platform) !== undefined;
}
