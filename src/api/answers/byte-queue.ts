/** Bytes that wait for the reader before the writer waits too. */
const WAITING_MAX = 1024 * 1024;

/** Bytes that one task writes and another one reads, with a bound. */
export class ByteQueue {
  readonly #chunks: Uint8Array[] = [];
  #waiting = 0; // bytes
  #end: { error: unknown } | undefined;
  #wake: () => void = () => {};
  #onDrain: () => void = () => {};

  /** @param ends the reader is gone */
  constructor(private readonly ends: AbortSignal) {
    ends.addEventListener('abort', () => this.#onDrain(), { once: true });
  }

  /** Copies the bytes. */
  write(bytes: Uint8Array): void {
    this.#chunks.push(new Uint8Array(bytes));
    this.#waiting += bytes.length;
    this.#wake();
  }

  /** Returns a promise while too many bytes wait. */
  drained(): Promise<void> | undefined {
    if (this.#waiting <= WAITING_MAX || this.ends.aborted) return undefined;
    return new Promise((resolve) => {
      this.#onDrain = resolve;
    });
  }

  /** @param error undefined: all bytes were written */
  end(error: unknown): void {
    this.#end = { error };
    this.#wake();
  }

  /** Yields what is written. @throws what it ended with */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      for (let chunk = this.#chunks.shift(); chunk; chunk = this.#chunks.shift()) {
        this.#waiting -= chunk.length;
        if (this.#waiting <= WAITING_MAX) this.#onDrain();
        yield chunk;
      }
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
