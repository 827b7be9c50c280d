import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Digest } from '../oci/digest.js';
import { type IndexOrigin, OWN, originKey } from './index-origin.js';
import type { StoredIndex, StoredIndexes } from './stored-indexes.js';

/** A layer whose index is wanted before it is known where it may come from. */
export interface PreloadedLayer {
  digest: Digest;
  origin?: IndexOrigin | undefined; // besides our own pass
}

/** Cached indexes that are loaded before they are asked for, by digest and key of the origin. */
export class PreloadedIndexes {
  readonly #indexes = new Map<string, StoredIndex>();
  #loading: Promise<void> = Promise.resolve();
  #closed = false;

  /**
   * Loads the cached indexes of these layers, one a turn of the event loop.
   * @param onMissing one is not cached, or no layer is known
   */
  load(
    stored: Promise<StoredIndexes>,
    layers: Promise<readonly PreloadedLayer[]>,
    onMissing: () => void,
  ): void {
    this.#loading = this.#load(stored, layers, onMissing);
  }

  /** Waits for what is being loaded. */
  async loaded(): Promise<void> {
    await this.#loading;
  }

  /** Returns the index of the first of `origins` that was loaded. */
  get(digest: Digest, origins: readonly IndexOrigin[]): StoredIndex | undefined {
    for (const origin of origins) {
      const found = this.#indexes.get(`${digest}${originKey(origin)}`);
      if (found) return found;
    }
    return undefined;
  }

  /** Drops what nothing has asked for. */
  async clear(): Promise<void> {
    await this.#loading;
    this.#indexes.clear();
  }

  /** Ends loading after the next index. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.clear();
  }

  async #load(
    opening: Promise<StoredIndexes>,
    layers: Promise<readonly PreloadedLayer[]>,
    onMissing: () => void,
  ): Promise<void> {
    const [stored, listed] = await Promise.all([opening, layers]);
    const wanted = new Map(listed.map((layer) => [layer.digest, layer]));
    for (const { digest, origin = OWN } of wanted.values()) {
      if (this.#closed) return;
      const cached = await stored.loadFirst(digest, [OWN, origin]);
      if (!cached) break;
      this.#indexes.set(`${digest}${originKey(cached.origin)}`, cached);
      await nextTurn();
    }
    const isMissing = wanted.size === 0 || this.#indexes.size < wanted.size;
    if (isMissing && !this.#closed) onMissing();
  }
}
