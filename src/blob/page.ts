import { LayerslayerError } from '../base/errors.js';

/** Compressed bytes are cached in pages of this size (bytes), the last one shorter. */
export const PAGE_SIZE = 256 * 1024;

/**
 * Compressed bytes are fetched and checked in blocks of this size (bytes), four to a page. A random read
 * needs half of a span, so larger blocks would bring bytes that nobody asked for. Digests cost 0.05 % of
 * the layer.
 */
export const BLOCK_SIZE = 64 * 1024;

/** Bytes of a block's digest, which is always SHA-256. */
export const BLOCK_DIGEST_LENGTH = 32;

/** The digests of all blocks of a blob, one after the other, BLOCK_DIGEST_LENGTH bytes each. */
export type BlockDigests = Uint8Array;

export function blockCount(blobSize: number): number {
  return Math.ceil(blobSize / BLOCK_SIZE);
}

export function pageCount(blobSize: number): number {
  return Math.ceil(blobSize / PAGE_SIZE);
}

/** The page in which a byte lies. */
export function pageOf(offset: number): number {
  return Math.floor(offset / PAGE_SIZE);
}

/** Bytes of the page `number`, 0 to pageCount - 1. */
export function pageLength(number: number, blobSize: number): number {
  return Math.min(PAGE_SIZE, blobSize - number * PAGE_SIZE);
}

/** @throws LayerslayerError INVALID_ARGUMENT unless `[offset, offset + length)` lies inside `size` bytes */
export function checkRange(offset: number, length: number, size: number): void {
  // Not `offset + length > size`: past 2^53 the sum rounds.
  if (offset >= 0 && length >= 0 && offset <= size && length <= size - offset) return;
  throw new LayerslayerError('INVALID_ARGUMENT', `${length} bytes at ${offset} are not inside ${size}`);
}
