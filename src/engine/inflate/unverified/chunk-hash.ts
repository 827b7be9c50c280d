import { createHash, type Hash } from 'node:crypto';
import type { HashedBytes } from '../../fetch/fetch-protocol.js';

/**
 * Bytes of the chunks that another thread hashes. A shorter one is hashed sooner than that thread
 * answers. A longer one would keep that thread from its other work for more than 4 ms.
 */
const SHORTEST_ASIDE = 1024 * 1024;
const LONGEST_ASIDE = 8 * 1024 * 1024;

/** A chunk of so many bytes is hashed in another thread: the next one can be decoded meanwhile. */
export function isHashedAside(size: number): boolean {
  return size >= SHORTEST_ASIDE && size <= LONGEST_ASIDE;
}

/** Hashes in another thread. The buffer moves there and comes back. */
export type HashAside = (bytes: Uint8Array<ArrayBuffer>) => Promise<HashedBytes>;

/** The SHA-256 of one chunk. */
export class ChunkHash {
  readonly #hash: Hash | undefined; // none if another thread hashes the whole chunk

  /** @param size bytes of the chunk */
  constructor(size: number) {
    this.#hash = isHashedAside(size) ? undefined : createHash('sha256');
  }

  /** Takes the chunk's next bytes. */
  update(bytes: Uint8Array): void {
    this.#hash?.update(bytes);
  }

  /**
   * Returns the digest, once, and the chunk, whose buffer may have moved.
   * @param chunk all bytes that `update` took
   */
  async end(chunk: Uint8Array<ArrayBuffer>, hashAside: HashAside): Promise<HashedBytes> {
    return this.#hash ? { bytes: chunk, digest: this.#hash.digest() } : hashAside(chunk);
  }
}
