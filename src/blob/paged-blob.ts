import type { BlobReader } from './blob-reader.js';
import { checkRange } from './byte-range.js';
import { PAGE_SIZE, pageCount, pageLength, pageOf } from './page.js';
import type { PagePartSource } from './page-source.js';
import { ReadAhead } from './read-ahead.js';

/** A blob read through verified pages. Ranges of several pages are put together. */
export class PagedBlob implements BlobReader {
  readonly size: number;
  readonly #pages: PagePartSource;
  readonly #readAhead: ReadAhead;

  /** @param size bytes of the blob */
  constructor(pages: PagePartSource, size: number) {
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
    for (let number = first; number <= last; number++) {
      const start = number * PAGE_SIZE;
      const from = Math.max(0, offset - start);
      const to = Math.min(pageLength(number, this.size), offset + length - start);
      wanted.push(this.#pages.part(number, from, to, signal, single));
    }
    const ahead = this.#readAhead.note(first, last);
    if (ahead) this.#pages.prefetch(ahead.first, ahead.end);

    if (first === last) return wanted[0]!;
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    for (const part of await Promise.all(wanted)) {
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes;
  }
}
