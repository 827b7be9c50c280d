/** A fixed number of buffers that are used in turn, by two threads perhaps. */
export class BufferRing {
  readonly #size: number;
  readonly #idle: ArrayBuffer[] = [];
  readonly #waiting: ((buffer: ArrayBuffer) => void)[] = [];
  #unmade: number;

  /** @param size bytes of each buffer */
  constructor(count: number, size: number) {
    this.#size = size;
    this.#unmade = count;
  }

  /**
   * Returns a buffer, at once or when one is released. Aborting a pending `take` drops its buffer; a ring is
   * not reused after its stream ends.
   */
  take(): Uint8Array | Promise<Uint8Array> {
    const idle = this.#idle.pop();
    if (idle) return new Uint8Array(idle);
    if (this.#unmade > 0) {
      this.#unmade--;
      return new Uint8Array(this.#size);
    }
    return new Promise((resolve) => this.#waiting.push((buffer) => resolve(new Uint8Array(buffer))));
  }

  release(buffer: ArrayBuffer): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(buffer);
    else this.#idle.push(buffer);
  }
}
