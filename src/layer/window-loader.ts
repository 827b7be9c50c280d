import { asLayerslayerError, LayerslayerError } from '../base/errors.js';
import { ByteSlab } from '../cache/byte-slab.js';
import type { BlobNumber } from './inflate-protocol.js';
import { WINDOW_SIZE } from './window-reader.js';

/** Asks a thread for windows; they come one by one through `WindowLoader.arrived`. */
export interface WindowSupplier {
  /** The thread to ask, one that has little to do; a sequential reader stays with it. */
  pickThread(): number;
  read(thread: number, blob: BlobNumber, first: number, count: number): Promise<void>;
}

/** Windows of read-ahead at the most: 2 MiB are inflated in 3 ms, which hides the way between the threads. */
const MAX_AHEAD = 16;
/** Sequential readers of one layer that are told apart; `tar` in four shells needs four. */
const MAX_STREAMS = 8;
/** A reader that leaves out fewer windows than this is still taken as sequential: inflating on is cheap. */
const MAX_GAP = 4;
/** Windows of one blob are below this, so that blob and window make one number. 2^32 * 128 KiB is 512 TiB. */
const WINDOWS_OF_A_BLOB = 2 ** 32;

/** A reader that goes forward: what was asked for it last. */
interface Stream {
  next: number; // the first window not asked for yet
  ahead: number; // windows to ask for at once
  thread: number;
}

interface Pending {
  promise: Promise<Uint8Array>;
  resolve(bytes: Uint8Array): void;
  reject(error: Error): void;
}

/**
 * Windows by number: from memory, or from an inflating thread, once for all who wait for the same one. Readers that
 * go forward are recognised and find their next windows already asked for.
 */
export class WindowLoader {
  readonly #memory: ByteSlab;
  readonly #pending = new Map<number, Pending>();
  readonly #streams = new Map<BlobNumber, Stream[]>();
  readonly #supplier: WindowSupplier;
  readonly #maxAhead: number;
  hits = 0; // in memory, or asked for already
  misses = 0;

  /** @param memoryBytes cap of the windows kept in memory */
  constructor(supplier: WindowSupplier, memoryBytes: number) {
    this.#supplier = supplier;
    this.#memory = new ByteSlab(memoryBytes, WINDOW_SIZE);
    // Read-ahead must not push out what it has just brought.
    this.#maxAhead = Math.max(1, Math.min(MAX_AHEAD, Math.floor(memoryBytes / WINDOW_SIZE / 4)));
  }

  /**
   * @param windowCount of the whole layer
   * @returns the window, at once when it is in memory; a view that holds until the next window arrives, which is not
   *   before the caller, or what it does when the promise resolves, returns to the event loop
   */
  get(blob: BlobNumber, number: number, windowCount: number): Uint8Array | Promise<Uint8Array> {
    const key = blob * WINDOWS_OF_A_BLOB + number;
    const kept = this.#memory.get(key);
    if (kept) {
      this.hits++;
      this.#readAhead(blob, number, windowCount);
      return kept;
    }
    const pending = this.#pending.get(key);
    if (pending) {
      this.hits++;
      this.#readAhead(blob, number, windowCount);
      return pending.promise;
    }
    this.misses++;
    this.#askFor(blob, number, windowCount);
    return this.#pending.get(key)!.promise;
  }

  /** A window has come. Its bytes are copied: the buffer stays the caller's. */
  arrived(blob: BlobNumber, number: number, bytes: Uint8Array): void {
    const key = blob * WINDOWS_OF_A_BLOB + number;
    const window = this.#memory.set(key, bytes);
    this.#pending.get(key)?.resolve(window);
    this.#pending.delete(key);
  }

  #askFor(blob: BlobNumber, number: number, windowCount: number): void {
    const streams = this.#streamsOf(blob);
    let stream = streams.find(({ next }) => number >= next && number < next + MAX_GAP);
    if (stream) {
      stream.ahead = Math.min(stream.ahead * 2, this.#maxAhead);
    } else {
      stream = { next: number, ahead: 1, thread: this.#supplier.pickThread() };
      streams.push(stream);
      if (streams.length > MAX_STREAMS) streams.shift();
    }
    stream.next = number;
    this.#request(blob, stream, windowCount);
  }

  /** Asks for the next windows when the reader has used half of what was asked for it. */
  #readAhead(blob: BlobNumber, number: number, windowCount: number): void {
    for (const stream of this.#streamsOf(blob)) {
      const left = stream.next - 1 - number;
      if (left < 0 || left > stream.ahead / 2 || stream.next >= windowCount) continue;
      if (stream.ahead === 1 && left > 0) continue;
      stream.ahead = Math.min(stream.ahead * 2, this.#maxAhead);
      this.#request(blob, stream, windowCount);
      return;
    }
  }

  /** Asks for `stream.ahead` windows from `stream.next` on, leaving out a tail that somebody else asked for. */
  #request(blob: BlobNumber, stream: Stream, windowCount: number): void {
    const first = stream.next;
    const end = Math.min(first + stream.ahead, windowCount);
    let count = 0;
    while (first + count < end && !this.#has(blob * WINDOWS_OF_A_BLOB + first + count)) count++;
    // Never nothing: what is in memory already is stepped over.
    stream.next = first + Math.max(count, 1);
    if (count === 0) return;
    for (let number = first; number < first + count; number++)
      this.#expect(blob * WINDOWS_OF_A_BLOB + number);
    const missing = (error: LayerslayerError) => {
      for (let number = first; number < first + count; number++) {
        const key = blob * WINDOWS_OF_A_BLOB + number;
        this.#pending.get(key)?.reject(error);
        this.#pending.delete(key);
      }
    };
    this.#supplier.read(stream.thread, blob, first, count).then(
      () => missing(new LayerslayerError('INTERNAL', 'a window did not come')),
      (error) => missing(asLayerslayerError(error)),
    );
  }

  #has(key: number): boolean {
    return this.#pending.has(key) || this.#memory.get(key) !== undefined;
  }

  #expect(key: number): void {
    let resolve!: Pending['resolve'];
    let reject!: Pending['reject'];
    const promise = new Promise<Uint8Array>((onValue, onError) => {
      resolve = onValue;
      reject = onError;
    });
    // A window that was only read ahead may have nobody waiting for it.
    promise.catch(() => {});
    this.#pending.set(key, { promise, resolve, reject });
  }

  #streamsOf(blob: BlobNumber): Stream[] {
    let streams = this.#streams.get(blob);
    if (!streams) {
      streams = [];
      this.#streams.set(blob, streams);
    }
    return streams;
  }
}
