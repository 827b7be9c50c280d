import { stat, statfs } from 'node:fs/promises';
import { LayerslayerError } from '../base/errors.js';
import { onDisk } from '../base/on-disk.js';
import { formatSize } from '../base/text/byte-size.js';
import { fsPath } from '../base/text/raw-text.js';

/** Space that a save still needs. */
export interface SpaceClaim {
  wrote(bytes: number): void;
  release(): void;
}

/**
 * Rejects a layer that does not fit before a byte of it is fetched, so that it does not take the
 * space of others. A disk can still become full: other programs write to it too.
 */
export class FreeSpace {
  readonly #claimed = new Map<number, number>(); // device -> bytes that current saves still need

  /**
   * @param directory of the file
   * @param shown the directory in messages
   * @throws LayerslayerError IO_FAILED if there is less space
   */
  async claim(directory: string, bytes: number, shown = directory): Promise<SpaceClaim> {
    const [{ dev }, system] = await onDisk(`checking ${shown}`, () =>
      Promise.all([stat(fsPath(directory)), statfs(fsPath(directory))]),
    );
    const isRoot = process.geteuid?.() === 0;
    const free = system.bsize * (isRoot ? system.bfree : system.bavail);
    // atomic: no await from here on
    const left = free - (this.#claimed.get(dev) ?? 0);
    // Some FUSE file systems report nothing: 0 blocks of 0.
    if (system.blocks > 0 && bytes > left) {
      const [wanted, found] = [formatSize(bytes), formatSize(Math.max(0, left))];
      const message = `no space left: ${wanted} are wanted, ${found} is free on ${shown}`;
      throw new LayerslayerError('IO_FAILED', message);
    }
    let open = bytes;
    const wrote = (count: number) => {
      const part = Math.min(open, count);
      open -= part;
      this.#claimed.set(dev, (this.#claimed.get(dev) ?? 0) - part);
    };
    this.#claimed.set(dev, (this.#claimed.get(dev) ?? 0) + bytes);
    return { wrote, release: () => wrote(open) };
  }
}
