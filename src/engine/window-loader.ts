import { asLayerslayerError, LayerslayerError } from '../base/errors.js';
import { ByteSlab } from '../cache/byte-slab.js';
import { CHUNK_SIZE as WINDOW_SIZE } from './inflate/chunk-reader.js';
import type { BlobNumber, WindowRequest, WindowRun } from './inflate/inflate-protocol.js';
import { likelyEnd, type SequentialReaders } from './sequential-readers.js';

/** Asks a thread for windows; they come through `WindowLoader.arrived`. */
export interface WindowSupplier {
  /** The thread to ask, one that has little to do; a sequential reader stays with it. */
  pickThread(): number;
  /** Ends when all windows have arrived; never throws but by its promise. */
  read(thread: number, request: WindowRequest): Promise<void>;
}

/** Windows of read-ahead at the most: 2 MiB are inflated in 3 ms, which hides the way between the threads. */
const MAX_AHEAD = 64;
/** Read-ahead of so many readers at once fits into memory: it must not push out what it has just brought. */
const READERS_AHEAD = 16;
/** Windows of one blob are below this, so that blob and window make one number. 2^32 * 32 KiB is 128 TiB. */
const WINDOWS_OF_A_BLOB = 2 ** 32;

/** A window on its way. Only whoever waits for it costs a promise: what is read ahead has mostly come by then. */
class PendingWindow {
  #promise: Promise<Uint8Array> | undefined;
  #resolve: ((bytes: Uint8Array) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  wait(): Promise<Uint8Array> {
    this.#promise ??= new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    return this.#promise;
  }

  arrive(bytes: Uint8Array): void {
    this.#resolve?.(bytes);
  }

  fail(error: Error): void {
    this.#reject?.(error);
  }
}

/** Of the memory: the rest is for runs on their way, and for those that threads keep to be used again. */
const KEPT_PART = 2 / 3;

/**
 * Windows by number: from memory, or from an inflating thread, once for all who wait for the same one. Readers that
 * go forward are recognised and find their next windows already asked for.
 */
export class WindowLoader {
  readonly #memory: ByteSlab;
  readonly #pending = new Map<number, PendingWindow>();
  readonly #supplier: WindowSupplier;
  /** Windows of read-ahead of one reader, at most. */
  readonly maxAhead: number;
  hits = 0; // windows that were in memory, or asked for already
  misses = 0;

  /** @param memoryBytes cap of all windows: those kept, and a third for those on their way or waiting in a thread */
  constructor(supplier: WindowSupplier, memoryBytes: number) {
    this.#supplier = supplier;
    this.#memory = new ByteSlab(memoryBytes * KEPT_PART, WINDOW_SIZE);
    this.maxAhead = Math.max(1, Math.min(MAX_AHEAD, Math.floor(memoryBytes / WINDOW_SIZE / READERS_AHEAD)));
  }

  /**
   * Says that the windows `first` to `last` are about to be read: asks for those that are missing, and for what will
   * likely be read next.
   * @param readers of the blob
   * @param windowCount of the whole layer
   */
  expect(
    blob: BlobNumber,
    readers: SequentialReaders,
    first: number,
    last: number,
    windowCount: number,
  ): void {
    let missing = 0;
    for (let number = first; number <= last; number++) if (!this.#has(keyOf(blob, number))) missing++;
    this.misses += missing;
    this.hits += last - first + 1 - missing;
    const reader = readers.at(first);
    // Only a miss makes a reader: what lies in memory needs none, and would push out others.
    if (reader) {
      const end = readers.advance(reader, last, windowCount);
      this.#ask(reader.thread, {
        blob,
        first,
        count: end - first,
        likelyEnd: likelyEnd(reader, windowCount),
      });
    } else if (missing > 0) {
      const { thread } = readers.add(last, this.#supplier.pickThread());
      this.#ask(thread, { blob, first, count: last + 1 - first, likelyEnd: last + 1 });
    }
  }

  /**
   * A window that was just said to be expected.
   * @returns the window, at once when it is in memory; a view that holds until the next windows arrive, which is not
   *   before the caller, or what it does when the promise resolves, returns to the event loop
   */
  get(blob: BlobNumber, number: number): Uint8Array | Promise<Uint8Array> {
    const key = keyOf(blob, number);
    const found = this.#memory.get(key) ?? this.#pending.get(key)?.wait();
    if (!found) throw new LayerslayerError('INTERNAL', `window ${number} of blob ${blob} was not asked for`);
    return found;
  }

  /**
   * Windows have come. Their bytes are copied, but whoever waits for them sees the run itself: the buffer is the caller's
   * again when he has returned to the event loop.
   */
  arrived(blob: BlobNumber, { number, bytes }: WindowRun): void {
    for (let at = 0; at < bytes.length; at += WINDOW_SIZE) {
      const key = keyOf(blob, number + at / WINDOW_SIZE);
      const window = bytes.subarray(at, at + WINDOW_SIZE);
      this.#memory.set(key, window);
      this.#pending.get(key)?.arrive(window);
      this.#pending.delete(key);
    }
  }

  /** Asks for those windows that are neither in memory nor on their way. */
  #ask(thread: number, { blob, first, count, likelyEnd }: WindowRequest): void {
    const end = first + count;
    let start = first;
    for (let number = first; number <= end; number++) {
      if (number < end && !this.#has(keyOf(blob, number))) continue;
      if (number > start) this.#request(thread, { blob, first: start, count: number - start, likelyEnd });
      start = number + 1;
    }
  }

  #request(thread: number, request: WindowRequest): void {
    const { blob, first, count } = request;
    const asked = Array.from({ length: count }, () => new PendingWindow());
    for (const [i, pending] of asked.entries()) this.#pending.set(keyOf(blob, first + i), pending);
    const end = (error: LayerslayerError) => {
      for (const [i, pending] of asked.entries()) {
        const key = keyOf(blob, first + i);
        // It may have come, gone from memory, and be asked for by somebody else.
        if (this.#pending.get(key) !== pending) continue;
        this.#pending.delete(key);
        pending.fail(error);
      }
    };
    this.#supplier.read(thread, request).then(
      () =>
        end(new LayerslayerError('INTERNAL', `windows ${first} to ${first + count - 1} did not all come`)),
      (error) => end(asLayerslayerError(error)),
    );
  }

  #has(key: number): boolean {
    return this.#pending.has(key) || this.#memory.has(key);
  }
}

function keyOf(blob: BlobNumber, number: number): number {
  return blob * WINDOWS_OF_A_BLOB + number;
}
