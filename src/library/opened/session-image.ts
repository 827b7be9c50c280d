import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LayerslayerError } from '../../base/errors.js';
import { logTo } from '../../base/log.js';
import { SharedTask } from '../../base/tasks/shared-task.js';
import { shownName } from '../../base/text/quote-name.js';
import { bytesOfText, textOfBytes } from '../../base/text/raw-text.js';
import type { ImageFiles, OpenedImage, FileVersion as TreeVersion } from '../../image/opened-image.js';
import { createdBy } from '../../oci/build-steps.js';
import { formatPlatform } from '../../oci/platform.js';
import { Content } from '../content/content.js';
import type {
  DirectoryEntry,
  FileStats,
  FileVersion,
  ImagePath,
  OperationOptions,
  RangeOptions,
  ReadFileOptions,
  ReadStreamOptions,
} from '../files.js';
import type { BuildStep, Image, ImageConfig, ImageLayer, ImageMount } from '../image.js';
import type { Operations } from '../operations/operations.js';
import { processHold } from '../operations/process-hold.js';
import type { LayerProgress, MountOptions } from '../options.js';
import { Attributes, Stats } from './attributes.js';
import { invalid } from './choices.js';
import { directoryEntries, entriesBelow } from './directory-entries.js';
import type { MountContext } from './mount-image.js';
import { SessionLayer } from './session-layer.js';

/** Entries between two turns of the event loop. */
const PAGE = 1_000;

export interface SessionImageParts extends Omit<MountContext, 'image'> {
  opened: OpenedImage;
  operations: Operations;
  onProgress(progress: LayerProgress): void;
  release(): Promise<void>;
}

/** `Image` over an image of a session. */
export class SessionImage implements Image {
  readonly reference: string;
  readonly digest: string;
  readonly platform: string;
  readonly config: ImageConfig;
  readonly steps: readonly BuildStep[];
  readonly layers: readonly ImageLayer[];
  readonly #parts: SessionImageParts;
  readonly #files: SharedTask<ImageFiles>;
  #closed: Promise<void> | undefined;

  constructor(parts: SessionImageParts) {
    const { opened, operations, onProgress } = parts;
    const { reference, digest, platform, config, manifest } = opened.resolved;
    const { diffIds, container, history: _, ...described } = config;
    this.reference = reference;
    this.digest = digest;
    this.platform = formatPlatform(platform);
    this.config = { ...described, diffIds, container };
    this.steps = opened.steps;
    this.layers = manifest.layers.map((layer, i) => {
      const made = createdBy(opened.steps, i + 1);
      return new SessionLayer({ opened, operations, onProgress }, i + 1, layer, made);
    });
    this.#parts = parts;
    const log = logTo(parts.listener); // of entries that the tree does not show
    this.#files = new SharedTask(async (signal) => {
      return (await opened.view({ signal, onProgress, log })).files();
    });
  }

  stat(path: ImagePath, { signal }: OperationOptions = {}): Promise<FileStats> {
    return this.#run(signal, path, (files) => new Stats(files.stat(path)));
  }

  lstat(path: ImagePath, { signal }: OperationOptions = {}): Promise<FileStats> {
    return this.#run(signal, path, (files) => new Stats(files.stat(path, { follow: false })));
  }

  readdir(path: ImagePath, { signal }: OperationOptions = {}): Promise<DirectoryEntry[]> {
    return this.#run(signal, path, (files) => [...directoryEntries(files, path)]);
  }

  async *opendir(
    path: ImagePath,
    { signal, recursive = false }: OperationOptions & { recursive?: boolean | undefined } = {},
  ): AsyncIterableIterator<DirectoryEntry> {
    const files = await this.#run(signal, path, (found) => found);
    const entries = recursive === true ? entriesBelow(files, path) : directoryEntries(files, path);
    let count = 0;
    for (const entry of entries) {
      // The event loop must turn, and the image may have been closed meanwhile.
      if (++count % PAGE === 0) await this.#parts.operations.run(signal, () => nextTurn());
      yield entry;
    }
  }

  readlink(path: ImagePath, { signal }: OperationOptions = {}): Promise<string> {
    return this.#run(signal, path, (files) => textOfBytes(files.readlink(path)));
  }

  realpath(path: ImagePath, { signal }: OperationOptions = {}): Promise<string> {
    return this.#run(signal, path, (files) => textOfBytes(files.stat(path).path));
  }

  readFile(
    path: ImagePath,
    options?: (ReadFileOptions & { encoding?: null | undefined }) | null,
  ): Promise<Buffer>;
  readFile(
    path: ImagePath,
    options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding }),
  ): Promise<string>;
  async readFile(
    path: ImagePath,
    options?: BufferEncoding | ReadFileOptions | null,
  ): Promise<Buffer | string> {
    return this.#content(path).readFile(options);
  }

  createReadStream(path: ImagePath, options?: BufferEncoding | ReadStreamOptions): Readable {
    return this.#content(path).createReadStream(options);
  }

  readableWebStream(path: ImagePath, options?: RangeOptions): ReadableStream<Uint8Array> {
    return this.#content(path).readableWebStream(options);
  }

  versions(path: ImagePath, { signal }: OperationOptions = {}): Promise<FileVersion[]> {
    return this.#run(signal, path, (files) =>
      files.versions(path).map((version) => this.#version(path, version)),
    );
  }

  async mount(mountpoint: string, options: MountOptions = {}): Promise<ImageMount> {
    const { mountImage } = await import('./mount-image.js');
    const { opened, operations } = this.#parts;
    return operations.run(options.signal, (signal) =>
      mountImage(mountpoint, options, { ...this.#parts, image: opened.resolved }, signal),
    );
  }

  close(): Promise<void> {
    this.#closed ??= processHold.during(async () => {
      await this.#parts.operations.close();
      this.#parts.opened.close();
      await this.#parts.release();
    });
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Runs an operation on the merged tree, which the first one makes. */
  #run<T>(signal: AbortSignal | undefined, path: ImagePath, task: (files: ImageFiles) => T): Promise<T> {
    return this.#parts.operations.run(signal, async (aborted) => {
      checkPath(path);
      return task(await this.#files.get(aborted));
    });
  }

  #content(path: ImagePath): Content {
    return new Content(this.#parts.operations, async (range, signal) => {
      checkPath(path);
      return (await this.#files.get(signal)).open(path, { ...range, signal });
    });
  }

  #version(path: ImagePath, { layer, change, stat }: TreeVersion): FileVersion {
    const content = new Content(this.#parts.operations, async (range, signal) => {
      if (!stat) throw new LayerslayerError('NOT_FOUND', `layer ${layer} removed ${shownPath(path)}`);
      return (await this.#files.get(signal)).open(stat, { ...range, signal });
    });
    return Object.assign(content, { layer, change, stats: stat && new Attributes(stat) });
  }
}

function shownPath(path: ImagePath): string {
  return shownName(typeof path === 'string' ? bytesOfText(path) : path);
}

function checkPath(path: ImagePath): void {
  if (typeof path !== 'string' && !(path instanceof Uint8Array))
    throw invalid('a path is a string, a Buffer or a Uint8Array');
}
