import type { MessagePort } from 'node:worker_threads';
import type { LogLevel } from '../../base/log.js';
import type { Transferred } from '../../base/thread-rpc.js';
import type { LocalRange } from '../../blob/near-bytes.js';
import type { CachedIndex } from '../../index/cached-indexes.js';
import type { TableAllowance } from '../../index/index-pass.js';
import type { Digest } from '../../oci/digest.js';

/**
 * Three kinds of threads: the main one (file system), one that fetches (network, digests, page cache) and a few that
 * inflate. This is what the main thread asks an inflating one; `fetch-protocol.ts` is what both ask the fetching one.
 */

/** A blob as the fetching thread knows it, for the life of a session. */
export type BlobNumber = number;

export interface OpenLayerRequest {
  blob: BlobNumber;
  digest: Digest;
  codec: string;
  blobSize: number;
  tarSize: number;
  checkpoints: CachedIndex['index']['checkpoints'];
  pageDigests: Uint8Array;
  states: CachedIndex['states'];
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
  /**
   * The conversation with the fetch thread: the first message, and sent again when another thread has taken
   * its place.
   * @param argument.isPrepared the memory that reads need is allocated now
   * @throws the system's error if there is none
   */
  connect(argument: { port: MessagePort; cacheDirectory: string | undefined; isPrepared: boolean }): void;
  /** The index pass. @returns the encoded index */
  index(
    argument: { blob: BlobNumber; digest: Digest; blobSize: number; allowance: TableAllowance | undefined },
    signal: AbortSignal,
  ): Promise<Transferred<Uint8Array>>;
  /**
   * Runs of windows come as `windows` notices, in order, but for the last: that is the result.
   * @param argument.layer sent with the first read of a layer
   * @param argument.released buffers of earlier runs
   */
  read(
    argument: WindowRequest & { layer: OpenLayerRequest | undefined; released: readonly ArrayBuffer[] },
    signal: AbortSignal,
  ): Promise<Transferred<WindowRun> | undefined>;
}

/** Said by an inflating thread to the main one. */
export interface WindowMethods {
  windows(argument: WindowRun & { blob: BlobNumber }): void;
  log(argument: { level: LogLevel; message: string }): void;
}
