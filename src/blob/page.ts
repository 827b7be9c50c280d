import { LayerslayerError } from '../base/errors.js';

/** Compressed bytes are cached in pages of this size (bytes), the last one shorter. */
export const PAGE_SIZE = 256 * 1024;

/**
 * Compressed bytes are fetched and checked in blocks of this size (bytes), four to a page. A random
 * read needs half of a span: larger blocks would bring unused bytes. Digests cost 0.05 % of the
 * layer.
 */
export const BLOCK_SIZE = 64 * 1024;

/** Bytes of a block's digest, which is always SHA-256. */
export const BLOCK_DIGEST_LENGTH = 32;

/** The digests of all blocks of a blob, one after the other, BLOCK_DIGEST_LENGTH bytes each. */
export type BlockDigests = Uint8Array;

export function blockCount(blobSize: number): number {
  return Math.ceil(blobSize / BLOCK_SIZE);
}

export function pageCount(blobSize: number): number {
  return Math.ceil(blobSize / PAGE_SIZE);
}

/** The page in which a byte lies. */
export function pageOf(offset: number): number {
  return Math.floor(offset / PAGE_SIZE);
}

/** Bytes of the page `number`, 0 to pageCount - 1. */
export function pageLength(number: number, blobSize: number): number {
  return Math.min(PAGE_SIZE, blobSize - number * PAGE_SIZE);
}

/**
 * @throws LayerslayerError INVALID_ARGUMENT unless `[offset, offset + length)` lies inside `size`
 * bytes
 */
export function checkRange(offset: number, length: number, size: number): void {
  // Not `offset + length > size`: past 2^53 the sum rounds.
  if (offset >= 0 && length >= 0 && offset <= size && length <= size - offset) return;
  throw new LayerslayerError('INVALID_ARGUMENT', `${length} bytes at ${offset} are not inside ${size}`);
}

/** Returns a buffer of at least `length` bytes. A promise pauses the stream. */
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
