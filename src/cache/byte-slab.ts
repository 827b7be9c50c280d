import { LRUCache } from 'lru-cache';

/** Slots are made this many bytes at a time, as they are needed. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * What was used last, in slots of one size: contents are copied in, and a slot that is given up is used again. Caching
 * buffers themselves would leave each evicted one to the garbage collector, which lets tens of MiB pile up before it
 * looks (measured: 128 MiB for a cap of 64).
 */
export class ByteSlab {
  readonly #slotSize: number;
  readonly #slotsAChunk: number;
  readonly #slots: Uint8Array[] = []; // in order, those of a chunk side by side
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

  /** Whether `get` would find it; that does not count as a use. */
  has(key: number): boolean {
    return this.#kept.has(key);
  }

  /** The content: a view of its slot, valid until the next `set`. */
  get(key: number): Uint8Array | undefined {
    return this.#kept.get(key);
  }

  /** Copies the content in. */
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
    let first = 0; // slot of the chunk
    while (this.#slots[first]!.buffer !== view.buffer) first += this.#slotsAChunk;
    return first + view.byteOffset / this.#slotSize;
  }
}
