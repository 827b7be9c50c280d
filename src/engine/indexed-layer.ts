import type { BufferPool } from '../base/buffer-pool.js';
import { LayerslayerError } from '../base/errors.js';
import { abortable } from '../base/tasks/abortable.js';
import type { IndexOrigin } from '../index/cached-indexes.js';
import type { EntryTable } from '../index/entry-table.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import { type ChunkCache, SequentialReaders } from './chunk-cache.js';
import { type FileChunk, rowChunks } from './file-chunks.js';
import { CHUNK_SIZE } from './inflate/chunk-reader.js';
import type { OpenLayerRequest, TableChunks } from './inflate/inflate-protocol.js';
import type { Layer } from './layer.js';
import { SparseLayout, type SparsePiece } from './sparse-layout.js';

export interface IndexedLayerOptions {
  opened: OpenLayerRequest;
  origin: IndexOrigin;
  fingerprint: number;
  hidesTableMarkers?: boolean | undefined;
  entries: EntryTable;
  chunks: ChunkCache;
  results: BufferPool; // for results of several chunks, shared by all layers
  /** A read has failed. Default: nothing is done. */
  onFault?: ((error: unknown) => void) | undefined;
}

/** A layer whose bytes come from chunks that other threads inflate. */
export class IndexedLayer implements Layer {
  readonly digest: Digest;
  readonly origin: IndexOrigin;
  readonly fingerprint: number;
  readonly hidesTableMarkers: boolean;
  readonly entries: EntryTable;
  readonly #options: IndexedLayerOptions;
  readonly #chunkCount: number;
  #fault: LayerslayerError | undefined; // of all reads
  readonly #readers: SequentialReaders;
  /**
   * Of the sparse file read last: the largest map takes a ms, and all of them would take memory.
   */
  #sparse: { row: number; layout: SparseLayout } | undefined;

  constructor(options: IndexedLayerOptions) {
    this.digest = options.opened.digest;
    this.origin = options.origin;
    this.fingerprint = options.fingerprint;
    this.hidesTableMarkers = options.hidesTableMarkers ?? false;
    this.entries = options.entries;
    this.#options = options;
    this.#readers = new SequentialReaders(options.chunks.maxAhead);
    this.#chunkCount = Math.ceil(options.opened.tarSize / CHUNK_SIZE);
  }

  /** Lets all later reads fail. */
  fail(fault: LayerslayerError): void {
    this.#fault = fault;
  }

  read(row: number, offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array> {
    if (this.#fault) throw this.#fault;
    const { onFault } = this.#options;
    const read = this.#read(row, offset, length, signal);
    if (!onFault || read instanceof Uint8Array) return read;
    return read.catch((error) => {
      onFault(error);
      throw error;
    });
  }

  get chunkTable(): TableChunks | undefined {
    const { verification } = this.#options.opened;
    return verification.kind === 'chunks' ? verification.chunks : undefined;
  }

  fileChunks(row: number): FileChunk[] | undefined {
    return rowChunks(this.chunkTable, this.entries, row);
  }

  #read(row: number, offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array> {
    const segments = this.entries.sparse(row);
    const dataOffset = this.entries.dataOffset(row);
    if (!segments) return this.#readTar(dataOffset + offset, length, signal);
    if (this.#sparse?.row !== row) this.#sparse = { row, layout: new SparseLayout(segments) };
    return this.#readSparse(this.#sparse.layout.pieces(offset, length), dataOffset, length, signal);
  }

  /** Bytes of the uncompressed tar. */
  #readTar(offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);
    const { opened, chunks } = this.#options;
    if (offset + length > opened.tarSize) {
      throw new LayerslayerError(
        'CORRUPT_LAYER',
        `reading layer ${shortDigest(this.digest)}: ${length} bytes at ${offset} are not inside its ${opened.tarSize}`,
      );
    }
    const first = Math.floor(offset / CHUNK_SIZE);
    const last = Math.floor((offset + length - 1) / CHUNK_SIZE);
    chunks.expect(opened, this.#readers, first, last, this.#chunkCount);
    if (first < last) return this.#assemble(first, last, offset, length, signal);
    const skip = offset - first * CHUNK_SIZE;
    const chunk = chunks.get(opened.blob, first);
    if (chunk instanceof Uint8Array) return chunk.subarray(skip, skip + length);
    return abortable(chunk, signal).then((bytes) => bytes.subarray(skip, skip + length));
  }

  /** Copies each chunk as it arrives: its view is not valid until the last one is there. */
  #assemble(
    first: number,
    last: number,
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Uint8Array | Promise<Uint8Array> {
    const { opened, chunks, results } = this.#options;
    const result = results.take(length);
    const waiting: Promise<void>[] = [];
    for (let number = first; number <= last; number++) {
      const at = number * CHUNK_SIZE - offset; // of the chunk's start, in the result
      const chunk = chunks.get(opened.blob, number);
      if (chunk instanceof Uint8Array) copyChunk(chunk, result, at);
      else waiting.push(chunk.then((bytes) => copyChunk(bytes, result, at)));
    }
    if (waiting.length === 0) return this.#lend(result);
    return abortable(
      Promise.all(waiting).then(() => this.#lend(result)),
      signal,
    );
  }

  /** The data of adjacent pieces are adjacent in the tar too: one read, then each is copied. */
  #readSparse(
    pieces: readonly SparsePiece[],
    dataOffset: number,
    length: number,
    signal?: AbortSignal,
  ): Uint8Array | Promise<Uint8Array> {
    const data = pieces.filter(({ from }) => from >= 0);
    const dataLength = data.reduce((sum, piece) => sum + piece.length, 0);
    const stored = this.#readTar(dataOffset + (data[0]?.from ?? 0), dataLength, signal);
    const spread = (bytes: Uint8Array) => {
      const result = this.#options.results.take(length);
      let at = 0;
      let used = 0;
      for (const piece of pieces) {
        const end = at + piece.length;
        if (piece.from < 0) {
          result.fill(0, at, end);
        } else {
          result.set(bytes.subarray(used, used + piece.length), at);
          used += piece.length;
        }
        at = end;
      }
      return this.#lend(result);
    };
    return stored instanceof Uint8Array ? spread(stored) : stored.then(spread);
  }

  /** Returns a result of the pool, and releases it on the next turn of the event loop. */
  #lend(result: Uint8Array<ArrayBuffer>): Uint8Array {
    setImmediate(() => this.#options.results.release(result.buffer));
    return result;
  }
}

/** Copies a chunk to `at`, negative for the first one. The last one may be too long. */
function copyChunk(chunk: Uint8Array, result: Uint8Array, at: number): void {
  const skip = Math.max(0, -at);
  result.set(chunk.subarray(skip, result.length - at), at + skip);
}
