import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LayerslayerError } from '../../base/errors.js';
import { reasonText } from '../../base/system-error-text.js';
import { SpooledFile, type SpoolStorage } from './spooled-file.js';

/** Bytes of a file that stays in memory: most files of an image need no disk. */
const FILE_MEMORY_MAX = 4 * 1024 * 1024;

/** Bytes of all files in memory. */
const MEMORY_MAX = 16 * 1024 * 1024;

/**
 * Buffers files for targets that can't take bytes back. Large ones, and what is too much for
 * memory, share an unnamed temporary file: no exit leaves it behind, and a thousand files need one
 * descriptor.
 */
export class Spool {
  #memoryBytes = 0; // in use
  #fd: number | undefined;
  #end = 0; // of the temporary file
  #buffer: Buffer | undefined; // for what is read of it

  /**
   * @param size in bytes
   * @throws LayerslayerError IO_FAILED
   */
  file(size: number): SpooledFile {
    const isSmall = size <= FILE_MEMORY_MAX && this.#memoryBytes + size <= MEMORY_MAX;
    return new SpooledFile(size, isSmall ? this.#inMemory(size) : attempt(() => this.#onDisk(size)));
  }

  /** Ends the use of all its files. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #inMemory(size: number): SpoolStorage {
    const bytes = Buffer.alloc(size);
    this.#memoryBytes += size;
    return {
      write: (part, offset) => bytes.set(part, offset),
      read: (offset, length) => bytes.subarray(offset, offset + length),
      release: () => {
        this.#memoryBytes -= size;
      },
    };
  }

  #onDisk(size: number): SpoolStorage {
    this.#fd ??= namelessFile();
    const fd = this.#fd;
    const start = this.#end;
    const end = start + size;
    ftruncateSync(fd, end); // holes take no room
    this.#end = end;
    return {
      write: (part, offset) =>
        attempt(() => {
          for (let at = 0; at < part.length; )
            at += writeSync(fd, part, at, part.length - at, start + offset + at);
        }),
      read: (offset, length) => attempt(() => this.#read(fd, start + offset, length)),
      release: () => {
        if (this.#fd === undefined || this.#end !== end) return;
        // Frees the room, and makes zeros of what the next file does not write.
        attempt(() => ftruncateSync(fd, start));
        this.#end = start;
      },
    };
  }

  #read(fd: number, position: number, length: number): Uint8Array {
    if (!this.#buffer || this.#buffer.length < length) this.#buffer = Buffer.allocUnsafe(length);
    for (let filled = 0; filled < length; ) {
      const count = readSync(fd, this.#buffer, filled, length - filled, position + filled);
      if (count === 0) throw new LayerslayerError('IO_FAILED', `${tmpdir()}: a temporary file was truncated`);
      filled += count;
    }
    return this.#buffer.subarray(0, length);
  }
}

function namelessFile(): number {
  const directory = mkdtempSync(join(tmpdir(), 'layerslayer-'));
  try {
    return openSync(join(directory, 'content'), 'wx+', 0o600);
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
