import { hash, randomInt } from 'node:crypto';
import { LayerslayerError } from '../../base/errors.js';
import { BLOCK_DIGEST_LENGTH, BLOCK_SIZE, blockCount } from '../../blob/page.js';
import type { CachedIndex } from '../../index/cached-indexes.js';
import { type Digest, shortDigest } from '../../oci/digest.js';
import { registryReference } from '../../oci/image-location.js';
import { formatRepository } from '../../oci/reference.js';
import type { ResolvedImage } from '../../source/image-source.js';
import type { WantedBlob } from '../blobs/wanted-blobs.js';
import type { Fetching } from '../fetch/fetching.js';

/**
 * Proofs that a repository has a layer whose index is cached. The cache knows layers by digest
 * alone, whatever credentials they were read with. A client that knows the digest of a private
 * layer can name it in a manifest of its own. The registry of that manifest may claim to have the
 * layer, but it can't deliver a block of it, chosen at random.
 */
export class AccessProofs {
  readonly #proven = new Set<string>(); // repository and digest

  constructor(private readonly fetching: Fetching) {}

  /** Returns whether the proof was made. Images on this machine need none: a path was allowed. */
  has({ reference }: ResolvedImage, digest: Digest): boolean {
    const inRegistry = registryReference(reference);
    return !inRegistry || this.#proven.has(`${formatRepository(inRegistry)} ${digest}`);
  }

  /** The bytes of the layer came from the image's repository, and had its digest. */
  add({ reference }: ResolvedImage, digest: Digest): void {
    const inRegistry = registryReference(reference);
    if (inRegistry) this.#proven.add(`${formatRepository(inRegistry)} ${digest}`);
  }

  /**
   * Reads one block of the layer from the image's repository. The layer's blob is open.
   * @throws LayerslayerError DIGEST_MISMATCH if it is another one; UNAUTHORIZED, NOT_FOUND, network
   *   codes
   */
  async prove(
    image: ResolvedImage,
    { digest, size }: WantedBlob,
    { index, origin }: CachedIndex,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.has(image, digest)) return;
    const { verification } = index;
    if (verification.kind !== 'blocks') throw new LayerslayerError('INTERNAL', 'an index without blocks');
    const block = randomInt(Math.max(1, blockCount(size)));
    const offset = block * BLOCK_SIZE;
    const length = Math.min(BLOCK_SIZE, size - offset);
    const bytes = await this.fetching.readRaw(image, digest, { offset, length }, signal);
    const at = block * BLOCK_DIGEST_LENGTH;
    const wanted = Buffer.from(verification.digests.subarray(at, at + BLOCK_DIGEST_LENGTH));
    if (length > 0 && !wanted.equals(hash('sha256', bytes, 'buffer'))) {
      const message = `${shortDigest(digest)}: its registry delivers other bytes at ${offset}`;
      throw new LayerslayerError('DIGEST_MISMATCH', message);
    }
    // What others publish is no proof: its digests may be theirs.
    if (origin.kind === 'own') this.add(image, digest);
  }
}
