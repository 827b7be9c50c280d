import type { Log } from '../base/log.js';
import type { ContentStore } from '../cache/content-store.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import { KeptPages } from './kept-pages.js';
import type { PageDigests } from './page.js';
import { isPage } from './page-digest.js';
import type { PageSource } from './page-source.js';

export interface StoredPagesOptions {
  digest: Digest; // of the layer
  pageDigests: PageDigests;
  store: ContentStore;
  upstream: PageSource; // where pages that are not on disk come from; it keeps them
  log: Log;
}

/**
 * Pages from the disk; those that are not there, or are damaged, from upstream. Reads are synchronous: it is used in
 * worker threads.
 */
export class StoredPages implements PageSource {
  readonly #options: StoredPagesOptions;
  readonly #kept: KeptPages;
  #toldDamage = false;

  constructor(options: StoredPagesOptions) {
    this.#options = options;
    this.#kept = new KeptPages(options.store, options.digest);
  }

  async page(number: number, signal?: AbortSignal, lent?: Uint8Array): Promise<Uint8Array> {
    const { digest, pageDigests, upstream, log } = this.#options;
    // No await up to here on a miss: pages that are asked for together reach upstream together.
    const stored = this.#kept.readSync(number, lent);
    if (stored === undefined) return upstream.page(number, signal);
    if (isPage(stored, number, pageDigests)) return stored;
    if (!this.#toldDamage)
      log.warn(`cache: page ${number} of ${shortDigest(digest)} is damaged, fetching it again`);
    this.#toldDamage = true;
    await this.#kept.remove(number);
    return upstream.page(number, signal);
  }

  prefetch(first: number, end: number): void {
    const { upstream } = this.#options;
    while (first < end && this.#kept.has(first)) first++;
    while (first < end && this.#kept.has(end - 1)) end--;
    if (first < end) upstream.prefetch(first, end);
  }
}
