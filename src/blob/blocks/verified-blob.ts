import { readSync } from 'node:fs';
import type { BlobReader, LocalRange } from '../blob.js';
import { BLOCK_SIZE, type BlockDigests, checkRange, PAGE_SIZE, pageOf } from '../page.js';
import { areBlocks } from './block-digests.js';

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

/**
 * The bytes of a blob in a local file, read by the thread that needs them: a read through the fetch
 * thread costs half as much CPU again (measured).
 */
export class LocalFileBytes implements NearBytes {
  constructor(private readonly range: LocalRange) {}

  fillSync(bytes: Uint8Array, offset: number): number {
    const { fd, start } = this.range;
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

export interface VerifiedBlobOptions {
  size: number; // bytes of the blob
  blockDigests: BlockDigests;
  near: NearBytes | undefined; // the bytes on this machine
  /** Fetches what is not near. Its bytes are verified; its ranges consist of whole blocks. */
  upstream: Pick<BlobReader, 'read' | 'prefetch'>;
  /** A page on this machine was wrong, and was removed. */
  onDamage(page: number): void;
}

/**
 * A blob whose every block is checked by its digest. Bytes that are not near come in one request.
 */
export class VerifiedBlob implements BlobReader {
  readonly size: number;

  constructor(private readonly options: VerifiedBlobOptions) {
    this.size = options.size;
  }

  /** @param lent used if the range, in whole blocks, fits */
  async read(offset: number, length: number, signal?: AbortSignal, lent?: Uint8Array): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size);
    if (length === 0) return new Uint8Array(0);
    const start = offset - (offset % BLOCK_SIZE);
    const end = Math.min(Math.ceil((offset + length) / BLOCK_SIZE) * BLOCK_SIZE, this.size);
    const { near, upstream } = this.options;
    let bytes: Uint8Array | undefined;
    let from = start; // of what is missing
    let to = end;
    const removals: Promise<void>[] = [];
    if (near) {
      const fits = lent !== undefined && lent.length >= end - start;
      bytes = fits ? lent.subarray(0, end - start) : Buffer.allocUnsafeSlow(end - start);
      while (from < to) {
        const next = Math.min((pageOf(from) + 1) * PAGE_SIZE, to);
        const filled = this.#fill(near, bytes.subarray(from - start, next - start), from, removals);
        from += filled;
        if (from < next) break;
      }
      while (from < to) {
        const first = Math.max(pageOf(to - 1) * PAGE_SIZE, from);
        if (first === from || !near.has(pageOf(first))) break;
        const filled = this.#fill(near, bytes.subarray(first - start, to - start), first, removals);
        if (filled < to - first) break;
        to = first;
      }
    }
    if (from < to) {
      await Promise.all(removals); // or they would remove what upstream writes
      const fetched = await upstream.read(from, to - from, signal);
      if (!bytes || fetched.length === bytes.length) bytes = fetched;
      else bytes.set(fetched, from - start);
    }
    return bytes!.subarray(offset - start, offset - start + length);
  }

  prefetch(offset: number, end: number): void {
    const { near, upstream } = this.options;
    const last = Math.min(end, this.size) - 1;
    // If the end is near, the fetch thread would only find that the rest is too.
    if (last >= offset && !near?.has(pageOf(last))) upstream.prefetch(offset, last + 1);
  }

  /** @returns how many bytes of whole, right blocks are near, from the start */
  #fill(near: NearBytes, bytes: Uint8Array, offset: number, removals: Promise<void>[]): number {
    const filled = near.fillSync(bytes, offset);
    const whole = filled === bytes.length ? filled : filled - (filled % BLOCK_SIZE);
    if (areBlocks(bytes.subarray(0, whole), offset, this.options.blockDigests)) {
      if (whole === filled) return whole;
    }
    const page = pageOf(offset);
    removals.push(near.remove(page));
    this.options.onDamage(page);
    return 0;
  }
}
