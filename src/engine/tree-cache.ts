import { closeSync, fstatSync } from 'node:fs';
import type { ContentStore } from '../cache/content-store.js';
import type { StoredTree } from '../overlay/open-tree.js';

/** Merged trees on disk, unchecked: the caller detects damage. */
export class TreeCache {
  readonly #store: Promise<ContentStore>;
  readonly #writing = new Set<Promise<unknown>>();

  constructor(store: Promise<ContentStore>) {
    this.#store = store;
  }

  /** @param key a cache key that names all that the tree was made of */
  async read(key: string): Promise<Uint8Array | undefined> {
    return (await this.#store).readSync('tree', key);
  }

  /** Opens one, so that another thread can read it. The caller closes it. */
  async open(key: string): Promise<StoredTree | undefined> {
    const fd = (await this.#store).openFd('tree', key);
    return fd === undefined ? undefined : { fd, size: fstatSync(fd).size, close: () => closeSync(fd) };
  }

  /** Returns at once; `close` waits for it. */
  write(key: string, bytes: Uint8Array): void {
    const writing = this.#store.then((store) => store.write('tree', key, bytes));
    this.#writing.add(writing);
    void writing.finally(() => this.#writing.delete(writing));
  }

  async remove(key: string): Promise<void> {
    await (await this.#store).remove('tree', key);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#writing);
  }
}
