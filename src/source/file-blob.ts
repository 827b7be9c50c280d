import type { Blob, FilePart, LocalBytes, OnChunk } from '../blob/blob.js';
import { checkRange } from '../blob/page.js';
import { readFully } from './local-files.js';

/** Bytes of a `stream` chunk: turns through the thread pool cost little. */
const CHUNK_LENGTH = 256 * 1024;

/** A blob in a file or in a part of one: of an OCI layout, or a member of an archive. */
export class FileBlob implements Blob {
  readonly size: number;
  readonly local: LocalBytes;
  readonly #open: () => Promise<FilePart>;
  #part: Promise<FilePart> | undefined;

  /**
   * @param path of the file, or of the archive that it is a part of: for messages
   * @param size bytes of the blob, as its descriptor says
   * @param open called at the first read, and again after it throws. The caller closes the file
   */
  constructor(path: string, size: number, open: () => Promise<FilePart>) {
    this.local = { path, open: () => this.#opened() };
    this.size = size;
    this.#open = open;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size);
    const bytes = Buffer.allocUnsafeSlow(length);
    await this.#fill(bytes, offset);
    return bytes;
  }

  async stream(offset: number, end: number, onChunk: OnChunk, signal?: AbortSignal): Promise<void> {
    checkRange(offset, end - offset, this.size);
    // Not a Buffer: its `slice` is a view, which would show the next chunk.
    const buffer = new Uint8Array(Math.min(CHUNK_LENGTH, end - offset));
    for (let at = offset; at < end; at += CHUNK_LENGTH) {
      signal?.throwIfAborted();
      const chunk = buffer.subarray(0, Math.min(CHUNK_LENGTH, end - at));
      await this.#fill(chunk, at);
      await onChunk(chunk);
    }
  }

  async #fill(bytes: Uint8Array, offset: number): Promise<void> {
    const { file, start } = await this.#opened();
    await readFully(file, bytes, start + offset, `reading ${this.local.path} at ${start + offset}`);
  }

  #opened(): Promise<FilePart> {
    // A failure is not cached: the file may appear later.
    this.#part ??= this.#open().catch((error) => {
      this.#part = undefined;
      throw error;
    });
    return this.#part;
  }
}
