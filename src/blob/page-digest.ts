import { hash } from 'node:crypto';
import { PAGE_DIGEST_LENGTH, type PageDigests } from './page.js';

/** What is kept of a page to know it again. */
export function pageDigest(page: Uint8Array): Buffer {
  return hash('sha256', page, 'buffer');
}

/** Whether the bytes are those of page `number`. */
export function isPage(page: Uint8Array, number: number, digests: PageDigests): boolean {
  const start = number * PAGE_DIGEST_LENGTH;
  return pageDigest(page).equals(digests.subarray(start, start + PAGE_DIGEST_LENGTH));
}
