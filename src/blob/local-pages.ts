import { readSync } from 'node:fs';
import { PAGE_SIZE, type PageDigests, PIECE_SIZE, pageLength } from './page.js';
import { arePieces } from './page-digest.js';
import type { PagePartSource } from './page-source.js';

/** A blob within a file that this process has open. Plain data: threads of one process share its descriptors. */
export interface LocalPlace {
  fd: number;
  start: number; // byte of the file
}

export interface LocalPagesOptions {
  place: LocalPlace;
  size: number; // bytes of the blob
  pageDigests: PageDigests;
  upstream: PagePartSource; // who says what is wrong with a page
}

/**
 * Pages of a blob that lies in a local file, read by the thread that wants them: by way of the fetching thread a read
 * costs half as much CPU again (measured). Reads are synchronous: it is used in worker threads.
 */
export class LocalPages implements PagePartSource {
  readonly #options: LocalPagesOptions;

  constructor(options: LocalPagesOptions) {
    this.#options = options;
  }

  async part(
    number: number,
    from: number,
    to: number,
    signal?: AbortSignal,
    lent?: Uint8Array,
  ): Promise<Uint8Array> {
    const { size, pageDigests, upstream } = this.#options;
    const start = from - (from % PIECE_SIZE);
    const end = Math.min(Math.ceil(to / PIECE_SIZE) * PIECE_SIZE, pageLength(number, size));
    const bytes = lent?.subarray(0, end - start) ?? Buffer.allocUnsafeSlow(end - start);
    const offset = number * PAGE_SIZE + start;
    // Whatever the descriptor leads to by now: only the right bytes pass.
    if (this.#fill(bytes, offset) && arePieces(bytes, offset, pageDigests)) {
      return bytes.subarray(from - start, to - start);
    }
    return upstream.part(number, from, to, signal);
  }

  /** The kernel reads ahead. */
  prefetch(): void {}

  #fill(bytes: Uint8Array, offset: number): boolean {
    const { fd, start } = this.#options.place;
    try {
      let filled = 0;
      while (filled < bytes.length) {
        const count = readSync(fd, bytes, filled, bytes.length - filled, start + offset + filled);
        if (count === 0) return false;
        filled += count;
      }
      return true;
    } catch {
      return false;
    }
  }
}
