/**
 * Compressed bytes are kept, fetched and checked in pages of this size (bytes), the last one shorter: the digest of every
 * page costs 0.01 % of the layer, and a random read of one span needs two or three of them.
 */
export const PAGE_SIZE = 256 * 1024;

/** Bytes of a page's digest, which is always SHA-256. */
export const PAGE_DIGEST_LENGTH = 32;

/** The digests of all pages of a blob, one after the other, PAGE_DIGEST_LENGTH bytes each. */
export type PageDigests = Uint8Array;

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
