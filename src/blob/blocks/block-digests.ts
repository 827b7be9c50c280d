import { createHash, type Hash, hash } from 'node:crypto';
import { type Digest, type DigestAlgorithm, parseDigest } from '../../oci/digest.js';
import { BLOCK_DIGEST_LENGTH, BLOCK_SIZE, type BlockDigests, blockCount } from '../page.js';

function blockDigest(block: Uint8Array): Buffer {
  return hash('sha256', block, 'buffer');
}

/**
 * Whether the bytes are those of the blob at `offset`.
 * @param offset start of a block
 * @param bytes end where a block ends
 */
export function areBlocks(bytes: Uint8Array, offset: number, digests: BlockDigests): boolean {
  let start = (offset / BLOCK_SIZE) * BLOCK_DIGEST_LENGTH;
  for (let at = 0; at < bytes.length; at += BLOCK_SIZE) {
    const digest = digests.subarray(start, start + BLOCK_DIGEST_LENGTH);
    if (!blockDigest(bytes.subarray(at, at + BLOCK_SIZE)).equals(digest)) return false;
    start += BLOCK_DIGEST_LENGTH;
  }
  return true;
}

/**
 * The digest of a blob and the digests of its blocks, in one pass over its bytes, in chunks of any
 * size. Copies nothing. A chunk of whole blocks costs one call a block.
 */
export class BlobHasher {
  readonly #algorithm: DigestAlgorithm;
  readonly #whole: Hash;
  #digests: Uint8Array;
  #blocks = 0; // whose digests are in #digests
  #block: Hash | undefined; // that is not complete
  #blockFilled = 0; // bytes of it
  #size = 0; // bytes of all so far

  readonly #hasBlocks: boolean;

  /**
   * @param expectedSize bytes, to allocate at once; more or fewer may come
   * @param hasBlocks false: only the digest of the whole is wanted
   */
  constructor(algorithm: DigestAlgorithm, expectedSize = 0, hasBlocks = true) {
    this.#hasBlocks = hasBlocks;
    this.#algorithm = algorithm;
    this.#whole = createHash(algorithm);
    this.#digests = new Uint8Array(blockCount(expectedSize) * BLOCK_DIGEST_LENGTH);
  }

  /** Bytes hashed so far. */
  get size(): number {
    return this.#size;
  }

  update(chunk: Uint8Array): void {
    this.#whole.update(chunk);
    this.#size += chunk.length;
    let at = this.#hasBlocks ? 0 : chunk.length;
    while (at < chunk.length) {
      const part = chunk.subarray(at, at + BLOCK_SIZE - this.#blockFilled);
      at += part.length;
      if (part.length === BLOCK_SIZE) {
        this.#add(blockDigest(part));
        continue;
      }
      this.#block ??= createHash('sha256');
      this.#block.update(part);
      this.#blockFilled += part.length;
      if (this.#blockFilled === BLOCK_SIZE) this.#endBlock();
    }
  }

  /** Called once, at the end. */
  finish(): { digest: Digest; blockDigests: BlockDigests } {
    this.#endBlock();
    return {
      digest: parseDigest(`${this.#algorithm}:${this.#whole.digest('hex')}`),
      blockDigests: this.#digests.slice(0, this.#blocks * BLOCK_DIGEST_LENGTH),
    };
  }

  #endBlock(): void {
    if (this.#block) this.#add(this.#block.digest());
    this.#block = undefined;
    this.#blockFilled = 0;
  }

  #add(digest: Uint8Array): void {
    const at = this.#blocks++ * BLOCK_DIGEST_LENGTH;
    if (at === this.#digests.length) {
      const larger = new Uint8Array(2 * at + BLOCK_DIGEST_LENGTH);
      larger.set(this.#digests);
      this.#digests = larger;
    }
    this.#digests.set(digest, at);
  }
}
