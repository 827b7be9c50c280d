import type { Log } from '../base/log.js';
import type { CacheOptions } from '../cache/content-store.js';
import type { IndexOrigin, IndexTrust, LoadIndexElsewhere } from '../index/cached-indexes.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';
import type { TreeStore } from '../overlay/open-tree.js';
import type { RegistryOptions } from '../registry/registry-options.js';
import type { UnpackRequest } from '../save/archive/unpack-blob.js';
import type { SaveLayersOptions, SaveOutcome, SaveTarget } from '../save/saved-blob.js';
import type { ImageDocuments, ImageOffer, NamedDocument, ResolvedImage } from '../source/image-source.js';
import type { Confinement } from '../source/located-source.js';
import type { IndexPublishing } from './index-publishing.js';
import type { Layer } from './layer.js';
import type { LayerObserver } from './layer-observer.js';

export type { LayerObserver } from './layer-observer.js';

export interface SessionOptions {
  registry: RegistryOptions;
  /** Which files images on this machine may have. Default: all. */
  confinement?: Confinement | undefined;
  cache: CacheOptions;
  memoryBytes: number; // limit of cached chunks
  inflatingThreads?: number; // maximum; each takes about 20 MiB
  /** Which layer indexes operations may use that don't say so themselves. Default: exact. */
  indexTrust?: IndexTrust | undefined;
  indexRepository?: string | undefined; // `host/name`: where published indexes are looked for
  /** Maximum bytes of a layer that is read whole or searched, else UNSUPPORTED. Default: none. */
  maxLayerBytes?: number | undefined;
  /** Threads keep the process alive, even idle ones. Default: yes. */
  holdsProcess?: boolean | undefined;
  /** Loads large cached indexes. Default: the thread that started the session does. */
  loadIndexElsewhere?: LoadIndexElsewhere | undefined;
  log: Log;
  /** Something the user should know while waiting: `rate limited by …, trying again in 3 s`. */
  onNotice?: (message: string) => void;
}

/** Options of one operation. What belongs to all operations of a user is in `SessionOptions`. */
export interface OperationOptions {
  signal?: AbortSignal | undefined;
  /** Which layer indexes the operation may use. Others count as absent. Default: the session's. */
  indexTrust?: IndexTrust | undefined;
  /** Receives the progress of each layer of this operation. */
  onProgress?: ((progress: LayerProgress) => void) | undefined;
}

export interface OpenLayersOptions extends OperationOptions {
  only?: readonly number[] | undefined; // numbers of the layers (from 1), in the order of the result; default: all
  /** A cached index whose states left the cache counts as absent. Default: it is used. */
  needsStates?: boolean | undefined;
}

export interface ScanOptions extends OperationOptions {
  headBytes?: number | undefined; // of the layer that are read at most; default: all
}

/**
 * How far the index pass of one layer is. Reported a few times a second and at the end. `doneBytes`
 * grows, except when a pass is repeated, and is `totalBytes` when the layer is done.
 */
export interface LayerProgress {
  layer: number; // from 1, base first
  state: 'indexing' | 'waiting' | 'done'; // waiting: another process indexes this layer
  cached: boolean; // the index was in the cache
  doneBytes: number; // compressed
  totalBytes: number;
}

