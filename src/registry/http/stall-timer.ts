/**
 * Fires when nothing was heard for `ms`. undici's own timers tick once a second and count a request's wait for a free
 * socket; this one runs only while bytes are due.
 */
export class StallTimer {
  readonly #ms: number;
  readonly #onStall: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, onStall: () => void) {
    this.#ms = ms;
    this.#onStall = onStall;
  }

  /** Bytes are due from now on. */
  start(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onStall, this.#ms);
  }

  /** Bytes came. */
  touch(): void {
    this.#timer?.refresh();
  }

  /** None are due: the reader is busy, or all have come. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
