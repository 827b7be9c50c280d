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
/** Maximum manifests to fetch for their platform, which their index does not declare. */
const PROBES_MAX = 32;

/** The manifests and configs of a repository or layout, by digest. */
export interface DocumentStore {
  readonly name: string; // for messages: `localhost:5000/app`, `/srv/layout`
  /**
   * Returns a manifest with a checked digest, and the Content-Type of an HTTP response.
   * @throws LayerslayerError NOT_FOUND, DIGEST_MISMATCH, UNSUPPORTED (too large); other errors of
   *   the location
   */
  readManifest(descriptor: Descriptor): Promise<{ bytes: Uint8Array; contentType?: string | undefined }>;
  /** Throws as `readManifest`. */
  readConfig(descriptor: Descriptor): Promise<Uint8Array>;
}

interface Document {
  digest: Digest;
  content: ManifestOrIndex;
}

/** The document that a reference names. */
export interface TopDocument extends Document {
  size: number; // bytes
  isChosen: boolean; // the user named this very manifest: its platform does not matter
}

/** For a manifest that is not an image: a chart, a signature, an SBOM. */
class NotAnImage extends LayerslayerError {}

/** One search for images, from the document that a reference names. */
export class ImageSearch {
  readonly #offered: Platform[] = [];
  readonly #unknownTypes: string[] = [];
  #probes = 0;

  /** @param reference canonical: names the image in messages */
  constructor(
    private readonly store: DocumentStore,
    private readonly reference: string,
  ) {}

  /** @throws LayerslayerError NO_MATCHING_PLATFORM, UNSUPPORTED; what the store throws */
  async find(top: TopDocument, platform: Platform): Promise<FoundImage> {
    const wanted = normalizePlatform(platform);
    const found = await this.#search(top, wanted, 1);
    const isChosen = top.content.kind === 'manifest' && top.isChosen;
    if (found && (isChosen || serves(wanted, found))) return found;
    if (this.#offered.length === 0 && this.#unknownTypes.length > 0)
      throw onlyUnknownTypes(this.reference, this.#unknownTypes);
    throw noMatchingPlatform(this.reference, wanted, this.#offered);
  }

  /** Returns all images. Throws as `find`. */
  async offer(top: TopDocument): Promise<ImageOffer> {
    const images: OfferedImage[] = [];
    await this.#list(top, top.size, 1, images);
    return { digest: top.digest, isIndex: top.content.kind === 'index', images };
  }

  /** Reads a manifest or index. Throws as `find`. */
  async read(descriptor: Descriptor): Promise<Document> {
    const { digest, mediaType, size, data } = descriptor;
    const what = `manifest ${shortDigest(digest)} of ${this.store.name}`;
    const { bytes, contentType } = data ? { bytes: data } : await this.store.readManifest(descriptor);
    if (bytes.length !== size) {
      const why = `${what} has ${bytes.length} bytes, its descriptor says ${size}`;
      throw new LayerslayerError('DIGEST_MISMATCH', why);
    }
    return { digest, content: parseManifest(bytes, what, { contentType, descriptorType: mediaType }) };
  }

  /** Returns the fitting image, if any. Tries declared platforms before unknown ones. */
  async #search(
    { digest, content }: Document,
    wanted: Platform,
    depth: number,
  ): Promise<FoundImage | undefined> {
    if (content.kind === 'manifest') return this.#openManifest(digest, content.manifest, wanted);
    checkDepth(depth, this.reference);
    const choice = choosePlatform(content.manifests, wanted);
    this.#offered.push(...choice.offered);
    this.#unknownTypes.push(...choice.unknownTypes);
    if (choice.best) {
      const { platform } = choice.best;
      const found = await this.#search(await this.read(choice.best), wanted, depth + 1);
      // The user chose by the index entry. The config may omit the variant.
      if (found) return platform ? { ...found, platform: normalizePlatform(platform) } : found;
    }
    for (const descriptor of choice.unclear) {
      if (!this.#mayProbe()) break;
      const document = await this.read(descriptor);
      const found = await this.#search(document, wanted, depth + 1).catch(skipNotAnImage);
      if (found && serves(wanted, found)) return found;
    }
    return undefined;
  }

  async #list(
    { digest, content }: Document,
    size: number,
    depth: number,
    images: OfferedImage[],
  ): Promise<void> {
    if (content.kind === 'manifest') {
      const { platform } = await this.#openManifest(digest, content.manifest, { os: '', architecture: '' });
      images.push({ platform, digest, size });
      return;
    }
    checkDepth(depth, this.reference);
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
    const what = `config ${shortDigest(manifest.config.digest)} of ${this.store.name}`;
    const config = parseImageConfig(await this.store.readConfig(manifest.config), what);
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
}

function checkDepth(depth: number, reference: string): void {
  if (depth <= INDEX_DEPTH_MAX) return;
  throw unsupported(`${reference}: image indexes nested deeper than ${INDEX_DEPTH_MAX}`);
}

/** An index may list other manifests beside images. Throws any other error. */
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

/** Returns undefined if the image has no platform (simple tools write such). It fits any. */
export function platformOf({ os, architecture, variant, osVersion }: ImageConfig): Platform | undefined {
  if (os === undefined || architecture === undefined) return undefined;
  const details = { ...(variant && { variant }), ...(osVersion && { osVersion }) };
  return normalizePlatform({ os, architecture, ...details });
}

function serves(wanted: Platform, { platform }: FoundImage): boolean {
  return platformDistance(wanted, platform) !== undefined;
}
