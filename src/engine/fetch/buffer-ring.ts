/** A fixed number of buffers that go round between two threads: who finds none waits for one to come back. */
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

  /** Whoever gives up waiting has lost the buffer that comes: the ring ends with its stream. */
  take(): Uint8Array | Promise<Uint8Array> {
    const idle = this.#idle.pop();
    if (idle) return new Uint8Array(idle);
    if (this.#unmade > 0) {
      this.#unmade--;
      return new Uint8Array(this.#size);
    }
    return new Promise((resolve) => this.#waiting.push((buffer) => resolve(new Uint8Array(buffer))));
  }

  give(buffer: ArrayBuffer): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(buffer);
    else this.#idle.push(buffer);
  }
}
