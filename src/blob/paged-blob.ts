import type { BlobReader } from './blob-reader.js';
import { checkRange } from './byte-range.js';
import { PAGE_SIZE, pageCount, pageOf } from './page.js';
import type { PageSource } from './page-source.js';
import { ReadAhead } from './read-ahead.js';

/** A blob read through verified pages. A range inside one page is a view of it; others are put together. */
export class PagedBlob implements BlobReader {
  readonly size: number;
  readonly #pages: PageSource;
  readonly #readAhead: ReadAhead;

  /** @param size bytes of the blob */
  constructor(pages: PageSource, size: number) {
    this.#pages = pages;
    this.size = size;
    this.#readAhead = new ReadAhead(pageCount(size));
  }

  async read(offset: number, length: number, signal?: AbortSignal, lent?: Uint8Array): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size);
    if (length === 0) return new Uint8Array(0);
    const first = pageOf(offset);
    const last = pageOf(offset + length - 1);
    const wanted: Promise<Uint8Array>[] = [];
    const single = first === last ? lent : undefined; // there is one buffer, so for one page only
    for (let number = first; number <= last; number++) wanted.push(this.#pages.page(number, signal, single));
    const ahead = this.#readAhead.note(first, last);
    if (ahead) this.#pages.prefetch(ahead.first, ahead.end);

    const skipped = offset - first * PAGE_SIZE; // bytes of the first page before the range
    if (first === last) return (await wanted[0]!).subarray(skipped, skipped + length);
    const pages = await Promise.all(wanted);
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    for (const page of pages) {
      const part = filled === 0 ? page.subarray(skipped) : page;
      bytes.set(part.subarray(0, length - filled), filled);
      filled += part.length;
    }
    return bytes;
  }
}
