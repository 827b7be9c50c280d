import type { Log } from '../base/log.js';
import type { LayerObserver, LayerScanEnd, OpenLayersOptions, ScanOptions } from '../engine/image-session.js';
import type { FileStream, Layer, RangeOptions } from '../engine/layer.js';
import type { BuildStep } from '../oci/build-steps.js';
import type { Digest } from '../oci/digest.js';
import type { InodeKind, NumberedLayer, Tree } from '../overlay/tree.js';
import type { ResolvedImage } from '../source/image-source.js';

/**
 * An open image: the one door for mount, peek, carve, API and library. Images of the same manifest
 * share layers and trees within a session. The last `close` releases them.
 */
export interface OpenedImage {
  readonly resolved: ResolvedImage; // reference, digest, platform, manifest, config
  /** The build history. Each step has the number of the layer that it made, if that is certain. */
  readonly steps: readonly BuildStep[];
  /**
   * Returns layers with their indexes, base first. Makes the indexes that are not cached.
   * @throws LayerslayerError as `ImageSession.openLayers`
   */
  layers(options?: LayersOptions): Promise<readonly OpenedLayer[]>;
  /** Returns a layer (from 1) if its index is cached. Fetches nothing. */
  cachedLayer(number: number): Promise<OpenedLayer | undefined>;
  /**
   * Scans a layer (from 1) for an observer, until it has seen enough.
   * @throws LayerslayerError as `ImageSession.scanLayer`
   */
  scanLayer(number: number, observer: LayerObserver, options?: ScanOptions): Promise<LayerScanEnd>;
  /**
   * Returns the merged tree of layers, and the layers. Loads the tree from the cache, or merges.
   * @throws LayerslayerError as `layers`; UNSUPPORTED as mergeLayers
   */
  view(options?: ViewOptions): Promise<ImageView>;
  /** Ends the use of this image. Views that the caller still has keep working. */
  close(): void;
}

/** `only`: base first. */
export type LayersOptions = Omit<OpenLayersOptions, 'indexTrust'>;

export interface ViewOptions extends LayersOptions {
  /** Receives a warning for each entry that the tree does not show. Default: none. */
  log?: Log | undefined;
}

/** A layer, its number in the image, and its entries: `mergeLayers` takes it as it is. */
export interface OpenedLayer extends NumberedLayer {
  layer: Layer;
}

/** Some layers of an image, merged. */
export interface ImageView {
  readonly layers: readonly OpenedLayer[]; // base first
  readonly byNumber: ReadonlyMap<number, Layer>;
  readonly tree: Tree;
  /** Returns the same view by path. Loads its code on first use: a mount does without. */
  files(): Promise<ImageFiles>;
}

/**
 * A path from the root of an image. A leading slash is optional. Bytes are for names that are not
 * UTF-8.
 */
export type ImagePath = string | Uint8Array;

/**
 * A view by path. Paths are resolved inside the image: `..` of the root is the root. All methods
 * but the stream of `open` are synchronous, since the tree is in memory.
 *
 * All methods throw LayerslayerError: NOT_FOUND if the path leads to nothing, INVALID_ARGUMENT if
 * it leads to the wrong kind of file, or if a number is out of range.
 */
export interface ImageFiles {
  /** Returns the attributes of a file. Follows symlinks, unless `follow` is false (lstat(2)). */
  stat(path: ImagePath, options?: { follow?: boolean | undefined }): FileStat;
  /**
   * Returns a page of a directory, in the order of the data in the layers.
   * @param options.cursor `next` of the page before; default: the first page
   * @param options.limit maximum entries; default: all
   */
  readdir(path: ImagePath, options?: PageOptions): DirectoryPage;
  /** Returns the target of a symlink, as the layer has it. */
  readlink(path: ImagePath): Uint8Array;
  /**
   * Opens a regular file, or a version of one, for reading once. Bytes are fetched on iteration.
   * @param file a path, or an older version from `versions`
   * @throws LayerslayerError on iteration: as `Layer.read`; the signal's reason
   */
  open(file: ImagePath | EntryStat, options?: RangeOptions): FileStream;
  /**
   * Returns where a file comes from. Does not follow a symlink in the last place.
   * @returns undefined for the root of an image without layers
   */
  provenance(path: ImagePath): Provenance | undefined;
  /**
   * Returns each version of a path through the layers, base first: one for each layer that adds,
   * changes or removes it. Symlinks in the parent directories are resolved in the whole view. Empty
   * if no layer has the path.
   */
  versions(path: ImagePath): FileVersion[];
}

/** An entry of a layer. `layer` and `row` identify it: `row` is its position in the layer. */
export interface EntryStat {
  kind: InodeKind;
  mode: number; // 0 to 0o7777
  uid: number;
  gid: number;
  size: number; // bytes; of a symlink: of its target
  mtimeSeconds: number;
  mtimeNanoseconds: number;
  deviceMajor: number;
  deviceMinor: number;
  layer: number; // from 1; 0: the root of an image without layers
  row: number; // -1: a directory that no entry names
}

/** A file of the merged tree. */
export interface FileStat extends EntryStat {
  path: Uint8Array; // absolute, without symlinks in the parent directories
  inode: number; // valid within the view
  nlink: number;
}

export interface PageOptions {
  cursor?: number | undefined;
  limit?: number | undefined;
}

export interface DirectoryPage {
  entries: (FileStat & { name: Uint8Array })[];
  next: number | undefined; // cursor of the next page; undefined after the last one
}

export interface Provenance {
  layer: number;
  digest: Digest; // of the layer
  row: number;
  createdBy: string | undefined; // the build step that made the layer
}

/** What one layer did to a path. */
export interface FileVersion {
  layer: number;
  digest: Digest; // of the layer
  change: 'added' | 'changed' | 'removed';
  stat: EntryStat | undefined; // undefined: removed
}

/** Returns the numbers of the layers whose index was not compared with their bytes. */
export function uncomparedLayers(layers: readonly { number: number; layer: Layer }[]): number[] {
  return layers.filter(({ layer }) => layer.origin.kind !== 'own').map(({ number }) => number);
}
