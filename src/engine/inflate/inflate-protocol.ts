import type { MessagePort } from 'node:worker_threads';
import type { LogLevel } from '../../base/log.js';
import type { Transferred } from '../../base/thread-rpc.js';
import type { LocalRange } from '../../blob/near-bytes.js';
import type { CachedIndex } from '../../index/cached-indexes.js';
import type { TableAllowance } from '../../index/index-pass.js';
import type { Digest } from '../../oci/digest.js';

/** A blob's number in all threads, for the life of a session. */
export type BlobNumber = number;

/** What an inflate thread needs to read a layer. */
export interface OpenLayerRequest {
  blob: BlobNumber;
  digest: Digest;
  codec: string;
  blobSize: number;
  tarSize: number;
  checkpoints: CachedIndex['index']['checkpoints'];
  blockDigests: Uint8Array;
  states: CachedIndex['states'];
  local: LocalRange | undefined; // where the blob is on this machine
}

/** Adjacent chunks. All are whole, except the last one of a layer. */
export interface ChunkRun {
  number: number; // of the first
  bytes: Uint8Array;
}

export interface ChunkRequest {
  first: number;
  count: number;
  likelyEnd: number; // the reader will likely continue to this chunk: compressed bytes can be fetched ahead
}

/** Asked by the main thread, answered by an inflate thread. */
export interface InflateMethods {
  /**
   * The conversation with the fetch thread: the first message, and sent again when another fetch
   * thread has taken its place.
   * @param argument.isPrepared the memory that reads need is allocated now
   * @param argument.keepsHuge an idle cursor may take 150 MiB: in one thread of the process
   * @throws the system's error if there is none
   */
  connect(argument: {
    port: MessagePort;
    cacheDirectory: string | undefined;
    isPrepared: boolean;
    keepsHuge: boolean;
  }): void;
  /** Runs the index pass. @returns the encoded index */
  index(
    argument: { blob: BlobNumber; digest: Digest; blobSize: number; allowance: TableAllowance | undefined },
    signal: AbortSignal,
  ): Promise<Transferred<Uint8Array>>;
  /**
   * Runs of chunks come as `chunks` notices, in order, except for the last one: that is the result.
   * @param argument.layer sent with the first read of a layer
   * @param argument.released buffers of earlier runs
   */
  read(
    argument: ChunkRequest & {
      blob: BlobNumber;
      layer: OpenLayerRequest | undefined;
      released: readonly ArrayBuffer[];
    },
    signal: AbortSignal,
  ): Promise<Transferred<ChunkRun> | undefined>;
}

/** Sent by an inflate thread to the main thread. */
export interface InflateNotices {
  chunks(argument: ChunkRun & { blob: BlobNumber }): void;
  /** Cursors of this blob are huge: its next reads should go to the thread that keeps them. */
  huge(argument: { blob: BlobNumber }): void;
  log(argument: { level: LogLevel; message: string }): void;
}
