import type { BufferPool } from '../../base/buffer-pool.js';
import type { IndexPass } from '../../index/index-pass.js';
import type { ObservedRange, PassNumber, ScanAnswer, ScannedBatch } from './inflate-protocol.js';

/**
 * Tar bytes of a batch, more or less. Inflating them takes 3 ms. A message that wakes a thread
 * costs 0.1 ms (measured).
 */
const BATCH_SIZE = 1024 * 1024;

/** Passes a batch to the observer. Rejects with what the observer throws. */
export type SendBatch = (batch: ScannedBatch, transfer: readonly ArrayBuffer[]) => Promise<ScanAnswer>;

/**
 * Passes what an index pass finds to the main thread, in batches. One batch is with the observer
 * while the next is collected: this is the flow control.
 */
export class ScanSender {
  readonly #pass: PassNumber;
  readonly #wantsBytes: boolean;
  readonly #send: SendBatch;
  readonly #buffers: BufferPool;
  #source: IndexPass | undefined;
  #sentRows = 0;
  #bytes: Uint8Array<ArrayBuffer>[] = []; // all full but the last
  #filled = 0; // bytes of the last one
  #offset = 0; // in the tar, of the first byte of #bytes
  #passed = 0; // tar bytes since the last batch
  #isRestart = false;
  #answered: Promise<void> = Promise.resolve(); // the last batch
  /** As the observer answered last. */
  hasEnough = false;

  constructor(pass: PassNumber, { wantsBytes }: ObservedRange, send: SendBatch, buffers: BufferPool) {
    this.#pass = pass;
    this.#wantsBytes = wantsBytes;
    this.#send = send;
    this.#buffers = buffers;
  }

  /** Collects bytes of the pass. See `IndexPassOptions.onBytes`. */
  onBytes(memory: Uint8Array, start: number, end: number, offset: number): void {
    this.#passed += end - start;
    if (!this.#wantsBytes) return;
    if (this.#bytes.length === 0) this.#offset = offset;
    for (let at = start; at < end; ) {
      let last = this.#bytes.at(-1);
      if (!last || this.#filled === last.length) {
        last = this.#buffers.take();
        this.#bytes.push(last);
        this.#filled = 0;
      }
      const part = memory.subarray(at, Math.min(end, at + last.length - this.#filled));
      last.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
    }
  }

  /**
   * Takes the entries from this pass. If there was another one, all that was sent is void: call it
   * when `flush` is done.
   */
  begin(source: IndexPass): void {
    this.#isRestart = this.#source !== undefined;
    this.#source = source;
    this.#sentRows = 0;
    this.hasEnough = false;
  }

  /**
   * Sends a batch if enough was collected for one. Waits for the batch before it.
   * @throws what the observer threw
   */
  async sendIfFull(): Promise<void> {
    if (this.#passed >= BATCH_SIZE) await this.#sendBatch();
  }

  /**
   * Sends what was collected, and waits until the observer has seen it.
   * @throws what the observer threw
   */
  async flush(): Promise<void> {
    await this.#sendBatch();
    await this.#answered;
  }

  async #sendBatch(): Promise<void> {
    await this.#answered;
    this.#passed = 0;
    const rows = this.#source?.entryCount ?? 0;
    const entries = rows > this.#sentRows ? this.#source?.shareEntries() : undefined;
    this.#sentRows = rows;
    if (!entries && this.#bytes.length === 0 && !this.#isRestart) return;
    const bytes = this.#bytes;
    if (bytes.length > 0) bytes.push(bytes.pop()!.subarray(0, this.#filled));
    const batch = { pass: this.#pass, isRestart: this.#isRestart, entries, bytes, offset: this.#offset };
    this.#bytes = [];
    this.#isRestart = false;
    const moved = bytes.map(({ buffer }) => buffer);
    this.#answered = this.#send(batch, moved).then(({ hasEnough, buffers }) => {
      this.hasEnough = hasEnough;
      for (const buffer of buffers) this.#buffers.release(buffer);
    });
    this.#answered.catch(() => {}); // the next batch throws it
  }
}
