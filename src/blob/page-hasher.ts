import { createHash, type Hash } from 'node:crypto';
import { type Digest, type DigestAlgorithm, parseDigest } from '../oci/digest.js';
import { PAGE_DIGEST_LENGTH, PAGE_SIZE, type PageDigests, pageCount } from './page.js';
import { pageDigest } from './page-digest.js';

/**
 * The digest of a blob and the digests of its pages, in one pass over its bytes, in whatever chunks they come; nothing is
 * copied. Fed whole pages it hashes each in one call.
 */
export class PageHasher {
  readonly #algorithm: DigestAlgorithm;
  readonly #whole: Hash;
  #digests: Uint8Array;
  #pages = 0; // whose digests are in #digests
  #page: Hash | undefined; // of the page that is not complete
  #pageFilled = 0; // bytes of it
  #size = 0; // bytes of all so far

  /** @param expectedSize bytes, to make room at once; more or fewer may come */
  constructor(algorithm: DigestAlgorithm, expectedSize = 0) {
    this.#algorithm = algorithm;
    this.#whole = createHash(algorithm);
    this.#digests = new Uint8Array(pageCount(expectedSize) * PAGE_DIGEST_LENGTH);
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
      const part = chunk.subarray(at, at + PAGE_SIZE - this.#pageFilled);
      at += part.length;
      if (part.length === PAGE_SIZE) {
        this.#add(pageDigest(part));
        continue;
      }
      this.#page ??= createHash('sha256');
      this.#page.update(part);
      this.#pageFilled += part.length;
      if (this.#pageFilled === PAGE_SIZE) this.#endPage();
    }
  }

  /** Called once, at the end. */
  finish(): { digest: Digest; pageDigests: PageDigests } {
    this.#endPage();
    return {
      digest: parseDigest(`${this.#algorithm}:${this.#whole.digest('hex')}`),
      pageDigests: this.#digests.slice(0, this.#pages * PAGE_DIGEST_LENGTH),
    };
  }

  #endPage(): void {
    if (this.#page) this.#add(this.#page.digest());
    this.#page = undefined;
    this.#pageFilled = 0;
  }

  #add(digest: Uint8Array): void {
    const at = this.#pages++ * PAGE_DIGEST_LENGTH;
    if (at === this.#digests.length) {
      const larger = new Uint8Array(2 * at + PAGE_DIGEST_LENGTH);
      larger.set(this.#digests);
      this.#digests = larger;
    }
    this.#digests.set(digest, at);
  }
}
