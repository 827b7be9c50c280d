import type { BlobReader } from '../../../blob/blob.js';
import { checkRange, PAGE_SIZE, pageOf } from '../../../blob/page.js';

/** A range of bytes as the fetch thread takes it, see `BlobReadRequest`. */
export interface UnverifiedRange {
  offset: number;
  length: number;
  aheadEnd?: number | undefined;
  fresh?: boolean | undefined;
  once?: boolean | undefined;
}

export interface UnverifiedBlobOptions {
  size: number; // bytes of the blob
  /** The bytes on this machine: pages that came unverified, or the user's file. */
  near: { fillSync(bytes: Uint8Array, offset: number): number; has(page: number): boolean } | undefined;
  upstream: {
    read(range: UnverifiedRange, signal?: AbortSignal): Promise<Uint8Array>;
    prefetch(offset: number, end: number): void;
  };
}

/**
 * A blob whose bytes are not checked here, nor before. The reader checks what it decodes, and asks
 * for fresh bytes if these were wrong.
 */
export class UnverifiedBlob implements BlobReader {
  readonly size: number;
  readonly #options: UnverifiedBlobOptions;

  constructor(options: UnverifiedBlobOptions) {
    this.size = options.size;
    this.#options = options;
  }

  /**
   * See `Blob.read`. What is not near comes in one request.
   * @param lent used if the range fits
   * @param more.aheadEnd the bytes before it are needed soon: they come in the same request
   * @param more.fresh the bytes were wrong up to `aheadEnd`: they are fetched again
   */
  async read(
    offset: number,
    length: number,
    signal?: AbortSignal,
    lent?: Uint8Array,
    { aheadEnd, fresh }: Pick<UnverifiedRange, 'aheadEnd' | 'fresh'> = {},
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size);
    if (length === 0) return new Uint8Array(0);
    const { near, upstream } = this.#options;
    if (!near || fresh) return upstream.read({ offset, length, aheadEnd, fresh }, signal);
    const bytes = lent && lent.length >= length ? lent.subarray(0, length) : Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const at = offset + filled;
      const part = bytes.subarray(filled, filled + Math.min(length - filled, PAGE_SIZE - (at % PAGE_SIZE)));
      const count = near.fillSync(part, at);
      filled += count;
      if (count < part.length) break;
    }
    if (filled === length) return bytes;
    const range = { offset: offset + filled, length: length - filled, aheadEnd };
    const fetched = await upstream.read(range, signal);
    if (filled === 0) return fetched;
    bytes.set(fetched, filled);
    return bytes;
  }

  /**
   * As `read`, for bytes that are needed once: nothing else is fetched, and they are not cached.
   * @param fresh other bytes came before, and were wrong
   */
  async readOnce(offset: number, length: number, signal?: AbortSignal, fresh = false): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size);
    if (length === 0) return new Uint8Array(0);
    return this.#options.upstream.read({ offset, length, once: true, fresh }, signal);
  }

  prefetch(offset: number, end: number): void {
    const { near, upstream } = this.#options;
    const last = Math.min(end, this.size) - 1;
    // If the end is near, the fetch thread would only find that the rest is too.
    if (last >= offset && !near?.has(pageOf(last))) upstream.prefetch(offset, last + 1);
  }
}
