/** The data of an extension header as it is gathered from pushes: one scratch, as large as the largest so far. */
export class ExtensionData {
  #scratch = new Uint8Array(0);
  #filled = 0;
  #size = 0;

  /** @param size bytes to gather; what was gathered before is lost, views of it change */
  begin(size: number): void {
    if (this.#scratch.length < size) this.#scratch = new Uint8Array(size);
    this.#size = size;
    this.#filled = 0;
  }

  /** Takes what is wanted of `[start, end)`; returns how many bytes that were. */
  take(memory: Uint8Array, start: number, end: number): number {
    const length = Math.min(this.#size - this.#filled, end - start);
    this.#scratch.set(memory.subarray(start, start + length), this.#filled);
    this.#filled += length;
    return length;
  }

  get missing(): number {
    return this.#size - this.#filled;
  }

  /** What was gathered: a view, until the next `begin`. */
  get bytes(): Uint8Array {
    return this.#scratch.subarray(0, this.#filled);
  }
}
