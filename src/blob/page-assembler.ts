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

  /** Returns a promise only if the receiver or the buffers do: each one pauses the connection. */
  add(chunk: Uint8Array): void | Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      if (!this.#page) {
        const begun = this.#begin();
        if (begun) return begun.then(() => this.add(chunk.subarray(at)));
      }
      const page: Uint8Array = this.#page!;
      const part = chunk.subarray(at, at + page.length - this.#filled);
      page.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < page.length) return;
      const number = this.#offset / this.#unit;
      this.#page = undefined;
      this.#filled = 0;
      this.#offset += page.length;
      const taken = this.#onPage(page, number);
      if (taken) return at < chunk.length ? taken.then(() => this.add(chunk.subarray(at))) : taken;
    }
  }

  #begin(): Promise<void> | undefined {
    const length = Math.min(this.#unit, this.#end - this.#offset);
    if (length <= 0)
      throw new LayerslayerError(
        'DIGEST_MISMATCH',
        `got bytes past ${this.#end}, the end of what was asked for`,
      );
    const set = (buffer: Uint8Array) => {
      this.#page = buffer.subarray(0, length);
    };
    const buffer = this.#takeBuffer(length);
    if (buffer instanceof Promise) return buffer.then(set);
    set(buffer);
    return undefined;
  }
}
