import type { MessagePort } from 'node:worker_threads';
import type { LogLevel } from '../../base/log.js';
import type { Transferred } from '../../base/thread-rpc.js';
import type { LocalRange } from '../../blob/blob.js';
import type { CachedIndex, IndexComparison, IndexOrigin } from '../../index/cached-indexes.js';
import type { Columns } from '../../index/pass/index-pass.js';
import type { TableAllowance } from '../../index/pass/table-budget.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import type { UnpackRequest } from '../../save/archive/unpack-blob.js';
import type { TableAnnouncement } from '../../tables/announcement.js';

/** A blob's number in all threads, for the life of a session. */
export type BlobNumber = number;

/** An index pass's number in all threads, for the life of a session. */
export type PassNumber = number;

export type Verification = CachedIndex['index']['verification'];

/** Chunks of a table. Threads share their columns. */
export type TableChunks = Extract<Verification, { kind: 'chunks' }>['chunks'];

/** What an inflate thread needs to read a layer. */
export interface OpenLayerRequest {
  blob: BlobNumber;
  index?: string | undefined; // key of the index's origin; default: our own pass
  digest: Digest;
  codec: string;
  blobSize: number;
  tarSize: number;
  checkpoints: CachedIndex['index']['checkpoints'];
  verification: Verification;
  states: CachedIndex['states'];
  stateFile?: BlobNumber | undefined; // the index file in a registry that has the states
  local: LocalRange | undefined; // where the blob is on this machine
}

/** Adjacent chunks. All are whole, except the last one of a layer. */
export interface ChunkRun {
  number: number; // of the first
  bytes: Uint8Array;
  isHuge?: boolean; // in an answer: the cursor is huge, the next reads should go to the thread that keeps it
}

export interface ChunkRequest {
  first: number;
  count: number;
  likelyEnd: number; // the reader will likely continue to this chunk: compressed bytes can be fetched ahead
}

export interface IndexRequest {
  pass: PassNumber;
  blob: BlobNumber;
  digest: Digest;
  blobSize: number; // bytes
  allowance: TableAllowance | undefined;
  observed: ObservedRange | undefined;
  /** Indexes of other origins that the pass compares with the layer's bytes. */
  compared?: readonly ComparedIndex[] | undefined;
}

/** An index by the key of its origin: the one on disk, or what is given. */
export interface ComparedIndex {
  name: string;
  given?: GivenIndex | undefined;
  stateFile?: BlobNumber | undefined; // the index file in a registry that has its states
}

/** An index as a message carries it. */
export interface GivenIndex extends Omit<CachedIndex['index'], 'entries'> {
  columns: Columns;
  origin: IndexOrigin;
  storage: CachedIndex['states'];
}

/** A table that is in the layer itself. */
export type TableInLayer = Exclude<TableAnnouncement, { format: 'soci' }>;

export interface TableRequest extends Pick<IndexRequest, 'digest' | 'blobSize' | 'allowance'> {
  /** In the layer, or a zTOC: the blob that is read. */
  table:
    | { blob: BlobNumber; announcement: TableInLayer }
    | { blob: BlobNumber; descriptor: Pick<Descriptor, 'digest' | 'size'> };
}

export interface TableIndex {
  bytes: Uint8Array; // encoded
  isExact: boolean; // it loses at most fractions of seconds
}

/** What the main thread observes of a pass. */
export interface ObservedRange {
  end: number; // bytes of the blob that are read at most; its size, or fewer
  wantsBytes: boolean; // also the tar's bytes, not only the entries
}

/** The encoded index of a whole blob, or how far an observed pass got: nothing is verified then. */
export type PassEnd = { bytes: Uint8Array; comparisons: readonly IndexComparison[] } | { readBytes: number };

/** What an observed pass found since the batch before. */
export interface ScannedBatch {
  pass: PassNumber;
  isRestart: boolean; // all batches before are void: wrong bytes came
  entries: Columns | undefined; // all of the pass so far, shared; undefined: no new ones
  bytes: readonly Uint8Array[]; // of the tar, end to end; the pass has their entries already
  offset: number; // of the first of these bytes, in the tar
}

export interface ScanAnswer {
  hasEnough: boolean;
  buffers: ArrayBuffer[]; // of `bytes`
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
  /** Runs an index pass. If it is observed, `scanned` is called for what it finds. */
  index(argument: IndexRequest, signal: AbortSignal): Promise<Transferred<PassEnd>>;
  /**
   * Makes the index of a layer from the table in it, or from a zTOC. The table's digest is checked.
   * @throws LayerslayerError as `tables/table.ts`; DIGEST_MISMATCH
   */
  table(argument: TableRequest, signal: AbortSignal): Promise<Transferred<TableIndex>>;
  /** Decompresses a saved blob. See `save/archive/unpack-blob.ts`. */
  unpack(argument: UnpackRequest, signal: AbortSignal): Promise<number>;
  /** A held pass takes no more bytes, so that reads have the processor and the network. */
  hold(argument: { pass: PassNumber; isHeld: boolean }): void;
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

/** Asked of the main thread, or sent to it, by an inflate thread. */
export interface InflateReports {
  /**
   * Passes a batch to the observer. The next batch comes after the answer.
   * @throws what the observer throws; the pass then ends
   */
  scanned(argument: ScannedBatch): Promise<Transferred<ScanAnswer>>;
  chunks(argument: ChunkRun & { blob: BlobNumber }): void;
  log(argument: { level: LogLevel; message: string }): void;
}
