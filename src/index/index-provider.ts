import type { EncodedLayerIndex } from './index-file.js';

/**
 * A source of one layer's index. `CachedIndexes.find` returns the index of the first provider that
 * has one, in this order:
 *
 * 1. cached: on this machine's disk (`CachedIndexes` itself).
 * 2. published: an artifact in the registry that refers to the image. (Not yet.)
 * 3. table of contents: in the layer itself, as eStargz and zstd:chunked have it. (Not yet.)
 * 4. own pass: reads the whole blob. It always has an index, or throws.
 *
 * Providers 2 to 4 run while the machine-wide lock of the layer is held, and what they return is
 * cached. A provider whose index turns out unusable (another version, a digest that does not match)
 * returns undefined and logs a warning, so that the next one is asked. It vouches for its index: it
 * checked the bytes against a digest that the manifest leads to, or made them in a verified pass.
 * The index says how bytes of the layer are verified later (`LayerIndex.verification`).
 */
export interface IndexProvider {
  /**
   * Returns the layer's index, or undefined if this provider has none.
   * @throws LayerslayerError if asking further providers is no use: ABORTED, DIGEST_MISMATCH,
   *   CORRUPT_LAYER, UNSUPPORTED; from the last one, anything
   */
  find(signal: AbortSignal): Promise<FoundIndex | undefined>;
}

/** An encoded index, decoded too if it was made in this thread. */
export type FoundIndex = Pick<EncodedLayerIndex, 'bytes'> & Partial<EncodedLayerIndex>;
