/** Bounds how often something that keeps failing is started again. */
export class RestartLimit {
  readonly #max: number;
  readonly #withinMs: number;
  #times: number[] = [];

  /** At most `max` restarts within any `withinMs`. */
  constructor(max: number, withinMs: number) {
    this.#max = max;
    this.#withinMs = withinMs;
  }

  /**
   * Counts a restart.
   * @param now any clock, ms
   * @returns ms until it may be done; 0: at once
   */
  waitMs(now: number): number {
    this.#times = this.#times.filter((time) => now - time < this.#withinMs);
    const oldest = this.#times.at(-this.#max);
    const wait = oldest === undefined ? 0 : oldest + this.#withinMs - now;
    this.#times.push(now + wait);
    return wait;
  }
}
