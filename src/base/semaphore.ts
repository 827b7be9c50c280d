/** Bounds how many of a thing run at once; waiters are served first come, first served. */
export class Semaphore {
  readonly #waiters: (() => void)[] = [];
  #free: number;

  /** @param permits how many may hold it at once, 1 or more */
  constructor(permits: number) {
    this.#free = permits;
  }

  async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#acquire(signal);
    try {
      return await task();
    } finally {
      this.#release();
    }
  }

  async #acquire(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const waiter = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  #release(): void {
    const next = this.#waiters.shift();
    // The permit goes straight to the next waiter: counting it free first would let a newcomer overtake.
    if (next) next();
    else this.#free++;
  }
}
