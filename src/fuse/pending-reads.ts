import { performance } from 'node:perf_hooks';
import { LayerslayerError } from '../base/errors.js';

/** Milliseconds. REGISTRY.md promises an answer to each read within 60 s; this leaves time to send it. */
export const READ_DEADLINE_MS = 58_000;

interface PendingRead {
  controller: AbortController;
  expiresMs: number; // performance.now()
  answer: (data: Uint8Array) => void;
  fail: (error: unknown) => void;
}

/**
 * Reads that wait for the network. Each is answered exactly once, by whichever comes first: its bytes, its fault, the
 * kernel's INTERRUPT, the deadline, or the end of the mount; the last three also abort the work behind it.
 */
export class PendingReads {
  // In order of arrival, which is the order of deadlines too, as all reads have the same: one timer, for the first.
  readonly #reads = new Map<number, PendingRead>();
  readonly #deadlineMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }

  get size(): number {
    return this.#reads.size;
  }

  /** Takes over a read that did not answer at once. Exactly one of `answer` and `fail` is called, once, later. */
  add(
    unique: number,
    data: Promise<Uint8Array>,
    controller: AbortController,
    answer: (data: Uint8Array) => void,
    fail: (error: unknown) => void,
  ): void {
    const read = { controller, expiresMs: performance.now() + this.#deadlineMs, answer, fail };
    this.#reads.set(unique, read);
    this.#timer ??= this.#wakeIn(this.#deadlineMs);
    data.then(
      (bytes) => {
        if (this.#take(unique, read)) answer(bytes);
      },
      (error) => {
        if (this.#take(unique, read)) fail(error);
      },
    );
  }

  /** @returns false when no such read waits (any more, or yet) */
  interrupt(unique: number): boolean {
    const read = this.#reads.get(unique);
    if (!read) return false;
    this.#cancel(unique, read, new LayerslayerError('ABORTED', 'the reading process was interrupted'));
    return true;
  }

  /** Ends all of them: the mount is gone, nobody waits for the bytes. */
  abortAll(): void {
    for (const [unique, read] of this.#reads) {
      this.#cancel(unique, read, new LayerslayerError('ABORTED', 'the file system was unmounted'));
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #take(unique: number, read: PendingRead): boolean {
    // A number comes again only after its reply, but the promise of an abandoned read may still settle then.
    return this.#reads.get(unique) === read && this.#reads.delete(unique);
  }

  #cancel(unique: number, read: PendingRead, reason: LayerslayerError): void {
    this.#reads.delete(unique);
    read.fail(reason);
    read.controller.abort(reason);
  }

  #wakeIn(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#expire(), delayMs).unref();
  }

  #expire(): void {
    const now = performance.now();
    this.#timer = undefined;
    for (const [unique, read] of this.#reads) {
      if (read.expiresMs > now) {
        this.#timer = this.#wakeIn(Math.ceil(read.expiresMs - now));
        return;
      }
      const seconds = this.#deadlineMs / 1000;
      this.#cancel(unique, read, new LayerslayerError('TIMED_OUT', `no answer within ${seconds} s`));
    }
  }
}
