import type { Blob, OnChunk } from '#src/blob/blob.js';
import { checkRange } from '#src/blob/page.js';

/** Bytes of one `stream` chunk: about what a network hands out. */
const CHUNK_LENGTH = 64 * 1024;

/** A blob in memory. */
export class MemoryBlob implements Blob {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size);
    return this.#bytes.subarray(offset, offset + length);
  }

  async stream(offset: number, end: number, onChunk: OnChunk, signal?: AbortSignal): Promise<void> {
    checkRange(offset, end - offset, this.size);
    for (let at = offset; at < end; at += CHUNK_LENGTH) {
      signal?.throwIfAborted();
      await onChunk(this.#bytes.subarray(at, Math.min(at + CHUNK_LENGTH, end)));
    }
  }
}
