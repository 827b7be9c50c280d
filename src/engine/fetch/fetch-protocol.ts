import type { MessagePort } from 'node:worker_threads';
import type { LogLevel } from '../../base/log.js';
import type { LocalRange } from '../../blob/near-bytes.js';
import type { CacheOptions } from '../../cache/content-store.js';
import type { Platform } from '../../oci/platform.js';
import type { RegistryOptions } from '../../registry/registry-options.js';
import type { SavedBlob, SaveTarget } from '../../save/saved-blob.js';
import type { ImageDocuments, ImageOffer, ResolvedImage } from '../../source/image-source.js';
import type { BlobNumber } from '../inflate/inflate-protocol.js';

/** What the fetching thread is started with; said once, first. */
export interface FetchSetup {
  registry: RegistryOptions;
  cache: CacheOptions;
  counters: SharedArrayBuffer;
}

/**
 * Asked by the main thread, answered by the fetching one, which alone knows credentials, speaks to the network and
 * writes pages to the cache.
 */
export interface SourceMethods {
  setup(argument: FetchSetup): void;
  /**
   * Loads what fetching needs.
   * @throws the system's error if memory is short
   */
  prepare(argument: object): Promise<void>;
  resolve(argument: { reference: string; platform: Platform }, signal: AbortSignal): Promise<ResolvedImage>;
  listImages(argument: { reference: string }, signal: AbortSignal): Promise<ImageOffer>;
  documents(argument: { image: ResolvedImage }, signal: AbortSignal): Promise<ImageDocuments>;
  /** The other end of an inflating thread's conversation. */
  attach(argument: { port: MessagePort }): void;
  /** The other end of a walk's conversation; one each. */
  attachWalk(argument: { port: MessagePort }): void;
  /** Gives the image's layer (from 1) a number; nothing is fetched yet. A number that is known stays as it is. */
  openBlob(argument: { blob: BlobNumber; image: ResolvedImage; layer: number }): void;
  /** The blob's first bytes as they arrive, unchecked and uncached. */
  head(argument: { blob: BlobNumber; length: number }, signal: AbortSignal): Promise<Uint8Array>;
  /**
   * The layer's pages are known: `page` calls may come.
   * @returns where the layer lies on this machine, if it does; the file stays the fetching thread's
   * @throws LayerslayerError when it should and does not
   */
  setPageDigests(argument: { blob: BlobNumber; pageDigests: Uint8Array }): Promise<LocalRange | undefined>;
  /** Saves the blob as it is; how far it is stands in its counter. See `save-blob.ts`. */
  save(argument: { blob: BlobNumber; target: SaveTarget }, signal: AbortSignal): Promise<SavedBlob>;
  /** Ends what is under way, gives back what was reserved in the cache. */
  close(argument: object): Promise<void>;
}

/** Said by the fetching thread to the main one. */
export interface NoticeMethods {
  log(argument: { level: LogLevel; message: string }): void;
  notice(argument: { message: string }): void;
}

/** Asked by a thread that walks along a blob, answered by the fetching one. */
export interface WalkMethods {
  /**
   * The blob's bytes `[0, end)`, as `piece` notices.
   * @returns the digests of its pages when that was all of it (then its digest and size were right), else undefined
   */
  walk(argument: { blob: BlobNumber; end: number }, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Ends the scan without fetching more. `walk` still sends the fetched bytes, then returns. */
  enough(argument: object): void;
  /** Gives the buffer of a `piece` back: its bytes were used up. */
  used(argument: { buffer: ArrayBuffer }): void;
}

/** Said by the fetching thread to the one that walks. */
export interface WalkNotices {
  piece(argument: { bytes: Uint8Array }): void;
}
