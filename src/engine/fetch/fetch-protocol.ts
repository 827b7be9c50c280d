import type { MessagePort } from 'node:worker_threads';
import type { LogLevel } from '../../base/log.js';
import type { Transferred } from '../../base/thread-rpc.js';
import type { LocalRange } from '../../blob/blob.js';
import type { BlockDigests } from '../../blob/page.js';
import type { CacheOptions } from '../../cache/content-store.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import type { Platform } from '../../oci/platform.js';
import type {
  Publication,
  PublishedArtifact,
  PublishedIndex,
  PublishPlace,
} from '../../publish/publication.js';
import type { RegistryOptions } from '../../registry/registry-options.js';
import type { SavedBlob, SaveTarget } from '../../save/saved-blob.js';
import type {
  ImageDocuments,
  ImageOffer,
  NamedDocument,
  ResolvedImage,
  TagPage,
} from '../../source/image-source.js';
import type { Confinement } from '../../source/located-source.js';
import type { BlobNumber, PassNumber } from '../inflate/inflate-protocol.js';

/** What the fetch thread is started with. */
export interface FetchSetup {
  registry: RegistryOptions;
  confinement?: Confinement | undefined;
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
  /** Asks the source of images, or the published indexes. @returns what the method does */
  source(argument: SourceQuestion, signal: AbortSignal): Promise<SourceAnswers[SourceQuestion['ask']]>;
  /** The other end of a conversation with a thread that reads blobs: `BlobMethods`. */
  attach(argument: { port: MessagePort }): void;
  /**
   * Gives a blob of the image a number; nothing is fetched yet. A verified `read` needs the digests
   * of its blocks, in this call or a later one.
   * @throws LayerslayerError if the layer should be on this machine and is not; network codes, for
   *   `raw`
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
  /** One of the image's layers, from 1, or another blob: a table or an index of a layer. */
  target: number | Descriptor;
  repository?: string | undefined; // `host/name` of the blob; default: the image's
  /** How its bytes are checked from now on; default: not known yet, nothing is read. */
  verification?: BlobVerification | undefined;
  raw?: { offset: number; length: number }; // bytes that are wanted as they arrive, default: none
}

/** By digests of the blob's blocks, or by its reader, which checks what it decodes. */
export type BlobVerification = { kind: 'blocks'; digests: BlockDigests } | { kind: 'reader' };

export interface OpenedBlob {
  /** The blob on this machine, if its verification is known. The file stays the fetch thread's. */
  local?: LocalRange | undefined;
  bytes?: Uint8Array | undefined; // of `raw`, unchecked and uncached
}

export type SourceQuestion =
  | { ask: 'resolve'; reference: string; platform: Platform }
  | { ask: 'listImages'; reference: string }
  | { ask: 'documents'; image: ResolvedImage }
  | { ask: 'readNamed'; reference: string }
  | { ask: 'listTags'; reference: string; next: string | undefined }
  | { ask: PlaceQuestion; image: ResolvedImage; place: PublishPlace; known?: readonly PublishedIndex[] }
  | { ask: 'readPublished'; index: PublishedIndex; blobSize: number }
  | { ask: 'referrers'; reference: string; subject: Digest; artifactType: string | undefined }
  /** See `publish/soci-manifests.ts`. */
  | { ask: 'sociManifests'; image: ResolvedImage; index: Digest | undefined };

/** Questions about an image's published indexes: see `PublishedIndexes`. */
export type PlaceQuestion = 'publish' | 'findPublished' | 'listPublished' | 'removePublished';

/** The answer to each question. */
export interface SourceAnswers {
  resolve: ResolvedImage;
  listImages: ImageOffer;
  documents: ImageDocuments;
  readNamed: NamedDocument;
  listTags: TagPage;
  publish: Publication;
  findPublished: PublishedIndex[];
  listPublished: PublishedArtifact[];
  removePublished: PublishedArtifact[];
  readPublished: Transferred<Uint8Array>;
  sociManifests: Uint8Array[];
  referrers: Descriptor[];
}

/** Sent by the fetch thread to the main thread. */
export interface FetchNotices {
  /** `notice`: the user should see it while waiting. */
  log(argument: { level: LogLevel | 'notice'; message: string }): void;
}

/** Asked by a thread that reads blobs, over a port of its own. */
export interface BlobMethods {
  /**
   * Returns verified bytes. As a notice, without `length`, announces those before `aheadEnd`.
   */
  read(argument: BlobReadRequest, signal: AbortSignal): Promise<Transferred<Uint8Array>>;
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
  /** Hashes bytes that the caller has decoded. Their buffer moves here and back. */
  hash(argument: { bytes: Uint8Array<ArrayBuffer> }): Transferred<HashedBytes>;
}

export interface HashedBytes {
  bytes: Uint8Array<ArrayBuffer>;
  digest: Uint8Array; // SHA-256
}

export interface BlobReadRequest {
  blob: BlobNumber;
  offset: number;
  length?: number; // bytes, default: none
  /** The bytes before this are needed soon. An answer with bytes brings them in one request. */
  aheadEnd?: number | undefined;
  /** The bytes are not checked: the reader checks what it decodes. They are cached apart. */
  unverified?: true;
  /** Unverified bytes that are needed once: exactly these are fetched, and they are not cached. */
  once?: boolean | undefined;
  /** Unverified bytes up to `aheadEnd` were wrong: fetches them again, over another connection. */
  fresh?: boolean | undefined;
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
