import type { Log } from '../base/log.js';
import type { ContentStore } from '../cache/content-store.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import { KeptPages } from './kept-pages.js';
import { PAGE_SIZE, type PageDigests, PIECE_SIZE } from './page.js';
import { arePieces } from './page-digest.js';
import type { PagePartSource } from './page-source.js';

export interface StoredPagesOptions {
  digest: Digest; // of the layer
  pageDigests: PageDigests;
  store: ContentStore;
  upstream: PagePartSource; // where pages that are not on disk come from; it keeps them
  log: Log;
}

/**
 * Pages from the disk; those that are not there, or are damaged, from upstream. Reads are synchronous: it is used in
 * worker threads.
 */
export class StoredPages implements PagePartSource {
  readonly #options: StoredPagesOptions;
  readonly #kept: KeptPages;
  #toldDamage = false;

  constructor(options: StoredPagesOptions) {
    this.#options = options;
    this.#kept = new KeptPages(options.store, options.digest);
  }

  async part(
    number: number,
    from: number,
    to: number,
    signal?: AbortSignal,
    lent?: Uint8Array,
  ): Promise<Uint8Array> {
    const { digest, pageDigests, upstream, log } = this.#options;
    // No await on a miss: pages that are asked for together reach upstream together.
    const start = from - (from % PIECE_SIZE);
    const stored = this.#kept.readPartSync(number, start, Math.ceil(to / PIECE_SIZE) * PIECE_SIZE, lent);
    if (stored !== undefined) {
      const whole = stored.length >= to - start && arePieces(stored, number * PAGE_SIZE + start, pageDigests);
      if (whole) return stored.subarray(from - start, to - start);
      if (!this.#toldDamage)
        log.warn(`cache: page ${number} of ${shortDigest(digest)} is damaged, fetching it again`);
      this.#toldDamage = true;
      await this.#kept.remove(number);
    }
    return upstream.part(number, from, to, signal);
  }

  prefetch(first: number, end: number): void {
    const { upstream } = this.#options;
    while (first < end && this.#kept.has(first)) first++;
    while (first < end && this.#kept.has(end - 1)) end--;
    if (first < end) upstream.prefetch(first, end);
  }
}
