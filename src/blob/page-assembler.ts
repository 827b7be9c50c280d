import { LayerslayerError } from '../base/errors.js';

/**
 * Returns an empty buffer to fill, of `length` bytes at least. A promise pauses the stream: this bounds the
 * buffers in circulation.
 */
export type TakeBuffer = (length: number) => Uint8Array | Promise<Uint8Array>;

/** Takes a whole page or block over. A promise pauses the stream. */
export type OnPage = (page: Uint8Array, number: number) => void | Promise<void>;

/** Cuts a stream of chunks into pages or blocks, with one copy. */
export class PageAssembler {
  readonly #end: number; // byte of the blob at which the stream ends
  readonly #unit: number; // bytes of a page or block
  readonly #takeBuffer: TakeBuffer;
  readonly #onPage: OnPage;
  #offset: number; // start of the page that is being filled
  #page: Uint8Array | undefined; // of its own length
  #filled = 0; // bytes of it

  /**
   * @param offset the stream's first byte, where a page begins
   * @param end byte of the blob at which the stream ends: that of a page, or of the blob
   */
  constructor(offset: number, end: number, unit: number, takeBuffer: TakeBuffer, onPage: OnPage) {
    this.#offset = offset;
    this.#end = end;
    this.#unit = unit;
    this.#takeBuffer = takeBuffer;
    this.#onPage = onPage;
  }

  /** The first byte that has not been handed over. */
  get offset(): number {
    return this.#offset;
  }

  /** Most chunks end no page, and cost no promise. */
  add(chunk: Uint8Array): void | Promise<void> {
    if (this.#page && chunk.length < this.#page.length - this.#filled) {
      this.#page.set(chunk, this.#filled);
      this.#filled += chunk.length;
      return;
    }
    return this.#addAcross(chunk);
  }

  async #addAcross(chunk: Uint8Array): Promise<void> {
    let at = 0;
    while (at < chunk.length) {
      this.#page ??= await this.#begin();
      const part = chunk.subarray(at, at + this.#page.length - this.#filled);
      this.#page.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < this.#page.length) return;
      const page = this.#page;
      const number = this.#offset / this.#unit;
      this.#page = undefined;
      this.#filled = 0;
      this.#offset += page.length;
      await this.#onPage(page, number);
    }
  }

  async #begin(): Promise<Uint8Array> {
    const length = Math.min(this.#unit, this.#end - this.#offset);
    if (length <= 0)
      throw new LayerslayerError(
        'DIGEST_MISMATCH',
        `got bytes past ${this.#end}, the end of what was asked for`,
      );
    return (await this.#takeBuffer(length)).subarray(0, length);
  }
}
