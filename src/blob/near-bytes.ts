import { readSync } from 'node:fs';

/** A blob's bytes on this machine, unchecked. Worker threads read them synchronously. */
export interface NearBytes {
  /**
   * Fills `bytes`, which are inside one page, from the blob's byte `offset` on.
   * @returns how many bytes are there, from the start
   */
  fillSync(bytes: Uint8Array, offset: number): number;
  /** Whether a read of the page is worthwhile. */
  has(page: number): boolean;
  /** Removes a page whose bytes are wrong. */
  remove(page: number): Promise<void>;
}

/** A blob in an open file. Plain data: threads of one process share its descriptors. */
export interface LocalRange {
  fd: number;
  start: number; // byte of the file
}

/**
 * The bytes of a blob in a local file, read by the thread that needs them: a read through the fetch
 * thread costs half as much CPU again (measured).
 */
export class LocalFileBytes implements NearBytes {
  readonly #range: LocalRange;

  constructor(range: LocalRange) {
    this.#range = range;
  }

  fillSync(bytes: Uint8Array, offset: number): number {
    const { fd, start } = this.#range;
    let filled = 0;
    try {
      while (filled < bytes.length) {
        const count = readSync(fd, bytes, filled, bytes.length - filled, start + offset + filled);
        if (count === 0) break;
        filled += count;
      }
    } catch {
      // The fetch thread reads the file too, and its error has a message.
    }
    return filled;
  }

  /** The kernel reads ahead. */
  has(): boolean {
    return true;
  }

  /** The file is the user's. */
  async remove(): Promise<void> {}
}
