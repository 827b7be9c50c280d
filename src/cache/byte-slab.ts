import { LRUCache } from 'lru-cache';

/** Slots are allocated this many bytes at a time, as needed. */
const CHUNK_BYTES = 4 * 1024 * 1024;

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
