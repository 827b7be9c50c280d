import { type FileHandle, open } from 'node:fs/promises';
import { LayerslayerError } from '../base/errors.js';
import type { BlobSource } from './blob-reader.js';
import { checkRange } from './byte-range.js';

/** Bytes of one `stream` chunk: large enough that the turns through the thread pool don't count. */
const CHUNK_LENGTH = 256 * 1024;

/** A blob that lies in a file, or in a part of one: an OCI layout's, a member of a docker-archive. */
export class FileBlob implements BlobSource {
  readonly size: number;
  readonly #path: string;
  readonly #start: number;
  #file: Promise<FileHandle> | undefined;

  /**
   * The file is opened at the first read.
   * @param start byte of the file where the blob begins
   * @param size bytes of the blob, as its descriptor says
   */
  constructor(path: string, start: number, size: number) {
    this.#path = path;
    this.#start = start;
    this.size = size;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size);
    const bytes = Buffer.allocUnsafeSlow(length);
    await this.#fill(bytes, offset);
    return bytes;
  }

  async stream(
    offset: number,
    end: number,
    onChunk: (chunk: Uint8Array) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    checkRange(offset, end - offset, this.size);
    // No Buffer: its `slice` is a view, and who keeps one would see the next chunk.
    const buffer = new Uint8Array(Math.min(CHUNK_LENGTH, end - offset));
    for (let at = offset; at < end; at += CHUNK_LENGTH) {
      signal?.throwIfAborted();
      const chunk = buffer.subarray(0, Math.min(CHUNK_LENGTH, end - at));
      await this.#fill(chunk, at);
      await onChunk(chunk);
    }
  }

  /** Reads under way end first. A later read opens the file again. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.then(
      (opened) => opened.close(),
      () => {},
    );
  }

  async #fill(bytes: Uint8Array, offset: number): Promise<void> {
    const doing = `reading ${this.#path} at ${this.#start + offset}`;
    let filled = 0;
    try {
      const file = await this.#opened();
      while (filled < bytes.length) {
        const { bytesRead } = await file.read(
          bytes,
          filled,
          bytes.length - filled,
          this.#start + offset + filled,
        );
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
    } catch (error) {
      throw new LayerslayerError('IO_FAILED', `${doing}: ${(error as Error).message}`, { cause: error });
    }
    if (filled < bytes.length) {
      throw new LayerslayerError('IO_FAILED', `${doing}: got ${filled} bytes, want ${bytes.length}`);
    }
  }

  #opened(): Promise<FileHandle> {
    // A failed open is forgotten, so that a file that comes later is found.
    this.#file ??= open(this.#path, 'r').catch((error) => {
      this.#file = undefined;
      throw error;
    });
    return this.#file;
  }
}
