import { LayerslayerError, unsupported } from '../base/errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import { type ImageConfig, parseImageConfig } from '../oci/image-config.js';
import { showMediaType } from '../oci/layer-type.js';
import { type Manifest, type ManifestOrIndex, parseManifest } from '../oci/manifest.js';
import { isImageConfigType } from '../oci/media-type.js';
import { normalizePlatform, type Platform, platformDistance } from '../oci/platform.js';
import { choosePlatform, isImageEntry, noMatchingPlatform, onlyUnknownTypes } from './choose-platform.js';
import type { FoundImage, ImageOffer, OfferedImage } from './image-source.js';

/** An index in an index in an index …: real ones have two levels. */
const INDEX_DEPTH_MAX = 4;
/** Manifests that declare no platform and are fetched to learn it, for one image. */
const PROBES_MAX = 32;

/** Manifests and configs of one place, by digest. */
export interface DocumentStore {
  /** Names the place in messages: `localhost:5000/app`, `/srv/layout`. */
  readonly name: string;
  /**
   * Returns a manifest with a checked digest, and the Content-Type of an HTTP response.
   * @throws LayerslayerError NOT_FOUND, DIGEST_MISMATCH, UNSUPPORTED (too large); other errors of
   *   the location
   */
  readManifest(
    descriptor: Descriptor,
    signal?: AbortSignal,
  ): Promise<{ bytes: Uint8Array; contentType?: string | undefined }>;
  /** Throws as `readManifest`. */
  readConfig(descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array>;
}

/** The document that a reference names. */
export interface TopDocument {
  digest: Digest;
  size: number; // bytes
  content: ManifestOrIndex;
  isChosen: boolean; // the user named this very manifest: its platform does not matter
}

/** A manifest that is not an image: a chart, a signature, an SBOM. */
class NotAnImage extends LayerslayerError {}

/** One search for the image of a platform, from the document that a reference stands for. */
export class ImageSearch {
  readonly #store: DocumentStore;
  readonly #reference: string;
  readonly #signal: AbortSignal | undefined;
  readonly #offered: Platform[] = [];
  readonly #unknownTypes: string[] = [];
  #probes = 0;

  /** @param reference canonical: names the image in messages */
  constructor(store: DocumentStore, reference: string, signal?: AbortSignal) {
    this.#store = store;
    this.#reference = reference;
    this.#signal = signal;
  }

