/**
 * Buffers of one size that are used again, by two threads perhaps. A fresh buffer is external
 * memory: V8 collects it late (tens of MiB a thread), and the kernel fills it with zeros: 2 ms of
 * CPU a MiB (measured).
 */
export class BufferPool {
  readonly #size: number;
  readonly #count: number;
  readonly #idle: ArrayBuffer[] = [];
  readonly #waiting: ((buffer: Uint8Array) => void)[] = [];
  #inTurn = 0; // buffers that `next` made

  /**
   * @param size bytes of each buffer
   * @param count maximum of idle buffers, and of those that `next` hands out
   */
  constructor(size: number, count: number) {
    this.#size = size;
    this.#count = count;
  }

  /** Returns `length` bytes with any content. A buffer longer than `size` is used once. */
  take(length = this.#size): Uint8Array<ArrayBuffer> {
    if (length > this.#size) return new Uint8Array(length);
    return new Uint8Array(this.#idle.pop() ?? new ArrayBuffer(this.#size), 0, length);
  }

  /**
   * Returns a buffer, or a promise of one while `count` are in use. Aborting a pending `next` drops
   * its buffer: a pool with a bound belongs to one stream, and ends with it.
   */
  next(): Uint8Array | Promise<Uint8Array> {
    if (this.#idle.length > 0) return this.take();
    if (this.#inTurn++ < this.#count) return new Uint8Array(this.#size);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The caller does not use the buffer any more. */
  release(buffer: ArrayBuffer): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(new Uint8Array(buffer));
    else if (buffer.byteLength === this.#size && this.#idle.length < this.#count) this.#idle.push(buffer);
  }
}
