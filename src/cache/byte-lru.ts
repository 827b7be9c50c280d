import { LRUCache } from 'lru-cache';

/**
 * A map that keeps what was used last and is bounded by bytes, as the caller counts them. An item larger than the
 * whole cap is not kept (and what its key held before is dropped), so that one giant cannot empty the map.
 */
export class ByteLru<K extends {}, V extends {}> {
  // undefined at cap 0: lru-cache takes a maxSize of 0 for "no limit".
  readonly #items: LRUCache<K, V> | undefined;

  /** @param capBytes 0 keeps nothing */
  constructor(capBytes: number) {
    this.#items = capBytes > 0 ? new LRUCache({ maxSize: Math.floor(capBytes) }) : undefined;
  }

  /** The value, which now counts as used last. */
  get(key: K): V | undefined {
    return this.#items?.get(key);
  }

  /** @param bytes what the value costs, 0 or more */
  set(key: K, value: V, bytes: number): void {
    // lru-cache wants at least 1; a value without bytes still costs its place in the map.
    this.#items?.set(key, value, { size: Math.max(1, Math.ceil(bytes)) });
  }

  delete(key: K): void {
    this.#items?.delete(key);
  }

  clear(): void {
    this.#items?.clear();
  }

  /** How many items are kept. */
  get size(): number {
    return this.#items?.size ?? 0;
  }

  /** Bytes of all that is kept, never more than the cap. */
  get bytes(): number {
    return this.#items?.calculatedSize ?? 0;
  }
}
