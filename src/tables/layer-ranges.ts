import type { Blob } from '../blob/blob.js';
import { formatOf, MAGIC_LENGTH } from '../codec/codecs.js';
import { corruptTable } from './table-fault.js';
import { PART_SIZE } from './table-limits.js';

/** What a table is read from. */
export type TableSource = Pick<Blob, 'size' | 'read'>;

/** Reads a layer in parts, and holds one range that was read in advance. */
export class LayerRanges {
  #heldOffset = 0;
  #held: Uint8Array = new Uint8Array(0);

  constructor(
    readonly layer: TableSource,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** @throws LayerslayerError CORRUPT_LAYER if the layer's first bytes are of another format */
  async expect(format: string): Promise<void> {
    const head = await this.layer.read(0, Math.min(MAGIC_LENGTH, this.layer.size), this.signal);
    const { name } = formatOf(head);
    if (name !== format) throw corruptTable(`it announces ${format}, the layer is ${name}`);
  }

  /** Reads a range, which later reads use. */
  async hold(offset: number, end: number): Promise<Uint8Array> {
    this.#held = await this.layer.read(offset, end - offset, this.signal);
    this.#heldOffset = offset;
    return this.#held;
  }

  /** Returns whether all of the range is held. */
  holds(offset: number, end: number): boolean {
    return offset >= this.#heldOffset && end <= this.#heldOffset + this.#held.length;
  }

  /** Yields `[offset, end)` in views of at most PART_SIZE. Each is valid until the next one. */
  async *parts(offset: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < end; ) {
      const part = this.#heldAt(at, end) ?? (await this.layer.read(at, this.#gap(at, end), this.signal));
      yield part;
      at += part.length;
    }
  }

  #heldAt(offset: number, end: number): Uint8Array | undefined {
    const from = offset - this.#heldOffset;
    if (from < 0 || from >= this.#held.length) return undefined;
    return this.#held.subarray(from, from + Math.min(end - offset, PART_SIZE));
  }

  /** Bytes from `offset` on that are not held. */
  #gap(offset: number, end: number): number {
    const until = offset < this.#heldOffset ? Math.min(end, this.#heldOffset) : end;
    return Math.min(until - offset, PART_SIZE);
  }
}
