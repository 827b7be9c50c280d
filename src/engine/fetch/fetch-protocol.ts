import type { MessagePort } from 'node:worker_threads';
import type { LogLevel } from '../../base/log.js';
import type { Transferred } from '../../base/thread-rpc.js';
import type { LocalRange } from '../../blob/blob.js';
import type { BlockDigests } from '../../blob/page.js';
import type { CacheOptions } from '../../cache/content-store.js';
import type { Platform } from '../../oci/platform.js';
import type { RegistryOptions } from '../../registry/registry-options.js';
import type { SavedBlob, SaveTarget } from '../../save/saved-blob.js';
import type { ImageDocuments, ImageOffer, ResolvedImage } from '../../source/image-source.js';
import type { BlobNumber, PassNumber } from '../inflate/inflate-protocol.js';

/** What the fetch thread is started with. */
export interface FetchSetup {
  registry: RegistryOptions;
  cache: CacheOptions;
  counters: SharedArrayBuffer;
}

/**
 * Asked by the main thread, answered by the fetch thread. Only the fetch thread has credentials,
 * uses the network and writes pages to the cache.
 */
export interface SourceMethods {
  /**
   * The first message. Its answer means that all is loaded that fetching needs.
   * @throws the system's error if memory is short
   */
  setup(argument: FetchSetup): Promise<void>;
  /** Asks the source of images. @returns what its method does */
  source(argument: SourceQuestion, signal: AbortSignal): Promise<ResolvedImage | ImageOffer | ImageDocuments>;
  /** The other end of a conversation with a thread that reads blobs: `BlobMethods`. */
  attach(argument: { port: MessagePort }): void;
  /**
   * Gives the image's layer (from 1) a number; nothing is fetched yet. `read` needs the digests of
   * its blocks, in this call or a later one.
   * @throws LayerslayerError if the layer should be on this machine and is not; network codes, for
   *   its head
   */
  openBlob(argument: OpenBlobRequest, signal: AbortSignal): Promise<OpenedBlob>;
  /** Saves the blob as it is; its counter has the progress. See `save-blob.ts`. */
  save(argument: { blob: BlobNumber; target: SaveTarget }, signal: AbortSignal): Promise<SavedBlob>;
  /** Ends what is under way and releases the share of the cache. */
  close(argument: object): Promise<void>;
}

export interface OpenBlobRequest {
  blob: BlobNumber;
  image: ResolvedImage;
  layer: number; // from 1
  blockDigests?: BlockDigests | undefined;
  headLength?: number; // bytes of the blob's start that are wanted, default: none
}

export interface OpenedBlob {
  /** The blob on this machine, if its digests are known. The file stays the fetch thread's. */
  local?: LocalRange | undefined;
  head?: Uint8Array | undefined; // as it arrives, unchecked and uncached
}

export type SourceQuestion =
  | { ask: 'resolve'; reference: string; platform: Platform }
  | { ask: 'listImages'; reference: string }
  | { ask: 'documents'; image: ResolvedImage };

/** Sent by the fetch thread to the main thread. */
export interface FetchNotices {
  /** `notice`: the user should see it while waiting. */
  log(argument: { level: LogLevel | 'notice'; message: string }): void;
}

/** Asked by a thread that reads blobs, over a port of its own. */
export interface BlobMethods {
  /**
   * Returns verified bytes.
   * @param argument.aheadEnd as a notice, without `length`: the bytes before it will likely be
   *   asked for
   */
  read(
    argument: { blob: BlobNumber; offset: number; length?: number; aheadEnd?: number },
    signal: AbortSignal,
  ): Promise<Transferred<Uint8Array>>;
  /**
   * Streams the blob by `part` calls. Without `observedEnd` parts are whole pages, and they are
   * cached.
   * @param argument.pass numbers the stream in the receiver: two may have the same blob
   * @param argument.observedEnd the stream ends before this byte, or where the receiver has enough:
   *   it fetches little ahead
   * @returns the digests of all blocks, if that was all of the blob: then its digest and size were
   *   right
   */
  stream(
    argument: { blob: BlobNumber; pass: PassNumber; observedEnd?: number | undefined },
    signal: AbortSignal,
  ): Promise<BlockDigests | undefined>;
}

/** Asked by the fetch thread of a thread that streams a blob. */
export interface StreamMethods {
  /**
   * Takes the next bytes. A second part at offset 0 means that wrong bytes came: all come again.
   * @returns the buffer of `bytes`: so many are in circulation. `isEnough`: no more is needed
   */
  part(argument: {
    pass: PassNumber;
    bytes: Uint8Array;
    offset: number;
  }): Promise<Transferred<UsedPart>> | Transferred<UsedPart>;
}

export interface UsedPart {
  buffer: ArrayBuffer;
  isEnough: boolean;
}
