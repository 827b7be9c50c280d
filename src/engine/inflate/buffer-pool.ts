/**
 * Buffers of one size that come back and are used again. Each fresh one would be external memory, which V8 collects
 * late (tens of MiB a thread) and the kernel has to fill with zeros: 2 ms of CPU a MiB (measured).
 */
export class BufferPool {
  readonly #size: number;
  readonly #kept: number;
  readonly #idle: ArrayBuffer[] = [];

  /**
   * @param size bytes of each
   * @param kept idle ones at the most
   */
  constructor(size: number, kept: number) {
    this.#size = size;
    this.#kept = kept;
  }

  /** `length` bytes of a buffer, whatever they hold; longer than `size` is possible, but not kept. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.#size) return new Uint8Array(length);
    return new Uint8Array(this.#idle.pop() ?? new ArrayBuffer(this.#size), 0, length);
  }

  /** The buffer is nobody's any more. */
  release(buffer: ArrayBuffer): void {
    if (buffer.byteLength === this.#size && this.#idle.length < this.#kept) this.#idle.push(buffer);
  }
}
