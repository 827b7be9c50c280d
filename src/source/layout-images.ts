import { LayerslayerError, unsupported } from '../base/errors.js';
import type { FilePart } from '../blob/blob.js';
import { blobPath } from '../oci/blob-path.js';
import type { Descriptor } from '../oci/descriptor.js';
import { type Digest, digestOf } from '../oci/digest.js';
import { foreignNote } from '../oci/foreign-layer.js';
import { CONFIG_SIZE_MAX } from '../oci/image-config.js';
import { formatImageLocation, type LocalLocation } from '../oci/image-location.js';
import { parseJsonObject, stringField } from '../oci/json.js';
import { MANIFEST_SIZE_MAX, parseManifest } from '../oci/manifest.js';
import { formatPlatform, normalizePlatform, type Platform } from '../oci/platform.js';
import { isAttestation, isImageEntry, onlyUnknownTypes } from './choose-platform.js';
import { type DocumentStore, ImageSearch, type TopDocument } from './image-search.js';
import type { FoundImage, ImageDocuments, ImageOffer, NamedDocument, ResolvedImage } from './image-source.js';
import { checkContent, type LocalFile, type LocalFiles, readSmallFile } from './local-files.js';
import { groupImages, namedImages, severalImages } from './named-images.js';

/** What a layout calls an image. (OCI image-spec, annotations.md) */
const NAME_ANNOTATION = 'org.opencontainers.image.ref.name';
/** Bytes of `oci-layout`, which holds a version and nothing else. */
const VERSION_SIZE_MAX = 64 * 1024;

/** An OCI image layout, in a directory or in a tar. (OCI image-spec, image-layout.md) */
export class LayoutImages {
  constructor(private readonly files: LocalFiles) {}

  async resolve(location: LocalLocation, platform: Platform): Promise<FoundImage> {
    const search = this.#search(location);
    return search.find(await this.#readTop(location, search), platform);
  }

  async listImages(location: LocalLocation): Promise<ImageOffer> {
    const search = this.#search(location);
    return search.offer(await this.#readTop(location, search));
  }

  /** Returns the one manifest or index that the location names, else `index.json`. */
  async readNamed(location: LocalLocation): Promise<NamedDocument> {
    const { bytes, manifests } = await this.#readIndex();
    const [first, ...others] = chooseNamed(manifests, location);
    if (others.length > 0) return { digest: digestOf(bytes), bytes };
    const { digest, data } = first!;
    if (data) return { digest, bytes: data };
    await this.#findDescribed(first!);
    return { digest, bytes: await this.#readBlob(digest, MANIFEST_SIZE_MAX) };
  }

  /** Returns the names of its images, in its order. */
  async names(): Promise<string[]> {
    const { manifests } = await this.#readIndex();
    return manifests.flatMap((descriptor) => nameOf(descriptor) ?? []);
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
    return this.files.close();
  }

  #search(location: LocalLocation): ImageSearch {
    const store: DocumentStore = {
      name: this.files.path,
      readManifest: async (descriptor) => ({
        bytes: await this.#readDescribed(descriptor, MANIFEST_SIZE_MAX),
      }),
      readConfig: (descriptor) => this.#readDescribed(descriptor, CONFIG_SIZE_MAX),
    };
    return new ImageSearch(store, formatImageLocation(location));
  }

  /** Returns a manifest or index, or an index of what the location names if that is several. */
  async #readTop(location: LocalLocation, search: ImageSearch): Promise<TopDocument> {
    const { bytes, manifests: all } = await this.#readIndex();
    const manifests = chooseNamed(all, location);
    const [first] = manifests;
    const isChosen = location.position !== undefined;
    // Reading a manifest drops its descriptor, and with it the platform.
    if (first && manifests.length === 1 && (isChosen || !first.platform)) {
      return { ...(await search.read(first)), size: first.size, isChosen };
    }
    return { digest: digestOf(bytes), size: bytes.length, content: { kind: 'index', manifests }, isChosen };
  }

  async #readIndex(): Promise<{ bytes: Uint8Array; manifests: Descriptor[] }> {
    const { path } = this.files;
    const bytes = await readSmallFile(this.files, 'index.json', MANIFEST_SIZE_MAX);
    if (!bytes) throw await this.#noLayout();
    await this.#checkVersion();
    const content = parseManifest(bytes, `index.json of ${path}`);
    if (content.kind === 'index') return { bytes, manifests: content.manifests };
    throw unsupported(`index.json of ${path} is a manifest, want an image index`);
  }

