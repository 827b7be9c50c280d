import type { MessagePort } from 'node:worker_threads';
import type { LogLevel } from '../../base/log.js';
import type { Transferred } from '../../base/thread-rpc.js';
import type { LocalRange } from '../../blob/near-bytes.js';
import type { Compression } from '../../codec/compression.js';
import type { CheckpointColumns, WindowStorage } from '../../index/layer-index.js';
import type { TableAllowance } from '../../index/table-budget.js';
import type { Digest } from '../../oci/digest.js';

/**
 * Three kinds of threads: the main one (file system), one that fetches (network, digests, page cache) and a few that
 * inflate. This is what the main thread asks an inflating one, and what that one asks the fetching one.
 */

/** A blob as the fetching thread knows it, for the life of a session. */
export type BlobNumber = number;

export interface OpenLayerRequest {
  blob: BlobNumber;
  digest: Digest;
  compression: Compression;
  blobSize: number;
  tarSize: number;
  checkpoints: CheckpointColumns;
  pageDigests: Uint8Array;
  windows: WindowStorage;
  /** Where the blob lies on this machine, if it does: then its pages are read there. */
  local: LocalRange | undefined;
}

/** Windows that lie side by side, whole but for the last one of a layer. */
export interface WindowRun {
  number: number; // of the first
  bytes: Uint8Array;
}

/** Windows that are asked for. */
export interface WindowRequest {
  blob: BlobNumber;
  first: number;
  count: number;
  /** Before this window the reader will likely go on: where the compressed bytes can be fetched ahead. */
  likelyEnd: number;
}

/** Asked by the main thread, answered by an inflating one. */
export interface InflateMethods {
  /** The conversation with the fetching thread; said first, and again when another one has taken its place. */
  connect(argument: { port: MessagePort; cacheDirectory: string | undefined }): void;
  /**
   * Allocates the memory that reads need.
   * @throws the system's error if there is none
   */
  prepare(argument: object): void;
  /** The index pass. @returns the encoded index */
  index(
    argument: { blob: BlobNumber; digest: Digest; blobSize: number; allowance: TableAllowance | undefined },
    signal: AbortSignal,
  ): Promise<Transferred<Uint8Array>>;
  open(argument: OpenLayerRequest): void;
  /**
   * Runs of windows come as `windows` notices, in order, but for the last: that is the result.
   * @param argument.recycled as `recycle`: what comes along costs no message of its own
   */
  read(
    argument: WindowRequest & { recycled: readonly ArrayBuffer[] },
    signal: AbortSignal,
  ): Promise<Transferred<WindowRun> | undefined>;
  /** Gives buffers of runs back. */
  recycle(argument: { recycled: readonly ArrayBuffer[] }): void;
}

/** Said by an inflating thread to the main one. */
export interface WindowMethods {
  windows(argument: WindowRun & { blob: BlobNumber }): void;
  log(argument: { level: LogLevel; message: string }): void;
}

/** Asked by an inflating thread, answered by the fetching one. */
export interface FetchMethods {
  /** Verified bytes. */
  read(
    argument: { blob: BlobNumber; offset: number; length: number },
    signal: AbortSignal,
  ): Promise<Transferred<Uint8Array>>;
  /** The bytes `[offset, end)` will likely be asked for. */
  prefetch(argument: { blob: BlobNumber; offset: number; end: number }): Promise<void>;
  /**
   * The whole blob, as `streamed` notices of whole pages, at most STREAM_BUFFERS of them not given back.
   * @returns the digests of its pages; the blob's own digest and size were right
   */
  stream(argument: { blob: BlobNumber }, signal: AbortSignal): Promise<Uint8Array>;
  /** Gives a buffer of `streamed` back. Late ones of a stream that has ended do no harm. */
  recycle(argument: { blob: BlobNumber; buffer: ArrayBuffer }): void;
}

/** Said by the fetching thread to an inflating one. */
export interface StreamMethods {
  streamed(argument: { blob: BlobNumber; page: Uint8Array }): void;
}
