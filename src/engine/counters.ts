import type { BlobNumber } from './inflate/inflate-protocol.js';

const COUNTER_SIZE = BigInt64Array.BYTES_PER_ELEMENT;

/**
 * Byte counters that the fetching thread raises and the main thread looks at when it wants to: a message for each
 * chunk would cost more than the chunk. Place 0 is all blobs' bytes from the network, the others one blob's progress.
 */
export class Counters {
  readonly shared: SharedArrayBuffer;
  readonly #values: BigInt64Array;

  /**
   * @param blobs how many may be under way at once, or the buffer that another thread made. More blobs than that share
   *   their places, one after the other
   */
  constructor(blobs: number | SharedArrayBuffer) {
    this.shared = typeof blobs === 'number' ? new SharedArrayBuffer(COUNTER_SIZE * (blobs + 1)) : blobs;
    this.#values = new BigInt64Array(this.shared);
  }

  addFetched(bytes: number): void {
    Atomics.add(this.#values, 0, BigInt(bytes));
  }

  get fetched(): number {
    return Number(Atomics.load(this.#values, 0));
  }

  addProgress(blob: BlobNumber, bytes: number): void {
    Atomics.add(this.#values, this.#placeOf(blob), BigInt(bytes));
  }

  setProgress(blob: BlobNumber, bytes: number): void {
    Atomics.store(this.#values, this.#placeOf(blob), BigInt(bytes));
  }

  /** A pass begins, or is made again. */
  resetProgress(blob: BlobNumber): void {
    this.setProgress(blob, 0);
  }

  progress(blob: BlobNumber): number {
    return Number(Atomics.load(this.#values, this.#placeOf(blob)));
  }

  #placeOf(blob: BlobNumber): number {
    return 1 + (blob % (this.#values.length - 1));
  }
}
