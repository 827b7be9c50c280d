import type { EntryColumns } from './entry-columns.js';
import type { IndexOrigin } from './index-origin.js';

/**
 * A source of one layer's index. `CachedIndexes.find` asks in this order:
 *
 * 1. The cached index of an own pass.
 * 2. Provider by provider: the cached index of one of its origins.
 * 3. Provider by provider: `find`. The last provider is the own pass, which reads the whole blob.
 *    It always has an index, or throws.
 *
 * Providers run while the machine-wide lock of the layer is held, and what they return is cached.
 * A provider whose index is unusable returns undefined and logs a warning, so that the next one is
 * asked. It vouches for its index: it checked the bytes against a digest that the manifest leads
 * to, or made them in a verified pass. `LayerIndex.verification` says how bytes of the layer are
 * verified later.
 */
export interface IndexProvider {
  /**
   * Origins of the indexes that it returns. A provider with a refuted origin is skipped. A provider
   * without origins is the own pass.
   */
  readonly origins: readonly IndexOrigin[];
  /**
   * Returns the layer's index, or undefined if this provider has none.
   * @param compared names of the cached indexes that an own pass should compare with the layer
   * @throws LayerslayerError if asking further providers is no use: ABORTED, DIGEST_MISMATCH,
   *   CORRUPT_LAYER, UNSUPPORTED; from the last one, anything
   */
  find(signal: AbortSignal, compared: readonly string[]): Promise<ProvidedIndex | undefined>;
}

/** An encoded index. */
export interface ProvidedIndex {
  bytes: Uint8Array;
  entries?: EntryColumns | undefined; // its entries, if an observer has them in memory
  origin: IndexOrigin;
  /** What an own pass found of the indexes that it compared. */
  comparisons?: readonly IndexComparison[] | undefined;
}

/** The result of comparing an index of another origin with the layer's bytes. */
export interface IndexComparison {
  name: string; // key of the origin
  difference: string | undefined; // undefined: they agree
}
