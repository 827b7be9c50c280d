import type { ContentStore, ContentWriter } from '../../cache/content-store.js';
import type { Digest } from '../../oci/digest.js';
import { BLOCK_SIZE, PAGE_SIZE, pageCount, pageOf } from '../page.js';
import type { NearBytes } from './verified-blob.js';

/**
 * Pages in one file when they come as a stream (4 MiB). To make a file takes longer than to write a
 * page: one file a page would triple the time of an index pass (measured). Small enough to evict
 * one by one.
 */
export const RUN_LENGTH = 16;

/** Key of a page of compressed bytes: all pages of a layer share a folder. */
export function pageKey(digest: string, page: number): string {
  return `${digest}/${page}`;
}

/** Key of the run of pages that a page is in. Keys of runs and of pages never collide. */
export function pageRunKey(digest: string, page: number): string {
  return `${digest}/r${Math.floor(page / RUN_LENGTH)}`;
}

/** Key of a block of compressed bytes that came without the rest of its page. */
export function blockKey(digest: string, block: number): string {
  return `${digest}/b${block}`;
}

/**
 * Folder of a blob's pages that were not checked by digests of blocks: their readers check what
 * they decode. Verified pages are in the folder that is named by the digest.
 */
export function unverifiedFolder(digest: Digest): string {
  return `${digest}.unverified`;
}

/**
 * The bytes of one layer in the cache: runs of pages, from index passes; single pages and single
 * blocks, fetched since. Nothing that is read here is checked.
 */
export class CachedPages implements NearBytes {
  /** @param folder the blob's digest, or its `unverifiedFolder` */
  constructor(
    private readonly store: ContentStore,
    private readonly folder: string,
  ) {}

  /** Reads from a run or a page, else block by block. */
  fillSync(bytes: Uint8Array, offset: number): number {
    const page = pageOf(offset);
    const from = offset % PAGE_SIZE;
    const { length } = bytes;
    const start = (page % RUN_LENGTH) * PAGE_SIZE; // in its run
    const found =
      this.store.readSync('page', pageRunKey(this.folder, page), { offset: start + from, length }, bytes) ??
      this.store.readSync('page', pageKey(this.folder, page), { offset: from, length }, bytes);
    if (found) return found.length;
    let filled = 0;
    while (filled < length) {
      const at = offset + filled;
      const part = bytes.subarray(filled, filled + BLOCK_SIZE - (at % BLOCK_SIZE));
      const range = { offset: at % BLOCK_SIZE, length: part.length };
      const read = this.store.readSync('page', this.#blockKey(at), range, part)?.length ?? 0;
      filled += read;
      if (read < part.length) break;
    }
    return filled;
  }

  /**
   * Whether a read is worthwhile. Of an interrupted pass's last run only the first pages are there.
   */
  has(page: number): boolean {
    return (
      this.store.has('page', pageRunKey(this.folder, page)) ||
      this.store.has('page', pageKey(this.folder, page))
    );
  }

  /** Returns the blocks that are not on disk. @param blocks in order */
  missing(blocks: readonly number[]): number[] {
    let last = -1; // page
    let hasLast = false;
    return blocks.filter((block) => {
      const offset = block * BLOCK_SIZE;
      const page = pageOf(offset);
      if (page !== last) hasLast = this.has(page);
      last = page;
      return !hasLast && !this.store.has('page', this.#blockKey(offset));
    });
  }

  /** Pages on disk, by file names. Of an interrupted run only the first ones are there. */
  pagesOnDisk(blobSize: number): Set<number> {
    const pages = new Set<number>();
    for (const name of this.store.namesSync('page', this.folder)) {
      const run = name.startsWith('r');
      const number = Number(name.slice(run ? 1 : 0));
      for (let i = 0; i < (run ? RUN_LENGTH : 1); i++) pages.add(number * (run ? RUN_LENGTH : 1) + i);
    }
    for (const page of pages) if (!(page < pageCount(blobSize))) pages.delete(page);
    return pages;
  }

  /** Takes a page that could not be read, and those after it in its run, out of `pages`. */
  forgetRun(page: number, pages: Set<number>): void {
    do pages.delete(page);
    while (++page % RUN_LENGTH !== 0);
  }

  async write(page: number, bytes: Uint8Array): Promise<void> {
    await this.store.write('page', pageKey(this.folder, page), bytes);
  }

  /** Writes the bytes of a block; `offset` is its start. */
  async writeBlock(offset: number, bytes: Uint8Array): Promise<void> {
    await this.store.write('page', this.#blockKey(offset), bytes);
  }

  /** Removes the page, and the others of its run with it. */
  async remove(page: number): Promise<void> {
    await this.store.remove('page', pageRunKey(this.folder, page));
    await this.store.remove('page', pageKey(this.folder, page));
    for (let at = page * PAGE_SIZE; at < (page + 1) * PAGE_SIZE; at += BLOCK_SIZE) {
      await this.store.remove('page', this.#blockKey(at));
    }
  }

  /** @param blobSize bytes of the whole blob */
  async removeAll(blobSize: number): Promise<void> {
    for (let page = 0; page < pageCount(blobSize); page++) await this.remove(page);
  }

  /** Begins the run of pages that `page` is the first of. */
  beginRun(page: number, blobSize: number): Promise<ContentWriter | undefined> {
    const size = Math.min(RUN_LENGTH * PAGE_SIZE, blobSize - page * PAGE_SIZE);
    return this.store.begin('page', pageRunKey(this.folder, page), size);
  }

  #blockKey(offset: number): string {
    return blockKey(this.folder, Math.floor(offset / BLOCK_SIZE));
  }
}

/** Writes the pages of a stream in order: as runs, or single before the first run begins. */
export class PageRunWriter {
  #run: ContentWriter | undefined;

  constructor(
    private readonly pages: CachedPages,
    private readonly blobSize: number,
  ) {}

  /** The caller does not change `bytes` until this resolves. */
  async add(page: number, bytes: Uint8Array): Promise<void> {
    if (page % RUN_LENGTH === 0) this.#run = await this.pages.beginRun(page, this.blobSize);
    if (!this.#run) return this.pages.write(page, bytes);
    await this.#run.append(bytes);
    if (page % RUN_LENGTH !== RUN_LENGTH - 1 && page !== pageCount(this.blobSize) - 1) return;
    await this.end();
  }

  /** The stream has ended; a run that it ended in is written as far as it came. */
  async end(): Promise<void> {
    await this.#run?.commit();
    this.#run = undefined;
  }
}
