import { createHash, type Hash } from 'node:crypto';
import { type Digest, type DigestAlgorithm, parseDigest } from '../oci/digest.js';
import { type PageDigests, PIECE_DIGEST_LENGTH, PIECE_SIZE, pieceCount } from './page.js';
import { pieceDigest } from './page-digest.js';

/**
 * The digest of a blob and the digests of its pages, in one pass over its bytes, in whatever chunks they come; nothing is
 * copied. Fed whole pages it hashes each of their pieces in one call.
 */
export class PageHasher {
  readonly #algorithm: DigestAlgorithm;
  readonly #whole: Hash;
  #digests: Uint8Array;
  #pieces = 0; // whose digests are in #digests
  #piece: Hash | undefined; // that is not complete
  #pieceFilled = 0; // bytes of it
  #size = 0; // bytes of all so far

  /** @param expectedSize bytes, to make room at once; more or fewer may come */
  constructor(algorithm: DigestAlgorithm, expectedSize = 0) {
    this.#algorithm = algorithm;
    this.#whole = createHash(algorithm);
    this.#digests = new Uint8Array(pieceCount(expectedSize) * PIECE_DIGEST_LENGTH);
  }

  /** Bytes hashed so far. */
  get size(): number {
    return this.#size;
  }

  update(chunk: Uint8Array): void {
    this.#whole.update(chunk);
    this.#size += chunk.length;
    let at = 0;
    while (at < chunk.length) {
      const part = chunk.subarray(at, at + PIECE_SIZE - this.#pieceFilled);
      at += part.length;
      if (part.length === PIECE_SIZE) {
        this.#add(pieceDigest(part));
        continue;
      }
      this.#piece ??= createHash('sha256');
      this.#piece.update(part);
      this.#pieceFilled += part.length;
      if (this.#pieceFilled === PIECE_SIZE) this.#endPiece();
    }
  }

  /** Called once, at the end. */
  finish(): { digest: Digest; pageDigests: PageDigests } {
    this.#endPiece();
    return {
      digest: parseDigest(`${this.#algorithm}:${this.#whole.digest('hex')}`),
      pageDigests: this.#digests.slice(0, this.#pieces * PIECE_DIGEST_LENGTH),
    };
  }

  #endPiece(): void {
    if (this.#piece) this.#add(this.#piece.digest());
    this.#piece = undefined;
    this.#pieceFilled = 0;
  }

  #add(digest: Uint8Array): void {
    const at = this.#pieces++ * PIECE_DIGEST_LENGTH;
    if (at === this.#digests.length) {
      const larger = new Uint8Array(2 * at + PIECE_DIGEST_LENGTH);
      larger.set(this.#digests);
      this.#digests = larger;
    }
    this.#digests.set(digest, at);
  }
}
