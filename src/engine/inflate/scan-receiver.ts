import { Transferred } from '../../base/thread-rpc.js';
import { type EntryColumns, SharedEntries } from '../../index/pass/shared-entries.js';
import type { LayerObserver } from '../layer-observer.js';
import type { ScanAnswer, ScannedBatch } from './inflate-protocol.js';

/** Passes the batches of one scan to its observer, in the main thread. */
export class ScanReceiver {
  readonly #observer: LayerObserver;
  readonly #blobSize: number;
  #entries: SharedEntries;
  #hasEnough = false;
  /** What the observer threw, itself: its class does not pass between threads. */
  fault: unknown;

  /** @param blobSize compressed bytes of the layer */
  constructor(observer: LayerObserver, blobSize: number) {
    this.#observer = observer;
    this.#blobSize = blobSize;
    this.#entries = new SharedEntries(blobSize);
  }

  get wantsBytes(): boolean {
    return this.#observer.onBytes !== undefined;
  }

  /** The entries received so far, as columns. */
  get entries(): EntryColumns | undefined {
    return this.#entries.soFar();
  }

  /** @throws what the observer throws */
  async receive(batch: ScannedBatch): Promise<Transferred<ScanAnswer>> {
    try {
      this.#deliver(batch);
    } catch (error) {
      this.fault = error;
    }
    try {
      await this.#observer.settled?.();
    } catch (error) {
      this.fault ??= error;
    }
    if (this.fault !== undefined) throw this.fault;
    const buffers = batch.bytes.map(({ buffer }) => buffer as ArrayBuffer);
    return new Transferred({ hasEnough: this.#hasEnough, buffers }, buffers);
  }

  #deliver({ isRestart, entries, bytes, offset }: ScannedBatch): void {
    const observer = this.#observer;
    if (isRestart) {
      this.#entries = new SharedEntries(this.#blobSize);
      this.#hasEnough = false;
      observer.onRestart();
    }
    if (entries) {
      const shared = this.#entries;
      const soFar = () => shared.soFar()!;
      shared.receive(entries, (entry, row) => {
        this.#hasEnough = observer.onEntry(entry, row, soFar);
      });
    }
    let at = offset;
    for (const part of bytes) {
      this.#hasEnough = observer.onBytes?.(part, at) ?? this.#hasEnough;
      at += part.length;
    }
  }
}
