import type { ByteLru } from '../cache/byte-lru.js';
import { pageKey } from '../cache/store-layout.js';
import type { Digest } from '../oci/digest.js';
import type { PagePartSource, PageSource } from './page-source.js';

/** Parts of pages that come whole: whoever goes through a page part by part asks for it once. */
export class WholePages implements PagePartSource {
  readonly #pages: PageSource;
  readonly #digest: Digest;
  readonly #recent: ByteLru<string, Uint8Array>;

  /**
   * @param digest of the layer
   * @param recent pages that came lately, by `pageKey`; one for all layers of a thread
   */
  constructor(pages: PageSource, digest: Digest, recent: ByteLru<string, Uint8Array>) {
    this.#pages = pages;
    this.#digest = digest;
    this.#recent = recent;
  }

  async part(number: number, from: number, to: number, signal?: AbortSignal): Promise<Uint8Array> {
    const key = pageKey(this.#digest, number);
    let page = this.#recent.get(key);
    if (!page) {
      // No await before this: pages that are asked for together travel together.
      page = await this.#pages.page(number, signal);
      this.#recent.set(key, page, page.length);
    }
    return page.subarray(from, to);
  }

  prefetch(first: number, end: number): void {
    this.#pages.prefetch(first, end);
  }
}
