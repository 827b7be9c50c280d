import { LayerslayerError } from '../base/errors.js';
import type { FilePart } from '../blob/file-part.js';
import type { Descriptor } from '../oci/descriptor.js';
import { type Digest, digestAlgorithm, digestHex, digestOf, shortDigest } from '../oci/digest.js';
import { foreignNote } from '../oci/foreign-layer.js';
import { CONFIG_SIZE_MAX } from '../oci/image-config.js';
import { formatImageLocation, type LocalLocation } from '../oci/image-location.js';
import { parseJsonObject, stringField } from '../oci/json.js';
import { type ImageIndex, MANIFEST_SIZE_MAX, parseManifest } from '../oci/manifest.js';
import { formatPlatform, normalizePlatform, type Platform } from '../oci/platform.js';
import { isAttestation, isImageEntry, onlyUnknownTypes } from './choose-platform.js';
import { type DocumentStore, type FoundImage, ImageSearch, type TopDocument } from './image-search.js';
import type { ImageDocuments, ImageOffer, ResolvedImage } from './image-source.js';
import { type LocalFile, type LocalFiles, readSmallFile } from './local-files.js';
import type { LocalImages } from './local-images.js';
import { type NamedImage, noSuchImage, severalImages } from './several-images.js';

/** What a layout calls an image. (OCI image-spec, annotations.md) */
const NAME_ANNOTATION = 'org.opencontainers.image.ref.name';
/** Bytes of `oci-layout`, which holds a version and nothing else. */
const VERSION_SIZE_MAX = 64 * 1024;

/** An OCI image layout, in a directory or in a tar. (OCI image-spec, image-layout.md) */
export class LayoutImages implements LocalImages {
  readonly #files: LocalFiles;

  constructor(files: LocalFiles) {
    this.#files = files;
  }

  async resolve(location: LocalLocation, platform: Platform, signal?: AbortSignal): Promise<FoundImage> {
    const search = this.#search(location, signal);
    return search.find(await this.#readTop(location, search), platform);
  }

  async listImages(location: LocalLocation, signal?: AbortSignal): Promise<ImageOffer> {
    const search = this.#search(location, signal);
    return search.offer(await this.#readTop(location, search));
  }

  async documents({ digest, manifest }: ResolvedImage): Promise<ImageDocuments> {
    return {
      manifest: await this.#readBlob(digest, MANIFEST_SIZE_MAX),
      config: await this.#readDescribed(manifest.config, CONFIG_SIZE_MAX),
    };
  }

  locate(_image: ResolvedImage, _location: LocalLocation, layer: Descriptor): Promise<FilePart> {
    return this.#findDescribed(layer);
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  #search(location: LocalLocation, signal: AbortSignal | undefined): ImageSearch {
    const store: DocumentStore = {
      name: this.#files.path,
      readManifest: async (descriptor) => ({
        bytes: await this.#readDescribed(descriptor, MANIFEST_SIZE_MAX),
      }),
      readConfig: (descriptor) => this.#readDescribed(descriptor, CONFIG_SIZE_MAX),
    };
    return new ImageSearch(store, formatImageLocation(location), signal);
  }

  /** What the location names: one manifest or index, or several manifests that are one image's. */
  async #readTop(location: LocalLocation, search: ImageSearch): Promise<TopDocument> {
    const { index, digest, size } = await this.#readIndex();
    const named = chooseNamed(index, location);
    const [first] = named;
    const isChosen = location.position !== undefined;
    // A platform that only the descriptor tells would be lost if it were entered at once.
    if (first && named.length === 1 && (isChosen || !first.platform)) {
      return { ...(await search.read(first)), size: first.size, isChosen };
    }
    return { digest, size, content: { kind: 'index', index: { ...index, manifests: named } }, isChosen };
  }

  async #readIndex(): Promise<{ index: ImageIndex; digest: Digest; size: number }> {
    const { path } = this.#files;
    const bytes = await readSmallFile(this.#files, 'index.json', MANIFEST_SIZE_MAX);
    if (!bytes) throw await this.#noLayout();
    await this.#checkVersion();
    const content = parseManifest(bytes, `index.json of ${path}`);
    if (content.kind !== 'index') {
      throw new LayerslayerError('UNSUPPORTED', `index.json of ${path} is a manifest, want an image index`);
    }
    return { index: content.index, digest: digestOf(bytes), size: bytes.length };
  }

  async #noLayout(): Promise<LayerslayerError> {
    const { path } = this.#files;
    const isArchive = await this.#files.find('manifest.json').catch(() => undefined);
    const hint = isArchive ? `; it may be a docker-archive:${path}` : '';
    return new LayerslayerError('NOT_FOUND', `${path} is no OCI layout: it has no index.json${hint}`);
  }

