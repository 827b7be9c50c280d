import { hash } from 'node:crypto';
import { PAGE_SIZE, type PageDigests, PIECE_DIGEST_LENGTH, PIECE_SIZE } from './page.js';

/** What is kept of a piece to know it again. */
export function pieceDigest(piece: Uint8Array): Buffer {
  return hash('sha256', piece, 'buffer');
}

/** Whether the bytes are those of the blob at `offset`, which is where a piece begins; they end where one ends. */
export function arePieces(bytes: Uint8Array, offset: number, digests: PageDigests): boolean {
  let start = (offset / PIECE_SIZE) * PIECE_DIGEST_LENGTH;
  for (let at = 0; at < bytes.length; at += PIECE_SIZE) {
    const digest = digests.subarray(start, start + PIECE_DIGEST_LENGTH);
    if (!pieceDigest(bytes.subarray(at, at + PIECE_SIZE)).equals(digest)) return false;
    start += PIECE_DIGEST_LENGTH;
  }
  return true;
}

/** Whether the bytes are those of page `number`, whole. */
export function isPage(page: Uint8Array, number: number, digests: PageDigests): boolean {
  return arePieces(page, number * PAGE_SIZE, digests);
}
