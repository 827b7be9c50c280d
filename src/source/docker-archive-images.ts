import { LayerslayerError } from '../base/errors.js';
import type { FilePart } from '../blob/file-part.js';
import type { Descriptor } from '../oci/descriptor.js';
import { shortDigest } from '../oci/digest.js';
import { formatImageLocation, type LocalLocation } from '../oci/image-location.js';
import { MANIFEST_SIZE_MAX } from '../oci/manifest.js';
import { formatPlatform, normalizePlatform, type Platform, platformDistance } from '../oci/platform.js';
import { type DescribedImage, describeArchivedImage } from './archived-image.js';
import { listPlatforms } from './choose-platform.js';
import { type ArchivedImage, parseArchiveManifest } from './docker-archive-manifest.js';
import { type FoundImage, platformOf } from './image-search.js';
import type { ImageDocuments, ImageOffer, ResolvedImage } from './image-source.js';
import { type LocalFiles, readSmallFile } from './local-files.js';
import type { LocalImages } from './local-images.js';
import { noSuchImage, severalImages } from './several-images.js';

interface Candidate extends ArchivedImage {
  position: number; // from 0
}

/** What docker save and podman save write: `manifest.json`, configs, layers. */
export class DockerArchiveImages implements LocalImages {
  readonly #files: LocalFiles;
  readonly #described = new Map<number, Promise<DescribedImage>>(); // by position

  constructor(files: LocalFiles) {
    this.#files = files;
  }

  async resolve(location: LocalLocation, wanted: Platform): Promise<FoundImage> {
    const { digest, manifest, config } = await this.#find(location, wanted);
    return { digest, manifest, config, platform: platformOf(config) ?? normalizePlatform(wanted) };
  }

  async listImages(location: LocalLocation): Promise<ImageOffer> {
    const images = await Promise.all(
      (await this.#candidates(location)).map((candidate) => this.#describe(candidate)),
    );
    return {
      digest: images[0]!.digest,
      isIndex: false,
      images: images.map(({ config, digest, documents }) => {
        const platform = platformOf(config) ?? { os: '', architecture: '' };
        return { platform, digest, size: documents.manifest.length };
      }),
    };
  }

  async documents({ platform }: ResolvedImage, location: LocalLocation): Promise<ImageDocuments> {
    return (await this.#find(location, platform)).documents;
  }

  async locate({ platform }: ResolvedImage, location: LocalLocation, layer: Descriptor): Promise<FilePart> {
    const { members } = await this.#find(location, platform);
    const member = members.get(layer.digest);
    if (member) return member;
    const what = `layer ${shortDigest(layer.digest)}`;
    throw new LayerslayerError('NOT_FOUND', `${this.#files.path} has no ${what} any more`);
  }

  close(): Promise<void> {
    this.#described.clear();
    return this.#files.close();
  }

  /** Of images with one name, returns the best platform's. Those without one always fit. */
  async #find(location: LocalLocation, platform: Platform): Promise<DescribedImage> {
    const wanted = normalizePlatform(platform);
    const offered: Platform[] = [];
    let best: DescribedImage | undefined;
    let bestDistance = Number.POSITIVE_INFINITY;
    for (const candidate of await this.#candidates(location)) {
      const image = await this.#describe(candidate);
      const own = platformOf(image.config);
      // A reference by position has chosen already.
      if (!own || location.position !== undefined) return image;
      offered.push(own);
      const distance = platformDistance(wanted, own);
      if (distance === undefined || distance >= bestDistance) continue;
      best = image;
      bestDistance = distance;
    }
    if (best) return best;
    const only = listPlatforms(offered);
    throw new LayerslayerError(
      'NO_MATCHING_PLATFORM',
      `${formatImageLocation(location)} has no image for ${formatPlatform(wanted)}, only: ${only}`,
    );
  }

  /** The images that the location names: several when one name stands for several platforms. */
  async #candidates(location: LocalLocation): Promise<Candidate[]> {
    const { tag, position } = location;
    const all = (await this.#readManifest()).map((image, position) => ({ ...image, position }));
    const matching = all.filter((image) =>
      position === undefined ? tag === undefined || image.names.includes(tag) : image.position === position,
    );
    const named = (images: readonly Candidate[]) =>
      images.map(({ names: [name], position }) => ({ name, position }));
    if (matching.length === 0) throw noSuchImage(location, named(all));
    const distinct = distinctImages(matching);
    if (tag === undefined && distinct.length > 1) throw severalImages(location, named(matching));
    return distinct;
  }

  async #readManifest(): Promise<ArchivedImage[]> {
    const { path } = this.#files;
    const bytes = await readSmallFile(this.#files, 'manifest.json', MANIFEST_SIZE_MAX);
    if (bytes) return parseArchiveManifest(bytes, `manifest.json of ${path}`);
    const isLayout = (await this.#files.find('index.json')) !== undefined;
    const hint = isLayout ? `; it may be an oci-archive:${path}` : '';
    throw new LayerslayerError('NOT_FOUND', `${path} is no docker-archive: it has no manifest.json${hint}`);
  }

  #describe(candidate: Candidate): Promise<DescribedImage> {
    const { position } = candidate;
    let image = this.#described.get(position);
    if (!image) {
      image = describeArchivedImage(this.#files, candidate);
      this.#described.set(position, image);
      // A failure is forgotten, so that a retry can succeed.
      image.catch(() => this.#described.delete(position));
    }
    return image;
  }
}

/** Some tools list an image once per name. */
function distinctImages(images: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>();
  return images.filter(({ config, layers }) => {
    const parts = JSON.stringify([config, layers]);
    const isNew = !seen.has(parts);
    seen.add(parts);
    return isNew;
  });
}
