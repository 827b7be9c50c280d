/** As long as a timer can be: it is there, not meant to fire. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Keeps the process alive while operations are under way. The threads do not: an image that was
 * never closed must not keep a program from ending.
 */
class ProcessHold {
  #holders = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Resolves or rejects as the task. */
  async during<T>(task: () => Promise<T>): Promise<T> {
    this.#holders++;
    this.#timer ??= setInterval(() => {}, LONGEST_MS);
    try {
      return await task();
    } finally {
      if (--this.#holders === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
    }
  }
}

export const processHold = new ProcessHold();
