import { join } from 'node:path';
import { LayerslayerError } from '../base/errors.js';
import type { LocalFile, LocalFiles } from './local-files.js';
import { openRegularFile } from './local-files.js';

/**
 * The files of a directory. Each is opened once and stays open, so later changes of its name don't
 * affect a mount that reads it.
 */
export class DirectoryFiles implements LocalFiles {
  readonly #files = new Map<string, Promise<LocalFile | undefined>>();

  /** @param within see `openRegularFile` */
  constructor(
    readonly path: string,
    private readonly within?: readonly string[],
  ) {}

  find(name: string): Promise<LocalFile | undefined> {
    let file = this.#files.get(name);
    if (!file) {
      file = this.#open(name);
      this.#files.set(name, file);
      // Not cached: what is missing now may come later.
      const forget = () => this.#files.delete(name);
      file.then((found) => found ?? forget(), forget);
    }
    return file;
  }

  async close(): Promise<void> {
    const files = await Promise.allSettled(this.#files.values());
    this.#files.clear();
    for (const file of files) if (file.status === 'fulfilled') await file.value?.file.close();
  }

  async #open(name: string): Promise<LocalFile | undefined> {
    try {
      return { ...(await openRegularFile(join(this.path, name), this.within)), start: 0 };
    } catch (error) {
      if (error instanceof LayerslayerError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }
}
