import { stat, statfs } from 'node:fs/promises';
import { LayerslayerError } from '../base/errors.js';
import { onDisk } from '../base/on-disk.js';
import { fsPath } from '../base/raw-text.js';

/** Space that a save will still need. */
export interface SpaceClaim {
  wrote(bytes: number): void;
  release(): void;
}

/**
 * Sees to it that a layer that does not fit fails before a byte of it is fetched, and does not take the room of those that
 * fit. A disk can become full all the same: others write to it too.
 */
export class FreeSpace {
  readonly #claimed = new Map<number, number>(); // device -> bytes that saves under way still need

  /**
   * @param directory where it is written
   * @throws LayerslayerError IO_FAILED when there is less room
   */
  async claim(directory: string, bytes: number): Promise<SpaceClaim> {
    const [{ dev }, system] = await onDisk(`looking at ${directory}`, () =>
      Promise.all([stat(fsPath(directory)), statfs(fsPath(directory))]),
    );
    const isRoot = process.geteuid?.() === 0;
    const free = system.bsize * (isRoot ? system.bfree : system.bavail);
    // atomic: no await from here on
    const left = free - (this.#claimed.get(dev) ?? 0);
    // Some file systems that are programs tell nothing: 0 blocks of 0.
    if (system.blocks > 0 && bytes > left) {
      const message = `${directory}: ${bytes} bytes are wanted, ${Math.max(0, left)} are free`;
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
