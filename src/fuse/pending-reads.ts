import { performance } from 'node:perf_hooks';
import { LayerslayerError } from '../base/errors.js';

/** Milliseconds. Rule R10 promises an answer within 60 s. The rest is for sending it. */
export const READ_DEADLINE_MS = 58_000;

/**
 * Milliseconds. The kernel repeats a read at once if its read-ahead failed. A read that took a
 * process longer than this is not repeated at once, or the process would wait twice.
 */
const REPEAT_MS = 1_000;

/** Maximum pid of Linux (PID_MAX_LIMIT). Inodes are below 2^31, so both fit in one number. */
const PIDS = 2 ** 22;

interface PendingRead {
  reader: number; // process and inode
  sinceMs: number; // performance.now()
  controller: AbortController;
  fail: (error: unknown) => void;
}

/**
 * Reads that wait for the network. Each is answered exactly once, by the first of: its bytes, its
 * fault, the kernel's INTERRUPT, the deadline, the end of the mount. The last three also abort its
 * signal; bytes that are on their way still come to the cache.
 */
export class PendingReads {
  // In order of arrival. All reads have the same deadline, so one timer for the first is enough.
  readonly #reads = new Map<number, PendingRead>();
  /** By process and inode: how and when the last slow read failed. The latest comes last. */
  readonly #failed = new Map<number, { error: unknown; atMs: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly deadlineMs: number,
    private readonly repeatMs = REPEAT_MS,
  ) {}

  get size(): number {
    return this.#reads.size;
  }

  /**
   * Adds a read that did not answer at once. Calls either `answer` or `fail`, once. Calls `fail` at
   * once for a read that the kernel repeats.
   * @param pid of the process that reads; 0 if unknown
   */
  add(
    unique: number,
    { inode, pid }: { inode: number; pid: number },
    data: Promise<Uint8Array>,
    controller: AbortController,
    answer: (data: Uint8Array) => void,
    fail: (error: unknown) => void,
  ): void {
    const sinceMs = performance.now();
    const reader = inode * PIDS + pid;
    const read = { reader, sinceMs, controller, fail };
    const repeated = this.#failed.get(reader);
    if (pid !== 0 && repeated && sinceMs - repeated.atMs < this.repeatMs) {
      data.catch(() => {});
      this.#cancel(unique, read, repeated.error);
      return;
    }
    this.#reads.set(unique, read);
    this.#timer ??= this.#wakeIn(this.deadlineMs);
    data.then(
      (bytes) => {
        if (this.#take(unique, read)) answer(bytes);
      },
      (error) => {
        if (!this.#take(unique, read)) return;
        this.#note(read, error);
        fail(error);
      },
    );
  }

  /** @returns false if no such read is waiting */
  interrupt(unique: number): boolean {
    const read = this.#reads.get(unique);
    if (!read) return false;
    this.#cancel(unique, read, new LayerslayerError('ABORTED', 'the reading process was interrupted'));
    return true;
  }

  /** Ends all reads: the mount is gone. */
  abortAll(): void {
    for (const [unique, read] of this.#reads) {
      this.#cancel(unique, read, new LayerslayerError('ABORTED', 'the file system was unmounted'));
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #take(unique: number, read: PendingRead): boolean {
    // A number may be reused after its reply, when an abandoned read's promise settles.
    return this.#reads.get(unique) === read && this.#reads.delete(unique);
  }

  #note({ reader, sinceMs }: PendingRead, error: unknown): void {
    const atMs = performance.now();
    for (const [other, failed] of this.#failed) {
      if (atMs - failed.atMs < this.repeatMs) break;
      this.#failed.delete(other);
    }
    if (atMs - sinceMs < this.repeatMs) return;
    this.#failed.delete(reader);
    this.#failed.set(reader, { error, atMs });
  }

  #cancel(unique: number, read: PendingRead, reason: unknown): void {
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
      const leftMs = read.sinceMs + this.deadlineMs - now;
      if (leftMs > 0) {
        this.#timer = this.#wakeIn(Math.ceil(leftMs));
        return;
      }
      const seconds = this.deadlineMs / 1000;
      const error = new LayerslayerError('TIMED_OUT', `no answer within ${seconds} s`);
      this.#note(read, error);
      this.#cancel(unique, read, error);
    }
  }
}
