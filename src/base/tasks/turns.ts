import { setImmediate as nextTurn } from 'node:timers/promises';

/** Longest time that a task keeps the other tasks of its thread waiting. */
const SLICE_MS = 4;

/** Lets the event loop turn during a long task, on a thread that also answers requests. */
export class Turns {
  #endMs = performance.now() + SLICE_MS;

  constructor(private readonly signal: AbortSignal) {}

  get isDue(): boolean {
    return performance.now() >= this.#endMs;
  }

  /**
   * Returns a promise of the next turn if it is time for one. Cheap enough to ask for each row. The
   * caller awaits it at once.
   * @throws the promise: the signal's reason
   */
  due(): Promise<void> | undefined {
    return this.isDue ? this.#turn() : undefined;
  }

  async #turn(): Promise<void> {
    await nextTurn();
    this.signal.throwIfAborted();
    this.#endMs = performance.now() + SLICE_MS;
  }
}
