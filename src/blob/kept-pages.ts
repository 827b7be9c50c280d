import type { ContentStore } from '../cache/content-store.js';
import type { ContentWriter } from '../cache/content-writer.js';
import { pageKey, pageRunKey } from '../cache/store-layout.js';
import type { Digest } from '../oci/digest.js';
import { PAGE_SIZE, pageCount } from './page.js';

/**
 * Pages that one file holds when they come as a stream (4 MiB): to make a file takes longer than to write a page, so
 * one file a page would make an index pass three times as long (measured). Small enough to be evicted one by one.
 */
export const RUN_LENGTH = 16;

const runOf = (page: number) => Math.floor(page / RUN_LENGTH);

/**
 * The pages of one layer that are on disk: runs, from index passes, and single ones, fetched since. Nothing that is read
 * here is checked.
 */
export class KeptPages {
  readonly #store: ContentStore;
  readonly #digest: Digest;

  constructor(store: ContentStore, digest: Digest) {
    this.#store = store;
    this.#digest = digest;
  }

  /** @param lent a buffer (PAGE_SIZE or longer) that the page may be put into */
  readSync(page: number, lent?: Uint8Array): Uint8Array | undefined {
    return this.readPartSync(page, 0, PAGE_SIZE, lent);
  }

  /** The bytes `[from, to)` of a page, fewer where what is kept ends. */
  readPartSync(page: number, from: number, to: number, lent?: Uint8Array): Uint8Array | undefined {
    const length = to - from;
    const start = (page % RUN_LENGTH) * PAGE_SIZE; // in its run
    return (
      this.#store.readSync('page', this.#runKey(page), { offset: start + from, length }, lent) ??
      this.#store.readSync('page', this.#key(page), { offset: from, length }, lent)
    );
  }

  /** Whether it is worth while to try: of an interrupted pass's last run only the first pages are there. */
  has(page: number): boolean {
    return this.#store.has('page', this.#runKey(page)) || this.#store.has('page', this.#key(page));
  }

  async write(page: number, bytes: Uint8Array): Promise<void> {
    await this.#store.write('page', this.#key(page), bytes);
  }

  /** Removes the page, wherever it is, and those of its run with it. */
  async remove(page: number): Promise<void> {
    await this.#store.remove('page', this.#runKey(page));
    await this.#store.remove('page', this.#key(page));
  }

  /** @param blobSize bytes of the whole blob */
  async removeAll(blobSize: number): Promise<void> {
    for (let page = 0; page < pageCount(blobSize); page++) {
      if (page % RUN_LENGTH === 0) await this.#store.remove('page', this.#runKey(page));
      await this.#store.remove('page', this.#key(page));
    }
  }

  /** Keeps the pages of a stream, in order, from any page on. */
  stream(blobSize: number): PageRunWriter {
    const begin = (page: number) => {
      const size = Math.min(RUN_LENGTH * PAGE_SIZE, blobSize - page * PAGE_SIZE);
      return this.#store.begin('page', this.#runKey(page), size);
    };
    return new PageRunWriter(this, begin, pageCount(blobSize));
  }

  #key(page: number): string {
    return pageKey(this.#digest, page);
  }

  #runKey(page: number): string {
    return pageRunKey(this.#digest, runOf(page));
  }
}

/** Makes runs of the pages of a stream; those of a run that the stream began inside of are kept singly. */
export class PageRunWriter {
  readonly #pages: KeptPages;
  readonly #begin: (page: number) => Promise<ContentWriter | undefined>;
  readonly #count: number; // pages of the blob
  #run: ContentWriter | undefined;

  constructor(pages: KeptPages, begin: (page: number) => Promise<ContentWriter | undefined>, count: number) {
    this.#pages = pages;
    this.#begin = begin;
    this.#count = count;
  }

  /** The caller does not change `bytes` until this resolves. */
  async add(page: number, bytes: Uint8Array): Promise<void> {
    if (page % RUN_LENGTH === 0) this.#run = await this.#begin(page);
    if (!this.#run) return this.#pages.write(page, bytes);
    await this.#run.append(bytes);
    if (page % RUN_LENGTH !== RUN_LENGTH - 1 && page !== this.#count - 1) return;
    await this.#run.commit();
    this.#run = undefined;
  }

  /** The stream has ended; a run that it ended in is kept as far as it came. */
  async end(): Promise<void> {
    await this.#run?.commit();
    this.#run = undefined;
  }
}
