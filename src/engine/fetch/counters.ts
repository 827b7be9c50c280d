import type { BlobNumber } from '../inflate/inflate-protocol.js';

const COUNTER_SIZE = BigInt64Array.BYTES_PER_ELEMENT;

/**
 * Byte counters that the fetch thread raises and the main thread reads: a message for each chunk
 * would cost more than the chunk. Index 0 counts all bytes of blobs from the network, the others
 * the progress of one blob each.
 */
export class Counters {
  readonly shared: SharedArrayBuffer;
  readonly #values: BigInt64Array;

  /**
   * @param blobs most blobs under way at once; more of them share counters. Or another thread's
   * `shared`
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
    Atomics.add(this.#values, this.#indexOf(blob), BigInt(bytes));
  }

  setProgress(blob: BlobNumber, bytes: number): void {
    Atomics.store(this.#values, this.#indexOf(blob), BigInt(bytes));
  }

  progress(blob: BlobNumber): number {
    return Number(Atomics.load(this.#values, this.#indexOf(blob)));
  }

  #indexOf(blob: BlobNumber): number {
    return 1 + (blob % (this.#values.length - 1));
  }
}
