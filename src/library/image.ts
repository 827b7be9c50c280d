import type { Readable } from 'node:stream';
import type {
  DirectoryEntry,
  FileStats,
  FileVersion,
  ImagePath,
  LayerEntry,
  OperationOptions,
  RangeOptions,
  ReadFileOptions,
  ReadStreamOptions,
} from './files.js';
import type { MountOptions, UnmountOptions } from './options.js';

/**
 * An open image: what containers of it see, by path, and its layers.
 *
 * The first operation that needs a layer makes its index, unless the cache or the image has one.
 * That reads the layer once from end to end. Later operations fetch only the bytes that they need.
 *
 * All methods throw a LayerslayerError, or reject with one: NOT_FOUND if a path leads to nothing,
 * INVALID_ARGUMENT if it leads to the wrong kind of file, ABORTED after `close`, and network codes,
 * DIGEST_MISMATCH, CORRUPT_LAYER, UNSUPPORTED and IO_FAILED when bytes are fetched.
 *
 * An idle image does not keep the process alive, an operation under way does. Layers are
 * decompressed in threads. The tree of a large image is made in the caller's thread, once.
 */
export interface Image {
  /** Canonical: `docker.io/library/nginx:alpine`. */
  readonly reference: string;
  /** Of its manifest, not of the image index: `sha256:…`. */
  readonly digest: string;
  /** `linux/arm64`. */
  readonly platform: string;
  readonly config: ImageConfig;
  /** The build history, first step first. */
  readonly steps: readonly BuildStep[];
  /** Base first. */
  readonly layers: readonly ImageLayer[];

  /** Returns the attributes of a file. Follows symlinks inside the image, as `fs.stat`. */
  stat(path: ImagePath, options?: OperationOptions): Promise<FileStats>;
  /** As `stat`, but does not follow a symlink in the last place, as `fs.lstat`. */
  lstat(path: ImagePath, options?: OperationOptions): Promise<FileStats>;
  /**
   * Returns the entries of a directory, in the order of the data in the layers. `opendir` does not
   * hold all of them in memory.
   */
  readdir(path: ImagePath, options?: OperationOptions): Promise<DirectoryEntry[]>;
  /** As `readdir`, one entry at a time. `recursive` yields each directory before its entries. */
  opendir(
    path: ImagePath,
    options?: OperationOptions & { recursive?: boolean | undefined },
  ): AsyncIterableIterator<DirectoryEntry>;
  /** Returns the target of a symlink, as the image has it. */
  readlink(path: ImagePath, options?: OperationOptions): Promise<string>;
  /** Returns the absolute path without symlinks, inside the image. */
  realpath(path: ImagePath, options?: OperationOptions): Promise<string>;
  /** Returns the content of a regular file, or a range of it. */
  readFile(
    path: ImagePath,
    options?: (ReadFileOptions & { encoding?: null | undefined }) | null,
  ): Promise<Buffer>;
  readFile(
    path: ImagePath,
    options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding }),
  ): Promise<string>;
  /** Returns the content of a regular file as a stream of Node. Errors destroy it. */
  createReadStream(path: ImagePath, options?: BufferEncoding | ReadStreamOptions): Readable;
  /** Returns the content of a regular file as a web stream of bytes. */
  readableWebStream(path: ImagePath, options?: RangeOptions): ReadableStream<Uint8Array>;
  /**
   * Returns each version of a path through the layers, base first: one for each layer that adds,
   * changes or removes it. Symlinks in its parent directories are resolved in the whole image.
   * Empty if no layer has the path.
   */
  versions(path: ImagePath, options?: OperationOptions): Promise<FileVersion[]>;
  /**
   * Mounts the image, read-only, in a process of its own, which outlives the image and this
   * process. Resolves when the mount is usable. Linux, with `/dev/fuse`.
   * @param mountpoint an empty directory
   * @throws LayerslayerError MOUNT_FAILED, with advice
   */
  mount(mountpoint: string, options?: MountOptions): Promise<ImageMount>;
  /**
   * Ends all operations under way with ABORTED, then threads and connections. Mounts stay. The
   * process can end by itself after it, unless something else holds it.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A layer of an image. */
export interface ImageLayer {
  /** From 1, base first. */
  readonly number: number;
  /** Of the compressed bytes. */
  readonly digest: string;
  /** Compressed bytes. */
  readonly size: number;
  readonly mediaType: string;
  /** The build step that made it, if that is certain. */
  readonly createdBy: string | undefined;
  /**
   * Yields the members of the layer's tar archive, in its order. The first one comes when the index
   * of the layer exists.
   */
  entries(options?: OperationOptions): AsyncIterableIterator<LayerEntry>;
  /**
   * Returns whether the index was made by a pass over the whole layer, on this machine. Otherwise
   * a ready-made index was used (option `index`), which was not compared with the layer: a hostile
   * publisher's may show another tree.
   */
  isVerified(options?: OperationOptions): Promise<boolean>;
}

/** A mount. It stays until it is unmounted, by whatever program. */
export interface ImageMount {
  /** Absolute, without symlinks. */
  readonly mountpoint: string;
  /** Of the process that serves it. */
  readonly pid: number;
  /** Its log file. */
  readonly log: string;
  /** See `ImageLayer.isVerified`; all layers. */
  readonly isVerified: boolean;
  /**
   * Unmounts, and waits for the process to end. Does nothing if it was unmounted before.
   * @throws LayerslayerError UNMOUNT_FAILED if it is busy, with the processes that hold it
   */
  unmount(options?: UnmountOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** OCI image-spec, config.md. Missing fields are absent or empty. */
export interface ImageConfig {
  /** RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  readonly os?: string;
  readonly architecture?: string;
  readonly variant?: string;
  readonly osVersion?: string;
  /** Digests of the uncompressed layers, base first. */
  readonly diffIds: readonly string[];
  readonly container: ContainerConfig;
}

/** How to run a container: the document's `config`. */
export interface ContainerConfig {
  readonly user?: string;
  /** NAME=value. */
  readonly env: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly workingDir?: string;
  /** 80/tcp. */
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly shell?: readonly string[];
}

/** A step of the build history. */
export interface BuildStep {
  /** RFC 3339. */
  readonly created?: string;
  /** The command. */
  readonly createdBy?: string;
  readonly comment?: string;
  readonly author?: string;
  /** It made no layer. */
  readonly emptyLayer: boolean;
  /** That it made, from 1, if that is certain. */
  readonly layer?: number;
}
