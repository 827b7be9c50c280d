import { LRUCache } from 'lru-cache';

/**
 * An LRU cache bounded by bytes, as the caller counts them. An item larger than the whole cap is
 * not cached, so that one large item cannot empty the cache. The earlier value of its key is
 * dropped all the same.
 */
export class ByteLru<K extends {}, V extends {}> {
  // undefined at cap 0: lru-cache takes a maxSize of 0 for "no limit".
  readonly #items: LRUCache<K, V> | undefined;

  /** @param capBytes 0 caches nothing */
  constructor(capBytes: number) {
    this.#items = capBytes > 0 ? new LRUCache({ maxSize: Math.floor(capBytes) }) : undefined;
  }

  /** Returns the value, which becomes the most recently used. */
  get(key: K): V | undefined {
    return this.#items?.get(key);
  }

  /** @param bytes size of the value, 0 or more */
  set(key: K, value: V, bytes: number): void {
    // lru-cache requires at least 1. A value without bytes still takes an entry.
    this.#items?.set(key, value, { size: Math.max(1, Math.ceil(bytes)) });
  }

  delete(key: K): void {
    this.#items?.delete(key);
  }

  /** Bytes of all cached items, never more than the cap. */
  get bytes(): number {
    return this.#items?.calculatedSize ?? 0;
  }
}