/** A blob that can be read, any number of times. Bytes are fetched on iteration. */
export interface BlobStreams {
  size: number; // bytes
  /** Yields all bytes. The last chunk comes when all of them were right. */
  whole(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Yields a part, inside the blob. Undefined: only the whole can be checked. */
  range?(offset: number, length: number): AsyncGenerator<Uint8Array, void, undefined>;
}

export interface CompareLayersOptions {
  signal?: AbortSignal | undefined;
  onRefuted?: ((layer: number) => void) | undefined;
}

/** `failed`: a layer could not be read. */
export type ComparisonEnd = 'done' | 'failed' | 'refuted';

/** Counters since the session began. */
export interface SessionMetrics {
  bytesFetched: number; // body bytes of layers received from the network
  cacheHits: number; // chunk lookups answered from memory
  cacheMisses: number;
}

/**
 * `layer` is set when the scan finished or the index was cached. Otherwise `readBytes` compressed
 * bytes were read, unverified.
 */
export type LayerScanEnd = { layer: Layer; isScanned: boolean } | { readBytes: number };

/**
 * One user's access to images: owns the worker threads, the caches and the network. Nothing is
 * started before it is needed: a second mount starts no inflating thread until the first read.
 */
export interface ImageSession {
  /**
   * Starts to load the indexes of the layers that the reference had when it was last opened, while
   * `resolve` is under way.
   * @param layer the only layer that will be opened; default: all
   */
  preload(reference: string, platform: Platform, layer?: number | string): void;
  /**
   * Starts an inflate thread while `resolve` is under way, for `scanLayer` or `openLayers`. Does
   * nothing if the image was opened before: its indexes are likely cached.
   */
  prepareScan(reference: string, platform: Platform): void;
  resolve(reference: string, platform: Platform, signal?: AbortSignal): Promise<ResolvedImage>;
  listImages(reference: string, signal?: AbortSignal): Promise<ImageOffer>;
  documents(image: ResolvedImage, signal?: AbortSignal): Promise<ImageDocuments>;
  /** Returns the manifest or image index that the reference names, whatever it is. */
  readNamed(reference: string, signal?: AbortSignal): Promise<NamedDocument>;
  /**
   * Yields a repository's tags page by page, each tag once. Those of a layout or archive are the
   * names of its images.
   * @param reference one of the repository; its tag does not count
   * @throws LayerslayerError NOT_FOUND, UNAUTHORIZED; UNSUPPORTED for an endless list, or if the
   *   registry lists no tags; network codes
   */
  tags(reference: string, signal?: AbortSignal): AsyncGenerator<string[], void, undefined>;
  /**
   * Lists what refers to a manifest, such as signatures and SBOMs. Empty for an image on this
   * machine.
   * @param reference one of the manifest's repository; its tag does not count
   * @param artifactType of what is listed; default: all
   * @throws LayerslayerError network codes
   */
  referrers(
    reference: string,
    subject: Digest,
    artifactType?: string,
    signal?: AbortSignal,
  ): Promise<Descriptor[]>;
  /** The published layer indexes of images. */
  readonly published: IndexPublishing;
  /**
   * Returns the image's layers, base first, each with its index: from the cache, or from one pass
   * over the blob. Indexes that are complete stay cached when the signal is aborted. When one layer
   * fails, the others are stopped.
   * @throws LayerslayerError the first fault, with the layer's number; the signal's reason
   */
  openLayers(image: ResolvedImage, options?: OpenLayersOptions): Promise<Layer[]>;
  /**
   * Opens a layer's blob for reading, as it is in the registry. Every byte is checked: by the block
   * digests of the layer's own index, if that is cached, else by the digest of the whole blob.
   * @param layer from 1
   * @throws LayerslayerError INVALID_ARGUMENT for a layer that does not exist; on iteration
   *   DIGEST_MISMATCH, network codes, the signal's reason
   */
  readBlob(image: ResolvedImage, layer: number, signal?: AbortSignal): Promise<BlobStreams>;
  /**
   * Saves the layers' blobs in files, checked by digest, a few at a time. A fault of one layer is
   * its outcome; the others are still saved. An aborted save leaves partial files, which the next
   * one resumes.
   * @param target returns where a blob goes; the directories exist
   * @returns an outcome for each blob, base first
   * @throws LayerslayerError INVALID_ARGUMENT for layers that do not exist; the signal's reason
   */
  saveLayers(
    image: ResolvedImage,
    target: (digest: Digest) => SaveTarget,
    options?: SaveLayersOptions & OperationOptions,
  ): Promise<SaveOutcome[]>;
  /**
   * Decompresses a blob that `saveLayers` saved, in an inflate thread, and checks it by its diffId.
   * @returns bytes of the new file
   * @throws LayerslayerError DIGEST_MISMATCH, CORRUPT_LAYER, UNSUPPORTED, IO_FAILED; the signal's
   *   reason
   */
  unpackBlob(request: UnpackRequest, signal: AbortSignal): Promise<number>;
  /**
   * Starts every thread that a read may need, with its memory, to check that there is room.
   * @throws LayerslayerError IO_FAILED if the system refuses one
   */
  prepareReads(): Promise<void>;
  /** Merged trees of earlier sessions. */
  readonly trees: TreeStore;
  /**
   * Returns the origin of the index that each layer would be opened with: one that is cached, or
   * that the image announces. Reads no layer, and no index. A table may turn out unusable.
   */
  indexOrigins(image: ResolvedImage): Promise<IndexOrigin[]>;
  /** Returns a layer of the image (from 1) if its index is cached. Fetches nothing. */
  openCached(
    image: ResolvedImage,
    layer: number,
    options?: Pick<OperationOptions, 'indexTrust'>,
  ): Promise<Layer | undefined>;
  /**
   * Scans a layer of the image (from 1), entry by entry as it comes, until the
   * observer has seen enough. At the end of the layer its digest is checked and the index is
   * cached. The observer is not called when another process has made the index meanwhile.
   * @throws LayerslayerError with the layer's number; the signal's reason; what the observer throws
   */
  scanLayer(
    image: ResolvedImage,
    layer: number,
    observer: LayerObserver,
    options?: ScanOptions,
  ): Promise<LayerScanEnd>;
  /**
   * Reads layers whole that were opened by an index of others, one at a time, and compares them.
   * Reads of files come first. An index that is right is replaced by that of an own pass, which
   * counts from the next opening. Reads of a layer that is not what its index says fail at once.
   * @param layers as `openLayers` returned them; others are skipped
   * @param options.onRefuted called for each layer that is not what its index says
   * @returns `failed`: a layer could not be read; the log says why
   * @throws LayerslayerError ABORTED; the signal's reason
   */
  compareLayers(
    image: ResolvedImage,
    layers: readonly { number: number; layer: Layer }[],
    options?: CompareLayersOptions,
  ): Promise<ComparisonEnd>;
  /**
   * Records that an image was opened, for `preload` and for listings of the cache. Written a little
   * later, or when the session is closed.
   * @param reference as it was asked for, with the platform that was asked for
   * @param answeredMs when its source answered, since 1970
   */
  record(reference: string, platform: Platform, image: ResolvedImage, answeredMs: number): void;
  /** Writes at once what `record` was told. */
  writeRecords(): Promise<void>;
  metrics(): SessionMetrics;
  /** Ends threads and connections; reads under way fail with ABORTED. */
  close(): Promise<void>;
}

/** Starts a session; see `session.ts` for what runs on which thread. */
export type StartSession = (options: SessionOptions) => ImageSession;