  async #noLayout(): Promise<LayerslayerError> {
    const { path } = this.files;
    const isArchive = await this.files.find('manifest.json').catch(() => undefined);
    const hint = isArchive ? `; it may be a docker-archive:${path}` : '';
    return new LayerslayerError('NOT_FOUND', `${path} is no OCI layout: it has no index.json${hint}`);
  }

  /** Other tools read layouts without `oci-layout`. Another version is another format. */
  async #checkVersion(): Promise<void> {
    const bytes = await readSmallFile(this.files, 'oci-layout', VERSION_SIZE_MAX);
    if (!bytes) return;
    const what = `oci-layout of ${this.files.path}`;
    const version = stringField(parseJsonObject(bytes, what), 'imageLayoutVersion');
    if (version === undefined || /^1\./.test(version)) return;
    throw unsupported(`${what} says version ${version.slice(0, 100)}, want 1.0.0`);
  }

  async #readDescribed(descriptor: Descriptor, limit: number): Promise<Uint8Array> {
    if (descriptor.data) return descriptor.data;
    await this.#findDescribed(descriptor);
    return this.#readBlob(descriptor.digest, limit);
  }

  async #findDescribed(descriptor: Descriptor): Promise<LocalFile> {
    const { digest, size } = descriptor;
    const file = await this.files.find(blobPath(digest));
    if (!file) throw this.#missing(digest, foreignNote(descriptor));
    if (file.size === size) return file;
    const what = `${blobPath(digest)} of ${this.files.path}`;
    throw new LayerslayerError(
      'DIGEST_MISMATCH',
      `${what} has ${file.size} bytes, its descriptor says ${size}`,
    );
  }

  async #readBlob(digest: Digest, limit: number): Promise<Uint8Array> {
    const name = blobPath(digest);
    const bytes = await readSmallFile(this.files, name, limit);
    if (!bytes) throw this.#missing(digest);
    checkContent(bytes, digest, this.files, name);
    return bytes;
  }

  #missing(digest: Digest, note = ''): LayerslayerError {
    return new LayerslayerError('NOT_FOUND', `${this.files.path} has no ${blobPath(digest)}${note}`);
  }
}

/** Returns one descriptor, or several that differ in their platforms. */
function chooseNamed(manifests: readonly Descriptor[], location: LocalLocation): Descriptor[] {
  const all = manifests.map((descriptor, position) => {
    const name = nameOf(descriptor);
    return { descriptor, position, names: name === undefined ? [] : [name] };
  });
  const images = all.filter(({ descriptor }) => !isAttestation(descriptor));
  const matching = namedImages(location, images);
  const known = matching.filter(({ descriptor }) => isImageEntry(descriptor));
  if (known.length === 0) {
    const types = matching.map(({ descriptor }) => descriptor.mediaType);
    throw onlyUnknownTypes(formatImageLocation(location), types);
  }
  // A layout lists an image once per name.
  const distinct = groupImages(known, ({ descriptor }) => `${descriptor.digest} ${platformName(descriptor)}`);
  if (location.tag === undefined && !isOneImage(distinct)) throw severalImages(location, known);
  return distinct.map(([image]) => image!.descriptor);
}

function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations && stringField(annotations, NAME_ANNOTATION);
}

function platformName({ platform }: Descriptor): string {
  return platform ? formatPlatform(normalizePlatform(platform)) : '';
}

/** Builders write images of several platforms side by side, with the same name or none. */
function isOneImage(images: readonly { descriptor: Descriptor }[][]): boolean {
  if (images.length === 1) return true;
  const names = images.map((listed) => {
    const distinct = new Set(listed.map(({ descriptor }) => nameOf(descriptor)));
    return JSON.stringify([...distinct].sort());
  });
  if (new Set(names).size > 1) return false;
  const platforms = images.map(([image]) => platformName(image!.descriptor));
  return !platforms.includes('') && new Set(platforms).size === platforms.length;
}
