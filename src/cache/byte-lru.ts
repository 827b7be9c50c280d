import { LRUCache } from 'lru-cache';

/** Slots of a `ByteSlab` are allocated this many bytes at a time, as needed. */
const CHUNK_BYTES = 4 * 1024 * 1024;

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

/**
 * An LRU cache that copies contents into slots of one size, and uses evicted slots again. If it
 * cached buffers themselves, the garbage collector would let tens of MiB of evicted ones accumulate
 * (measured: 128 MiB for a cap of 64).
 */
export class ByteSlab {
  readonly #slotSize: number;
  readonly #slotsAChunk: number;
  readonly #slots: Uint8Array[] = []; // in order, those of one allocation side by side
  readonly #free: number[] = [];
  readonly #kept: LRUCache<number, Uint8Array>;

  /**
   * @param capBytes of all slots; there is always one
   * @param slotSize bytes, the longest content
   */
  constructor(capBytes: number, slotSize: number) {
    const slots = Math.max(1, Math.floor(capBytes / slotSize));
    this.#slotSize = slotSize;
    this.#slotsAChunk = Math.max(1, Math.min(slots, Math.floor(CHUNK_BYTES / slotSize)));
    this.#kept = new LRUCache({
      max: slots,
      dispose: (view) => this.#free.push(this.#slotOf(view)),
    });
  }

  /** Returns whether the key is cached. Does not count as a use. */
  has(key: number): boolean {
    return this.#kept.has(key);
  }

  /** Returns the content: a view of its slot, valid until the next `set`. */
  get(key: number): Uint8Array | undefined {
    return this.#kept.get(key);
  }

  /** Copies the content into a slot. */
  set(key: number, content: Uint8Array): void {
    if (this.#kept.has(key)) this.#kept.delete(key);
    else if (this.#kept.size === this.#kept.max) this.#kept.pop();
    const slot = this.#slots[this.#free.pop() ?? this.#grow()]!;
    const view = content.length === slot.length ? slot : slot.subarray(0, content.length);
    view.set(content);
    this.#kept.set(key, view);
  }

  #grow(): number {
    const first = this.#slots.length;
    const chunk = new Uint8Array(this.#slotsAChunk * this.#slotSize);
    for (let start = 0; start < chunk.length; start += this.#slotSize) {
      this.#slots.push(chunk.subarray(start, start + this.#slotSize));
    }
    for (let slot = this.#slots.length - 1; slot > first; slot--) this.#free.push(slot);
    return first;
  }

  #slotOf(view: Uint8Array): number {
    let first = 0; // slot of the allocation
    while (this.#slots[first]!.buffer !== view.buffer) first += this.#slotsAChunk;
    return first + view.byteOffset / this.#slotSize;
  }
}