  /** @throws LayerslayerError NO_MATCHING_PLATFORM, UNSUPPORTED; what the store throws */
  async find(top: TopDocument, platform: Platform): Promise<FoundImage> {
    const wanted = normalizePlatform(platform);
    const { digest, content } = top;
    const found =
      content.kind === 'manifest'
        ? await this.#openManifest(digest, content.manifest, wanted)
        : await this.#searchIndex(content.manifests, wanted, 1);
    const isChosen = content.kind === 'manifest' && top.isChosen;
    if (found && (isChosen || serves(wanted, found))) return found;
    if (this.#offered.length === 0 && this.#unknownTypes.length > 0)
      throw onlyUnknownTypes(this.#reference, this.#unknownTypes);
    throw noMatchingPlatform(this.#reference, wanted, this.#offered);
  }

  /** All images that there are. Throws as `find`. */
  async offer({ digest, size, content }: TopDocument): Promise<ImageOffer> {
    const images: OfferedImage[] = [];
    await this.#list({ digest, content }, size, 1, images);
    return { digest, isIndex: content.kind === 'index', images };
  }

  /** A manifest by its descriptor. @throws LayerslayerError as `find` */
  async read(descriptor: Descriptor): Promise<{ digest: Digest; content: ManifestOrIndex }> {
    const { digest, mediaType, size, data } = descriptor;
    const what = `manifest ${shortDigest(digest)} of ${this.#store.name}`;
    const { bytes, contentType } = data
      ? { bytes: data, contentType: undefined }
      : await this.#store.readManifest(descriptor, this.#signal);
    if (bytes.length !== size) {
      const why = `${what} has ${bytes.length} bytes, its descriptor says ${size}`;
      throw new LayerslayerError('DIGEST_MISMATCH', why);
    }
    return { digest, content: parseManifest(bytes, what, { contentType, descriptorType: mediaType }) };
  }

  /** Returns the fitting image, if any. Tries declared platforms before unknown ones. */
  async #searchIndex(
    manifests: readonly Descriptor[],
    wanted: Platform,
    depth: number,
  ): Promise<FoundImage | undefined> {
    this.#checkDepth(depth);
    const choice = choosePlatform(manifests, wanted);
    this.#offered.push(...choice.offered);
    this.#unknownTypes.push(...choice.unknownTypes);
    if (choice.best) {
      const { platform } = choice.best;
      const found = await this.#enter(choice.best, wanted, depth);
      // Its index entry is what the user chose by; the config may leave the variant out.
      if (found) return platform ? { ...found, platform: normalizePlatform(platform) } : found;
    }
    for (const descriptor of choice.unclear) {
      if (!this.#mayProbe()) break;
      const found = await this.#enter(descriptor, wanted, depth).catch(skipNotAnImage);
      if (found && serves(wanted, found)) return found;
    }
    return undefined;
  }

  async #enter(descriptor: Descriptor, wanted: Platform, depth: number): Promise<FoundImage | undefined> {
    const { digest, content } = await this.read(descriptor);
    if (content.kind === 'index') return this.#searchIndex(content.manifests, wanted, depth + 1);
    return this.#openManifest(digest, content.manifest, wanted);
  }

  async #list(
    { digest, content }: { digest: Digest; content: ManifestOrIndex },
    size: number,
    depth: number,
    images: OfferedImage[],
  ): Promise<void> {
    if (content.kind === 'manifest') {
      const { platform } = await this.#openManifest(digest, content.manifest, { os: '', architecture: '' });
      images.push({ platform, digest, size });
      return;
    }
    this.#checkDepth(depth);
    for (const descriptor of content.manifests) {
      if (!isImageEntry(descriptor)) continue;
      const { digest, platform, size } = descriptor;
      if (platform) images.push({ platform: normalizePlatform(platform), digest, size });
      else if (this.#mayProbe()) {
        await this.#list(await this.read(descriptor), size, depth + 1, images).catch(skipNotAnImage);
      }
    }
  }

  /** Reads a manifest's config, and with it the platform. */
  async #openManifest(digest: Digest, manifest: Manifest, wanted: Platform): Promise<FoundImage> {
    const what = `config ${shortDigest(manifest.config.digest)} of ${this.#store.name}`;
    const config = parseImageConfig(await this.#store.readConfig(manifest.config, this.#signal), what);
    // Helm charts, signatures and SBOMs live in registries too, as manifests of the same form.
    if (!isImageConfigType(manifest.config.mediaType) && config.diffIds.length === 0) {
      const type = manifest.config.mediaType.slice(0, 100);
      this.#unknownTypes.push(type);
      throw new NotAnImage(
        'UNSUPPORTED',
        `manifest ${shortDigest(digest)} is not a container image: its config is ${type}${layerTypes(manifest)}`,
      );
    }
    const platform = platformOf(config) ?? wanted;
    this.#offered.push(platform);
    return { digest, manifest, config, platform };
  }

  #mayProbe(): boolean {
    return this.#probes++ < PROBES_MAX;
  }

  #checkDepth(depth: number): void {
    if (depth <= INDEX_DEPTH_MAX) return;
    throw unsupported(`${this.#reference}: image indexes nested deeper than ${INDEX_DEPTH_MAX}`);
  }
}

/**
 * An index may list manifests that are not images beside images.
 * @throws any other error
 */
function skipNotAnImage(error: unknown): undefined {
  if (!(error instanceof NotAnImage)) throw error;
}

/** Maximum layer types in a message. */
const SHOWN_TYPES = 3;

/** If the config is empty, the layer types say what an artifact is. */
function layerTypes({ layers }: Manifest): string {
  const types = [...new Set(layers.map(({ mediaType }) => showMediaType(mediaType)))];
  if (types.length === 0) return '';
  const more = types.length > SHOWN_TYPES ? ' …' : '';
  return `, its layers are ${types.slice(0, SHOWN_TYPES).join(', ')}${more}`;
}

/**
 * Returns undefined for images without a platform (FROM scratch by simple tools). They have files
 * too, and fit any platform.
 */
export function platformOf({ os, architecture, variant, osVersion }: ImageConfig): Platform | undefined {
  if (os === undefined || architecture === undefined) return undefined;
  return normalizePlatform({
    os,
    architecture,
    ...(variant && { variant }),
    ...(osVersion && { osVersion }),
  });
}

function serves(wanted: Platform, { platform }: FoundImage): boolean {
  return platformDistance(wanted, platform) !== undefined;
}
