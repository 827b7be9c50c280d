/** The data of an extension header, collected from pushes in one scratch buffer that grows. */
export class ExtensionData {
  #scratch = new Uint8Array(0);
  #filled = 0;
  #size = 0;

  /** @param size bytes to collect; earlier data is lost, and views of it change */
  begin(size: number): void {
    if (this.#scratch.length < size) this.#scratch = new Uint8Array(size);
    this.#size = size;
    this.#filled = 0;
  }

  /** Takes the missing bytes of `[start, end)`, and returns how many. */
  take(memory: Uint8Array, start: number, end: number): number {
    const length = Math.min(this.#size - this.#filled, end - start);
    this.#scratch.set(memory.subarray(start, start + length), this.#filled);
    this.#filled += length;
    return length;
  }

  get missing(): number {
    return this.#size - this.#filled;
  }

  /** The collected bytes: a view that is valid until the next `begin`. */
  get bytes(): Uint8Array {
    return this.#scratch.subarray(0, this.#filled);
  }
}
