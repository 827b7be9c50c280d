/** Compressed bytes are kept and fetched in pages of this size (bytes), the last one shorter. */
export const PAGE_SIZE = 256 * 1024;

/**
 * A page's digest is the digests of its pieces, four of this size (bytes) or fewer: a random read needs half of a span, and
 * looks at no more of the pages on disk than that. Digests cost 0.05 % of the layer.
 */
export const PIECE_SIZE = 64 * 1024;

/** Bytes of a piece's digest, which is always SHA-256. */
export const PIECE_DIGEST_LENGTH = 32;

/** The digests of all pieces of a blob, one after the other, PIECE_DIGEST_LENGTH bytes each. */
export type PageDigests = Uint8Array;

export function pieceCount(blobSize: number): number {
  return Math.ceil(blobSize / PIECE_SIZE);
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
