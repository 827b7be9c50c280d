import type { Blob, LocalBytes, OnChunk } from './blob.js';
import { type FilePart, readFully } from './file-part.js';
import { checkRange } from './page.js';

/** Bytes of one `stream` chunk: large enough that the turns through the thread pool don't count. */
const CHUNK_LENGTH = 256 * 1024;

/**
 * A blob that lies in a file, or in a part of one: an OCI layout's, a member of a docker-archive.
 */
export class FileBlob implements Blob {
  readonly size: number;
  readonly local: LocalBytes;
  readonly #open: () => Promise<FilePart>;
  #part: Promise<FilePart> | undefined;

  /**
   * @param path of the file, or of the archive that it is a part of: for messages
   * @param size bytes of the blob, as its descriptor says
   * @param open called at the first read. If it throws, the read throws, and the next read calls
   *   it again. It owns the file
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
    // No Buffer: its `slice` is a view, which would show the next chunk later.
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
    // A failed open is forgotten, so that a file that comes later is found.
    this.#part ??= this.#open().catch((error) => {
      this.#part = undefined;
      throw error;
    });
    return this.#part;
  }
}
