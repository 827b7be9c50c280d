import type { BufferPool } from '../../base/buffer-pool.js';
import { type LayerslayerError, withContext } from '../../base/errors.js';
import { abortable } from '../../base/tasks/abortable.js';
import type { ThreadPeer } from '../../base/thread-rpc.js';
import { type CheckedIndex, IndexPass, LayerCheck, type OnTarBytes } from '../../index/pass/index-pass.js';
import { shortDigest } from '../../oci/digest.js';
import type { BlobMethods } from '../fetch/fetch-protocol.js';
import type { IndexRequest, PassEnd } from './inflate-protocol.js';
import { ScanSender, type SendBatch } from './scan-sender.js';

/**
 * An observed pass with enough data continues to the next multiple of this, in bytes of the blob.
 * The first ranges are as long, so these bytes are already in flight.
 */
const STRIDE = 64 * 1024;

/**
 * Compressed bytes of an observed blob that are inflated at once. They may hold 1032 times as many:
 * 8 MiB are collected before the observer sees any.
 */
const PUSHED_AT_ONCE = 8 * 1024;

export interface BlobPassDependencies {
  fetching: Pick<ThreadPeer<BlobMethods>, 'call'>;
  sendBatch: SendBatch;
  buffers: BufferPool; // for the bytes of batches
  compared: readonly CheckedIndex[]; // with the layer's bytes
}

/** One index pass over a blob that the fetch thread streams, with an observer or without. */
export class BlobPass {
  readonly #request: IndexRequest;
  readonly #fetching: BlobPassDependencies['fetching'];
  readonly #sender: ScanSender | undefined; // to the observer
  readonly #stop = new AbortController();
  #pass: IndexPass;
  #turn: Promise<unknown> = Promise.resolve(); // of the part that came last
  #readBytes = 0; // of the blob
  #stopAt: number | undefined; // a multiple of STRIDE, independent of network chunk sizes
  #fault: LayerslayerError | undefined; // of the blob
  #isOver = false;
  readonly #compared: readonly CheckedIndex[];
  #checks: readonly LayerCheck[] = [];
  #held: { promise: Promise<void>; release(): void } | undefined;

  constructor(request: IndexRequest, { fetching, sendBatch, buffers, compared }: BlobPassDependencies) {
    const { pass, observed } = request;
    this.#request = request;
    this.#fetching = fetching;
    this.#sender = observed && new ScanSender(pass, observed, sendBatch, buffers);
    this.#compared = compared;
    this.#pass = this.#begin();
  }

  /** Until it is released, the pass takes no more bytes. */
  hold(isHeld: boolean): void {
    if (!isHeld) {
      this.#held?.release();
      this.#held = undefined;
    } else if (!this.#held) {
      let release = () => {};
      const promise = new Promise<void>((resolve) => {
        release = resolve;
      });
      this.#held = { promise, release };
    }
  }

  /**
   * Runs the pass to its end, or until the observer has enough.
   * @throws LayerslayerError what the source and the observer throw; DIGEST_MISMATCH;
   *   CORRUPT_LAYER, UNSUPPORTED
   */
  async run(signal: AbortSignal): Promise<PassEnd> {
    const { pass, blob, observed } = this.#request;
    const within = AbortSignal.any([signal, this.#stop.signal]);
    try {
      const request = { pass, blob, observedEnd: observed?.end };
      const blockDigests = await this.#fetching.call('stream', request, { signal: within });
      await abortable(this.#turn, within);
      if (this.#fault) throw this.#fault;
      return blockDigests ? await this.#finish(blockDigests, signal) : { readBytes: this.#readBytes };
    } catch (error) {
      if (signal.aborted) throw error; // without waiting for the observer
      await abortable(this.#turn, signal);
      throw this.#stop.signal.aborted ? this.#stop.signal.reason : error;
    } finally {
      this.#isOver = true;
      this.hold(false);
    }
  }

  /**
   * Takes the blob's next bytes. At offset 0 again: the bytes before were wrong.
   * @returns whether no more is needed
   */
  take(bytes: Uint8Array, offset: number): Promise<boolean> {
    const taken = this.#turn.then(() => this.#take(bytes, offset));
    this.#turn = taken;
    return taken;
  }

  /**
   * Ends the pass, finished or not: its tables no longer count.
   * @returns bytes that they took
   */
  release(): number {
    return this.#pass.release();
  }

  #begin(): IndexPass {
    const { digest, blobSize, allowance } = this.#request;
    const sender = this.#sender;
    const onBytes: OnTarBytes | undefined = sender && ((...bytes) => sender.onBytes(...bytes));
    this.#checks = this.#compared.map((one) => new LayerCheck(one));
    const pass = new IndexPass(digest, {
      blobSize,
      ...(allowance && { allowance }),
      ...(onBytes && { onBytes }),
      observers: this.#checks,
    });
    sender?.begin(pass);
    return pass;
  }

  #restart(): void {
    this.#pass.release();
    this.#pass = this.#begin();
    this.#readBytes = 0;
    this.#stopAt = undefined;
    this.#fault = undefined;
  }

  async #take(bytes: Uint8Array, offset: number): Promise<boolean> {
    while (this.#held) await this.#held.promise;
    if (this.#isOver) return false;
    if (offset === 0 && this.#readBytes > 0) this.#restart();
    if (this.#fault || this.#stop.signal.aborted) return false;
    this.#readBytes += bytes.length;
    try {
      await this.#push(bytes);
    } catch (error) {
      this.#stop.abort(error); // the observer's
    }
    return this.#isEnough();
  }

  /** @throws what the observer throws */
  async #push(bytes: Uint8Array): Promise<void> {
    const length = this.#sender ? PUSHED_AT_ONCE : bytes.length;
    for (let at = 0; at < bytes.length && !this.#fault && !this.#isOver; at += length) {
      try {
        this.#pass.push(bytes.subarray(at, at + length));
      } catch (error) {
        this.#failed(this.#naming(error));
      }
      await this.#sender?.sendIfFull();
    }
    await this.#sender?.flush();
  }

  /**
   * Nothing more of an unsupported layer is fetched. The rest of a damaged one still comes: the
   * digest tells damage on the way from a bad layer.
   */
  #failed(fault: LayerslayerError): void {
    this.#fault = fault;
    if (fault.code === 'UNSUPPORTED') this.#stop.abort(fault);
  }

  #isEnough(): boolean {
    const { observed } = this.#request;
    this.#stopAt = this.#sender?.hasEnough
      ? (this.#stopAt ?? Math.ceil(this.#readBytes / STRIDE) * STRIDE)
      : undefined;
    if (!observed || this.#fault || this.#stopAt === undefined) return false;
    // If all bytes are here, the digest is checked too: it costs no extra fetch.
    return this.#readBytes >= this.#stopAt && this.#readBytes < observed.end;
  }

  async #finish(blockDigests: Uint8Array, signal: AbortSignal): Promise<PassEnd> {
    let bytes: Uint8Array | undefined;
    try {
      bytes = await this.#pass.finish(blockDigests);
    } catch (error) {
      this.#fault = this.#naming(error);
    }
    if (this.#sender) await abortable(this.#sender.flush(), signal); // the last bytes pass at the end
    if (!bytes) throw this.#fault;
    const made = bytes;
    const comparisons = this.#checks.map((check) => ({ name: check.name, difference: check.end(made) }));
    return { bytes, comparisons };
  }

  #naming(error: unknown): LayerslayerError {
    const { observed, digest } = this.#request;
    return withContext(error, `${observed ? 'reading' : 'indexing'} layer ${shortDigest(digest)}`);
  }
}
