import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LayerslayerError } from '../../base/errors.js';
import { reasonText } from '../../base/system-error-text.js';
import type { ContentSink } from './carve-target.js';

/** Bytes of a file that stays in memory: most files of an image need no disk. */
const MEMORY_MAX = 4 * 1024 * 1024;
/** Bytes per copy. */
const STEP = 256 * 1024;

/**
 * Buffers a file until it is certain to be wanted, for targets that can't take bytes back. Large
 * files use an unnamed temporary file, so no exit leaves it behind.
 */
export class SpooledFile implements ContentSink {
  readonly #memory: Buffer | undefined;
  #fd: number | undefined;

  /**
   * @param size in bytes
   * @throws LayerslayerError IO_FAILED
   */
  constructor(private readonly size: number) {
    if (size <= MEMORY_MAX) this.#memory = Buffer.alloc(size);
    else this.#fd = attempt(() => namelessFile(size));
  }

  /** @throws LayerslayerError IO_FAILED */
  write(bytes: Uint8Array, offset: number): void {
    if (this.#memory) this.#memory.set(bytes, offset);
    else {
      attempt(() => {
        for (let at = 0; at < bytes.length; )
          at += writeSync(this.#fd!, bytes, at, bytes.length - at, offset + at);
      });
    }
  }

  /**
   * Writes the whole file to another sink.
   * @param settled called between writes: waits until the sink has drained
   * @throws LayerslayerError IO_FAILED; the sink's error; the signal's reason
   */
  async copyTo(
    sink: ContentSink,
    settled: () => Promise<void> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const buffer = this.#memory ?? Buffer.allocUnsafe(STEP);
    for (let at = 0; at < this.size; at += STEP) {
      const length = Math.min(STEP, this.size - at);
      if (this.#memory) sink.write(this.#memory.subarray(at, at + length), at);
      else sink.write(buffer.subarray(0, this.#read(buffer, length, at)), at);
      await settled();
      signal.throwIfAborted();
    }
  }

  discard(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #read(buffer: Buffer, length: number, offset: number): number {
    return attempt(() => {
      let filled = 0;
      while (filled < length) {
        const count = readSync(this.#fd!, buffer, filled, length - filled, offset + filled);
        if (count === 0)
          throw new LayerslayerError('IO_FAILED', `${tmpdir()}: a temporary file was truncated`);
        filled += count;
      }
      return filled;
    });
  }
}

/** Preserves holes on disk. */
function namelessFile(size: number): number {
  const directory = mkdtempSync(join(tmpdir(), 'layerslayer-'));
  try {
    const fd = openSync(join(directory, 'content'), 'wx+', 0o600);
    ftruncateSync(fd, size);
    return fd;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function attempt<T>(task: () => T): T {
  try {
    return task();
  } catch (error) {
    if (error instanceof LayerslayerError) throw error;
    const message = `cannot write a temporary file in ${tmpdir()}: ${reasonText(error)}; set TMPDIR to another directory`;
    throw new LayerslayerError('IO_FAILED', message, { cause: error });
  }
}
