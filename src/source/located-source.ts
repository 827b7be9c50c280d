import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fsPath } from '../base/text/raw-text.js';
import type { Blob } from '../blob/blob.js';
import type { Descriptor } from '../oci/descriptor.js';
import {
  type ChoosePath,
  formatImageLocation,
  type ImageLocation,
  type LocalLocation,
  parseImageLocation,
} from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import type { DockerArchiveImages } from './docker-archive-images.js';
import { FileBlob } from './file-blob.js';
import type {
  ImageDocuments,
  ImageOffer,
  ImageSource,
  NamedDocument,
  ResolvedImage,
  TagPage,
} from './image-source.js';
import type { LayoutImages } from './layout-images.js';

/** Which files images on this machine may have. Plain data, for the fetch thread. */
export interface Confinement {
  within: readonly string[]; // directories, real paths: symlinks may not lead out of them
  except: readonly string[]; // layouts and archives that the user named: theirs may
}

/** The images of one directory or archive. */
type LocalImages = LayoutImages | DockerArchiveImages;

/**
 * Images wherever they are: their reference says where. For images on this machine, methods throw
 * LayerslayerError NOT_FOUND, INVALID_REFERENCE (several images), NO_MATCHING_PLATFORM,
 * UNSUPPORTED, DIGEST_MISMATCH, CORRUPT_LAYER, IO_FAILED, with the directory or archive.
 */
export class LocatedSource implements ImageSource {
  readonly #local = new Map<string, Promise<LocalImages>>(); // by place and path
  readonly #locations = new Map<string, ImageLocation>(); // by reference

  /**
   * @param registries closed by `close`
   * @param confinement of images on this machine. Default: none
   */
  constructor(
    private readonly registries: ImageSource,
    private readonly confinement?: Confinement,
  ) {}

  async resolve(reference: string, platform: Platform, signal?: AbortSignal): Promise<ResolvedImage> {
    const location = this.#locate(reference);
    if (location.place === 'registry') return this.registries.resolve(reference, platform, signal);
    const images = await this.#open(location);
    return { reference: formatImageLocation(location), ...(await images.resolve(location, platform)) };
  }

  async listImages(reference: string, signal?: AbortSignal): Promise<ImageOffer> {
    const location = this.#locate(reference);
    if (location.place === 'registry') return this.registries.listImages(reference, signal);
    return (await this.#open(location)).listImages(location);
  }

  async documents(image: ResolvedImage, signal?: AbortSignal): Promise<ImageDocuments> {
    const location = this.#locate(image.reference);
    if (location.place === 'registry') return this.registries.documents(image, signal);
    return (await this.#open(location)).documents(image, location);
  }

  async readNamed(reference: string, signal?: AbortSignal): Promise<NamedDocument> {
    const location = this.#locate(reference);
    if (location.place === 'registry') return this.registries.readNamed(reference, signal);
    return (await this.#open(location)).readNamed(location);
  }

  async listTags(reference: string, next?: string, signal?: AbortSignal): Promise<TagPage> {
    const location = this.#locate(reference);
    if (location.place === 'registry') return this.registries.listTags(reference, next, signal);
    return { tags: await (await this.#open(location)).names() };
  }

  open(image: ResolvedImage, layer: Descriptor): Blob {
    const location = this.#locate(image.reference);
    if (location.place === 'registry') return this.registries.open(image, layer);
    return new FileBlob(location.path, layer.size, async () => {
      return (await this.#open(location)).locate(image, location, layer);
    });
  }

  async close(): Promise<void> {
    const local = await Promise.allSettled(this.#local.values());
    this.#local.clear();
    await Promise.all([
      this.registries.close(),
      ...local.map((images) => images.status === 'fulfilled' && images.value.close()),
    ]);
  }

  /** Cached: a path with a colon could lead elsewhere after a file is removed. */
  #locate(reference: string): ImageLocation {
    let location = this.#locations.get(reference);
    if (!location) {
      location = parseImageLocation(reference, chooseLocalPath);
      this.#locations.set(reference, location);
    }
    return location;
  }

  #open(location: LocalLocation): Promise<LocalImages> {
    const key = `${location.place}:${location.path}`;
    let images = this.#local.get(key);
    if (!images) {
      const { within, except = [] } = this.confinement ?? {};
      images = openLocalImages(location, except.includes(location.path) ? undefined : within);
      this.#local.set(key, images);
      // A failure is not cached: the archive may be replaced.
      images.catch(() => this.#local.delete(key));
    }
    return images;
  }
}

/** Loads modules here: a mount from a registry does not wait for them. */
async function openLocalImages(
  { place, path }: LocalLocation,
  within: readonly string[] | undefined,
): Promise<LocalImages> {
  const files =
    place === 'oci'
      ? new (await import('./directory-files.js')).DirectoryFiles(path, within)
      : await (await import('./archive-files.js')).ArchiveFiles.open(path, within);
  if (place === 'docker-archive') {
    const { DockerArchiveImages } = await import('./docker-archive-images.js');
    return new DockerArchiveImages(files);
  }
  const { LayoutImages } = await import('./layout-images.js');
  return new LayoutImages(files);
}

/**
 * Returns the path that exists: a layout, else a directory for `oci`; any other file for archives.
 * The shortest wins, as in skopeo, where the first colon ends the path.
 */
export const chooseLocalPath: ChoosePath = (place, paths) => {
  if (place !== 'oci') return paths.findIndex((path) => isDirectory(path) === false);
  const layout = paths.findIndex((path) => existsSync(fsPath(join(path, 'index.json'))));
  return layout === -1 ? paths.findIndex(isDirectory) : layout;
};

/** @returns undefined if no path exists */
function isDirectory(path: string): boolean | undefined {
  try {
    return statSync(fsPath(path)).isDirectory();
  } catch {
    return undefined;
  }
}
