import { createHash, hash } from 'node:crypto';
import { type Digest, parseDigest } from '#src/oci/digest.js';

export const PAGE = 256 * 1024;
export const BLOCK = 64 * 1024;

/** Bytes that look random, the same for the same seed; no two pages are alike. */
export function noise(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function digestOf(bytes: Uint8Array, algorithm = 'sha256'): Digest {
  return parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`);
}

/** The oracle of BlobHasher: slices, hashed one by one. */
export function blockDigestsOf(bytes: Uint8Array): Uint8Array {
  const digests: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK) {
    digests.push(hash('sha256', bytes.subarray(at, at + BLOCK), 'buffer'));
  }
  return Buffer.concat(digests);
}

export function pageOf(bytes: Uint8Array, number: number): Uint8Array {
  return bytes.subarray(number * PAGE, (number + 1) * PAGE);
}

/** Whether two byte arrays are the same: `toEqual` takes seconds for megabytes. */
export function same(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

/** A cached page, or what is there of it. */
export function cachedPage(
  cached: { fillSync(bytes: Uint8Array, offset: number): number },
  page: number,
  lent: Uint8Array = new Uint8Array(PAGE),
): Uint8Array | undefined {
  const read = cached.fillSync(lent.subarray(0, PAGE), page * PAGE);
  return read > 0 ? lent.subarray(0, read) : undefined;
}
