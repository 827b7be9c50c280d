import { abortable } from './abortable.js';

interface Running<T> {
  promise: Promise<T>;
  stop: AbortController;
  waiters: number;
}

/**
 * A task that several callers wait for, each with its own signal. Its value is cached, a failure is
 * not. When the last caller has given up, the task is aborted.
 */
export class SharedTask<T> {
  #value: { result: T } | undefined;
  #running: Running<T> | undefined;

  constructor(private readonly start: (signal: AbortSignal) => Promise<T>) {}

  /** @throws what the task throws; the signal's reason */
  async get(signal: AbortSignal): Promise<T> {
    if (this.#value) return this.#value.result;
    signal.throwIfAborted();
    // atomic: no await until the caller is counted
    const running = this.#running ?? this.#begin();
    running.waiters++;
    try {
      return await abortable(running.promise, signal);
    } finally {
      if (--running.waiters === 0 && this.#running === running) {
        this.#running = undefined;
        running.stop.abort(signal.reason);
      }
    }
  }

  #begin(): Running<T> {
    const stop = new AbortController();
    const promise = this.start(stop.signal);
    const running: Running<T> = { promise, stop, waiters: 0 };
    this.#running = running;
    const forget = () => {
      if (this.#running === running) this.#running = undefined;
    };
    promise.then((result) => {
      this.#value = { result };
      forget();
    }, forget);
    return running;
  }
}
