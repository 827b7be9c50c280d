import type { BlobNumber } from '../layer/inflate-protocol.js';

/**
 * Byte counters that the fetching thread raises and the main thread looks at when it wants to: a message for each
 * chunk would cost more than the chunk. Place 0 is all blobs' bytes from the network, the others one blob's progress.
 */
export class Counters {
  readonly shared: SharedArrayBuffer;
  readonly #values: BigInt64Array;

  /** @param blobs how many blobs a session may have, or the buffer that another thread made */
  constructor(blobs: number | SharedArrayBuffer) {
    this.shared = typeof blobs === 'number' ? new SharedArrayBuffer(8 * (blobs + 1)) : blobs;
    this.#values = new BigInt64Array(this.shared);
  }

  addFetched(bytes: number): void {
    Atomics.add(this.#values, 0, BigInt(bytes));
  }

  get fetched(): number {
    return Number(Atomics.load(this.#values, 0));
  }

  addProgress(blob: BlobNumber, bytes: number): void {
    Atomics.add(this.#values, blob + 1, BigInt(bytes));
  }

  /** A pass that is tried again starts from nothing. */
  resetProgress(blob: BlobNumber): void {
    Atomics.store(this.#values, blob + 1, 0n);
  }

  progress(blob: BlobNumber): number {
    return Number(Atomics.load(this.#values, blob + 1));
  }
}
