import { createHash } from 'node:crypto';
import { type Digest, digestHex } from '../oci/digest.js';
import { HASHED_ZEROS } from './table-limits.js';

const ZEROS = Buffer.alloc(1024 ** 2);

/**
 * Checks digests of holes. The bytes of a hole are never read, so a table that brings the digest of
 * something else contradicts itself.
 */
export class HoleDigests {
  readonly #known = new Map<number, string>(); // hex, by size
  #hashed = 0; // bytes

  /**
   * Returns whether the digest is that of `size` zeros. Also false for more zeros than HASHED_ZEROS
   * in all: a hostile table may have many sizes.
   */
  isOfZeros(digest: Digest, size: number): boolean {
    let hex = this.#known.get(size);
    if (hex === undefined) {
      this.#hashed += size;
      if (this.#hashed > HASHED_ZEROS) return false;
      const hash = createHash('sha256');
      for (let left = size; left > 0; left -= ZEROS.length) {
        hash.update(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
      }
      hex = hash.digest('hex');
      this.#known.set(size, hex);
    }
    return hex === digestHex(digest);
  }
}
