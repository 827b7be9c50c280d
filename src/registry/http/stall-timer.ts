/**
 * Fires when no byte came for `ms`. undici's own timers tick once a second, and count a request's
 * wait for a free socket. This one runs only while bytes are due.
 */
export class StallTimer {
  readonly #ms: number;
  readonly #onStall: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, onStall: () => void) {
    this.#ms = ms;
    this.#onStall = onStall;
  }

  /** Starts the timer: bytes are due from now on. */
  start(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onStall, this.#ms);
  }

  /** Restarts the timer: bytes came. */
  touch(): void {
    this.#timer?.refresh();
  }

  /** Stops the timer: the reader is busy, or all bytes have come. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
