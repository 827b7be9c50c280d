import { LayerslayerError } from '../base/errors.js';
import { pageLength } from './page.js';

/**
 * Gives an empty page to fill, of `length` bytes at least. A promise holds the stream back: this bounds the pages in
 * circulation.
 */
export type TakeBuffer = (length: number) => Uint8Array | Promise<Uint8Array>;

/** Takes a whole page over. A promise holds the stream back. */
export type OnPage = (page: Uint8Array, number: number) => void | Promise<void>;

/** Cuts a stream of chunks into pages, with one copy. */
export class PageAssembler {
  readonly #end: number; // byte of the blob at which the stream ends
  readonly #takeBuffer: TakeBuffer;
  readonly #onPage: OnPage;
  #number: number;
  #page: Uint8Array | undefined; // the page that is being filled, of its own length
  #filled = 0; // bytes of it

  /**
   * @param firstPage the page that begins with the stream's first byte
   * @param end byte of the blob at which the stream ends: that of a page, or of the blob
   */
  constructor(firstPage: number, end: number, takeBuffer: TakeBuffer, onPage: OnPage) {
    this.#number = firstPage;
    this.#end = end;
    this.#takeBuffer = takeBuffer;
    this.#onPage = onPage;
  }

  /** The first page that has not been handed over. */
  get nextPage(): number {
    return this.#number;
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
      this.#page = undefined;
      this.#filled = 0;
      await this.#onPage(page, this.#number++);
    }
  }

  async #begin(): Promise<Uint8Array> {
    const length = pageLength(this.#number, this.#end);
    if (length <= 0)
      throw new LayerslayerError(
        'DIGEST_MISMATCH',
        `got bytes past ${this.#end}, the end of what was asked for`,
      );
    return (await this.#takeBuffer(length)).subarray(0, length);
  }
}