  /** Other tools read layouts without `oci-layout`. Another version is another format. */
  async #checkVersion(): Promise<void> {
    const bytes = await readSmallFile(this.#files, 'oci-layout', VERSION_SIZE_MAX);
    if (!bytes) return;
    const what = `oci-layout of ${this.#files.path}`;
    const version = stringField(parseJsonObject(bytes, what), 'imageLayoutVersion');
    if (version === undefined || /^1\./.test(version)) return;
    throw new LayerslayerError('UNSUPPORTED', `${what} says version ${version.slice(0, 100)}, want 1.0.0`);
  }

  async #readDescribed(descriptor: Descriptor, limit: number): Promise<Uint8Array> {
    if (descriptor.data) return descriptor.data;
    await this.#findDescribed(descriptor);
    return this.#readBlob(descriptor.digest, limit);
  }

  async #findDescribed(descriptor: Descriptor): Promise<LocalFile> {
    const { digest, size } = descriptor;
    const file = await this.#files.find(blobName(digest));
    if (!file) throw this.#missing(digest, foreignNote(descriptor));
    if (file.size === size) return file;
    throw new LayerslayerError(
      'DIGEST_MISMATCH',
      `${blobName(digest)} of ${this.#files.path} has ${file.size} bytes, its descriptor says ${size}`,
    );
  }

  async #readBlob(digest: Digest, limit: number): Promise<Uint8Array> {
    const bytes = await readSmallFile(this.#files, blobName(digest), limit);
    if (!bytes) throw this.#missing(digest);
    const found = digestOf(bytes, digest);
    if (found === digest) return bytes;
    throw new LayerslayerError(
      'DIGEST_MISMATCH',
      `${blobName(digest)} of ${this.#files.path}: its content is ${shortDigest(found)}`,
    );
  }

  #missing(digest: Digest, note = ''): LayerslayerError {
    return new LayerslayerError('NOT_FOUND', `${this.#files.path} has no ${blobName(digest)}${note}`);
  }
}

/** A digest is checked when it is parsed: it cannot climb out of `blobs`. */
function blobName(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}

/** @returns one descriptor or several that differ in their platforms */
function chooseNamed({ manifests }: ImageIndex, location: LocalLocation): Descriptor[] {
  const { tag, position } = location;
  const all = manifests.map((descriptor, position) => ({ descriptor, position, name: nameOf(descriptor) }));
  const images = all.filter(({ descriptor }) => !isAttestation(descriptor));
  const matching = images.filter((image) =>
    position === undefined ? tag === undefined || image.name === tag : image.position === position,
  );
  if (matching.length === 0) throw noSuchImage(location, images);
  const known = matching.filter(({ descriptor }) => isImageEntry(descriptor));
  if (known.length === 0) {
    const types = matching.map(({ descriptor }) => descriptor.mediaType);
    throw onlyUnknownTypes(formatImageLocation(location), types);
  }
  const distinct = distinctImages(known);
  if (tag === undefined && !isOneImage(distinct)) throw severalImages(location, known);
  return distinct.map(({ descriptor }) => descriptor);
}

function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations && stringField(annotations, NAME_ANNOTATION);
}

/** An image with all its names in `index.json`. */
interface DistinctImage {
  descriptor: Descriptor;
  names: Set<string | undefined>;
}

/** A layout lists an image once per tag. */
function distinctImages(images: readonly (NamedImage & { descriptor: Descriptor })[]): DistinctImage[] {
  const distinct = new Map<string, DistinctImage>();
  for (const { descriptor, name } of images) {
    const key = `${descriptor.digest} ${platformName(descriptor) ?? ''}`;
    const known = distinct.get(key);
    if (known) known.names.add(name);
    else distinct.set(key, { descriptor, names: new Set([name]) });
  }
  return [...distinct.values()];
}

function platformName({ platform }: Descriptor): string | undefined {
  return platform && formatPlatform(normalizePlatform(platform));
}

/** Builders write images of several platforms side by side, with the same name or none. */
function isOneImage(images: readonly DistinctImage[]): boolean {
  if (images.length === 1) return true;
  const names = images.map(({ names }) => JSON.stringify([...names].sort()));
  if (new Set(names).size > 1) return false;
  const platforms = images.map(({ descriptor }) => platformName(descriptor));
  return !platforms.includes(undefined) && new Set(platforms).size === platforms.length;
}
