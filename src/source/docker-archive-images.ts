import { LayerslayerError } from '../base/errors.js';
import type { FilePart } from '../blob/blob.js';
import type { Descriptor } from '../oci/descriptor.js';
import { shortDigest } from '../oci/digest.js';
import { formatImageLocation, type LocalLocation } from '../oci/image-location.js';
import { MANIFEST_SIZE_MAX } from '../oci/manifest.js';
import { normalizePlatform, type Platform, platformDistance } from '../oci/platform.js';
import { type DescribedImage, describeArchivedImage } from './archived-image.js';
import { nearest, noMatchingPlatform } from './choose-platform.js';
import { type ArchivedImage, parseArchiveManifest } from './docker-archive-manifest.js';
import type { FoundImage, ImageDocuments, ImageOffer, NamedDocument, ResolvedImage } from './image-source.js';
import { type LocalFiles, readSmallFile } from './local-files.js';
import { groupImages, namedImages, severalImages } from './named-images.js';

const NO_PLATFORM: Platform = { os: '', architecture: '' };

/** What docker save and podman save write: `manifest.json`, configs, layers. */
export class DockerArchiveImages {
  readonly #described = new Map<number, Promise<DescribedImage>>(); // by position

  constructor(private readonly files: LocalFiles) {}

  async resolve(location: LocalLocation, wanted: Platform): Promise<FoundImage> {
    const { digest, manifest, config, platform } = await this.#find(location, wanted);
    return { digest, manifest, config, platform: platform ?? normalizePlatform(wanted) };
  }

  async listImages(location: LocalLocation): Promise<ImageOffer> {
    const described = await this.#describeNamed(location);
    const images = described.map(({ platform = NO_PLATFORM, digest, documents }) => {
      return { platform, digest, size: documents.manifest.length };
    });
    return { digest: images[0]!.digest, isIndex: false, images };
  }

  /** Returns the manifest that is made of the one image that the location names. */
  async readNamed(location: LocalLocation): Promise<NamedDocument> {
    const [first, ...others] = await this.#describeNamed(location);
    if (others.length === 0) return { digest: first!.digest, bytes: first!.documents.manifest };
    const why = 'names images of several platforms: choose one with --platform';
    throw new LayerslayerError('INVALID_REFERENCE', `${formatImageLocation(location)} ${why}`);
  }

  /** Returns the names of its images as references, in its order. */
  async names(): Promise<string[]> {
    return (await this.#readManifest()).flatMap(({ names }) => names);
  }

  async documents({ platform }: ResolvedImage, location: LocalLocation): Promise<ImageDocuments> {
    return (await this.#find(location, platform)).documents;
  }

  async locate({ platform }: ResolvedImage, location: LocalLocation, layer: Descriptor): Promise<FilePart> {
    const { members } = await this.#find(location, platform);
    const member = members.get(layer.digest);
    if (member) return member;
    const why = `${this.files.path} has no layer ${shortDigest(layer.digest)} any more`;
    throw new LayerslayerError('NOT_FOUND', why);
  }

  close(): Promise<void> {
    this.#described.clear();
    return this.files.close();
  }

  /** Of images with one name, returns the best platform's. Those without one always fit. */
  async #find(location: LocalLocation, platform: Platform): Promise<DescribedImage> {
    const wanted = normalizePlatform(platform);
    const images = await this.#describeNamed(location);
    // A position chooses the image, whatever its platform.
    const best = nearest(images, ({ platform: own }) =>
      own && location.position === undefined ? platformDistance(wanted, own) : -1,
    );
    if (best) return best;
    const offered = images.flatMap(({ platform }) => platform ?? []);
    throw noMatchingPlatform(formatImageLocation(location), wanted, offered);
  }

  /** Returns the images that the location names: several if they share a name. */
  async #describeNamed(location: LocalLocation): Promise<DescribedImage[]> {
    const matching = namedImages(location, await this.#readManifest());
    // Some tools list an image once per name.
    const distinct = groupImages(matching, ({ config, layers }) => JSON.stringify([config, layers]));
    if (location.tag === undefined && distinct.length > 1) throw severalImages(location, matching);
    const images: DescribedImage[] = [];
    for (const [image] of distinct) images.push(await this.#describe(image!));
    return images;
  }

  async #readManifest(): Promise<ArchivedImage[]> {
    const { path } = this.files;
    const bytes = await readSmallFile(this.files, 'manifest.json', MANIFEST_SIZE_MAX);
    if (bytes) return parseArchiveManifest(bytes, `manifest.json of ${path}`);
    const isLayout = (await this.files.find('index.json')) !== undefined;
    const hint = isLayout ? `; it may be an oci-archive:${path}` : '';
    throw new LayerslayerError('NOT_FOUND', `${path} is no docker-archive: it has no manifest.json${hint}`);
  }

  #describe(candidate: ArchivedImage): Promise<DescribedImage> {
    const { position } = candidate;
    let image = this.#described.get(position);
    if (!image) {
      image = describeArchivedImage(this.files, candidate);
      this.#described.set(position, image);
      // A failure is not cached: a retry can succeed.
      image.catch(() => this.#described.delete(position));
    }
    return image;
  }
}
