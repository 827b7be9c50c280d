import { asLayerslayerError, LayerslayerError } from '../../base/errors.js';
import { ByteSlab } from '../../cache/byte-lru.js';
import { CHUNK_SIZE } from '../inflate/chunk-reader.js';
import type { BlobNumber, ChunkRequest, ChunkRun, OpenLayerRequest } from '../inflate/inflate-protocol.js';
import { likelyEnd, type SequentialReaders } from './sequential-readers.js';

/** Has threads make chunks. */
export interface ChunkSupplier {
  /** Takes all chunks that come. */
  receiver?: ChunkReceiver;
  /** Returns an idle thread. A sequential reader stays with it. */
  pickThread(): number;
  /** Resolves when all chunks have arrived. */
  read(thread: number, layer: OpenLayerRequest, request: ChunkRequest): Promise<void>;
}

export interface ChunkReceiver {
  /**
   * Copies the chunks. Callers that wait for them receive a view of the run itself: its buffer is
   * free again on the next turn of the event loop.
   */
  arrived(blob: BlobNumber, run: ChunkRun): void;
}

/**
 * Most chunks of read-ahead: 2 MiB are inflated in 3 ms, which hides the way between the threads.
 */
const MAX_AHEAD = 64;
/** Read-ahead of so many readers fits into memory: it must not evict what it has just brought. */
const READERS_AHEAD = 16;
/** Chunks of one blob are below this: blob and chunk make one number. 2^32 * 32 KiB is 128 TiB. */
const CHUNKS_OF_A_BLOB = 2 ** 32;
/** Share of the memory for cached chunks. The rest is for runs on their way and idle buffers. */
const CACHED_PART = 2 / 3;

/**
 * A chunk on its way. The first caller that waits makes the promise: most read-ahead needs none.
 */
interface PendingChunk {
  promise?: Promise<Uint8Array>;
  resolve?: (bytes: Uint8Array) => void;
  reject?: (error: Error) => void;
}

/**
 * Chunks by number: from memory, or from an inflate thread, once for all that wait for them.
 * Recognises sequential readers and requests their next chunks ahead.
 */
export class ChunkCache implements ChunkReceiver {
  readonly #memory: ByteSlab;
  readonly #pending = new Map<number, PendingChunk>();
  readonly #supplier: ChunkSupplier;
  /** Most chunks of read-ahead of one reader. */
  readonly maxAhead: number;
  hits = 0; // chunks that were in memory, or on their way
  misses = 0;

  /** @param memoryBytes limit of all chunks: cached, on their way, or waiting in a thread */
  constructor(supplier: ChunkSupplier, memoryBytes: number) {
    this.#supplier = supplier;
    supplier.receiver = this;
    this.#memory = new ByteSlab(memoryBytes * CACHED_PART, CHUNK_SIZE);
    this.maxAhead = Math.max(1, Math.min(MAX_AHEAD, Math.floor(memoryBytes / CHUNK_SIZE / READERS_AHEAD)));
  }

  /**
   * Announces a read of the chunks `first` to `last`: requests those that are missing, and those
   * that will likely be read next.
   * @param readers of the layer
   * @param chunkCount of the whole layer
   */
  expect(
    layer: OpenLayerRequest,
    readers: SequentialReaders,
    first: number,
    last: number,
    chunkCount: number,
  ): void {
    const { blob } = layer;
    let missing = 0;
    for (let number = first; number <= last; number++) if (!this.#has(keyOf(blob, number))) missing++;
    this.misses += missing;
    this.hits += last - first + 1 - missing;
    let reader = readers.at(first);
    // Only a miss makes a reader: cached chunks need none, and it would push out others.
    if (!reader && missing === 0) return;
    let end = last + 1;
    let ahead = end;
    if (reader) {
      end = readers.advance(reader, last, chunkCount);
      ahead = likelyEnd(reader, chunkCount);
    } else reader = readers.add(last, this.#supplier.pickThread());
    let start = first; // of chunks that are missing
    for (let number = first; number <= end; number++) {
      if (number < end && !this.#has(keyOf(blob, number))) continue;
      const request = { first: start, count: number - start, likelyEnd: ahead };
      if (number > start) void this.#request(reader.thread, layer, request);
      start = number + 1;
    }
  }

  /**
   * Returns a chunk that was just announced, at once if it is in memory. The view is valid until
   * the next await: `await get(…)` itself is fine.
   */
  get(blob: BlobNumber, number: number): Uint8Array | Promise<Uint8Array> {
    const key = keyOf(blob, number);
    const cached = this.#memory.get(key);
    if (cached) return cached;
    const pending = this.#pending.get(key);
    if (!pending) throw new LayerslayerError('INTERNAL', `chunk ${number} of blob ${blob} was not requested`);
    pending.promise ??= new Promise((resolve, reject) => {
      pending.resolve = resolve;
      pending.reject = reject;
    });
    return pending.promise;
  }

  arrived(blob: BlobNumber, { number, bytes }: ChunkRun): void {
    for (let at = 0; at < bytes.length; at += CHUNK_SIZE) {
      const key = keyOf(blob, number + at / CHUNK_SIZE);
      const chunk = bytes.subarray(at, at + CHUNK_SIZE);
      this.#memory.set(key, chunk);
      this.#pending.get(key)?.resolve?.(chunk);
      this.#pending.delete(key);
    }
  }

  /** Never rejects: faults go to the pending chunks. */
  async #request(thread: number, layer: OpenLayerRequest, request: ChunkRequest): Promise<void> {
    const { first, count } = request;
    const requested: PendingChunk[] = [];
    for (let i = 0; i < count; i++) {
      requested.push({});
      this.#pending.set(keyOf(layer.blob, first + i), requested[i]!);
    }
    let fault: LayerslayerError | undefined;
    try {
      await this.#supplier.read(thread, layer, request);
    } catch (error) {
      fault = asLayerslayerError(error);
    }
    for (const [i, pending] of requested.entries()) {
      const key = keyOf(layer.blob, first + i);
      // It may have arrived, been evicted and been requested again.
      if (this.#pending.get(key) !== pending) continue;
      this.#pending.delete(key);
      pending.reject?.(fault ?? new LayerslayerError('INTERNAL', `chunk ${first + i} did not arrive`));
    }
  }

  #has(key: number): boolean {
    return this.#pending.has(key) || this.#memory.has(key);
  }
}

function keyOf(blob: BlobNumber, number: number): number {
  return blob * CHUNKS_OF_A_BLOB + number;
}
