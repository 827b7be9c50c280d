/** Limits how many tasks run at once. Waiters are served in order. */
export class Semaphore {
  readonly #waiters: (() => void)[] = [];
  #free: number;

  /** @param permits tasks that may run at once, 1 or more */
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

  /** Takes a permit. @returns a function that returns it; call it once */
  async take(signal?: AbortSignal): Promise<() => void> {
    await this.#acquire(signal);
    return () => this.#release();
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
    // The permit moves to the next waiter. If it became free first, a later caller could overtake.
    if (next) next();
    else this.#free++;
  }
}
