import type { ChunkColumns } from '../index/pass/index-pass.js';
import { SHA256_LENGTH } from '../oci/digest.js';
import { corruptTable } from './table-fault.js';

/** Bytes of a chunk in its columns, and again in the process that decodes it. */
export const CHUNK_COST = 2 * (5 * 8 + 32);

const FIRST_CAPACITY = 256;

/** Numbers of a row, in this order: outOffset, size, inOffset, inEnd, innerOffset. */
const ROW_LENGTH = 5;
const IN_END = 3;

/** inEnd of a chunk that has none yet. */
const OPEN = -1;

/** Where the compressed bytes of a chunk begin. */
export interface ChunkStart {
  inOffset: number; // of a gzip member or zstd frame
  innerOffset: number; // uncompressed bytes before the chunk in it
}

/**
 * Collects chunks in the order of a table, which is that of the tar. Tables store where members and
 * frames begin. One ends where the next begins, so chunks of one member get their end later.
 */
export class ChunkBuilder {
  #length = 0;
  #rows = new Float64Array(FIRST_CAPACITY * ROW_LENGTH);
  #digests = new Uint8Array(FIRST_CAPACITY * SHA256_LENGTH);
  #open = 0; // rows from here on have no end yet
  #inOffset = -1; // where the current member or frame begins
  #innerEnd = 0; // uncompressed bytes of it that are described
  #closedAt = 0; // no later member or frame begins before

  get length(): number {
    return this.#length;
  }

  /**
   * Begins at a position, as every chunk and hole does.
   * @throws LayerslayerError CORRUPT_LAYER if positions descend or overlap
   */
  begin({ inOffset, innerOffset }: ChunkStart, size: number): void {
    if (inOffset === this.#inOffset) {
      if (innerOffset < this.#innerEnd) throw corruptTable('two chunks overlap in one member');
    } else {
      if (inOffset < this.#closedAt || inOffset < this.#inOffset) {
        throw corruptTable(`a chunk at ${inOffset} comes after one at ${this.#inOffset}`);
      }
      this.close(inOffset);
      this.#inOffset = inOffset;
    }
    this.#innerEnd = innerOffset + size;
  }

  /**
   * Ends the member or frame that is described last.
   * @throws LayerslayerError CORRUPT_LAYER if it begins after `inEnd`
   */
  close(inEnd: number): void {
    if (inEnd <= this.#inOffset) throw corruptTable(`a chunk at ${this.#inOffset} ends at ${inEnd}`);
    for (; this.#open < this.#length; this.#open++) {
      const at = this.#open * ROW_LENGTH + IN_END;
      if (this.#rows[at] === OPEN) this.#rows[at] = inEnd;
    }
    this.#closedAt = inEnd;
  }

  /** Adds a chunk, after `begin`. */
  add(outOffset: number, size: number, start: ChunkStart, digest: Uint8Array): void {
    const row = this.#add(outOffset, size, start.inOffset, OPEN, start.innerOffset);
    this.#digests.set(digest, row * SHA256_LENGTH);
  }

  /** Adds a hole: its bytes are zeros. */
  addHole(outOffset: number, size: number): void {
    this.#add(outOffset, size, 0, 0, 0);
  }

  /** @param dataEnd where the layer's content ends, in compressed bytes */
  finish(dataEnd: number): ChunkColumns {
    if (dataEnd < this.#closedAt) throw corruptTable(`a chunk ends at ${this.#closedAt}, after the content`);
    this.close(dataEnd);
    const length = this.#length;
    const column = (number: number) =>
      Float64Array.from({ length }, (_, row) => this.#rows[row * ROW_LENGTH + number]!);
    return {
      length,
      outOffsets: column(0),
      sizes: column(1),
      inOffsets: column(2),
      inEnds: column(IN_END),
      innerOffsets: column(4),
      digests: this.#digests.slice(0, length * SHA256_LENGTH),
    };
  }

  #add(...numbers: [number, number, number, number, number]): number {
    const row = this.#length++;
    if (row * SHA256_LENGTH === this.#digests.length) this.#grow();
    this.#rows.set(numbers, row * ROW_LENGTH);
    return row;
  }

  #grow(): void {
    const rows = new Float64Array(2 * this.#rows.length);
    rows.set(this.#rows);
    this.#rows = rows;
    const digests = new Uint8Array(2 * this.#digests.length);
    digests.set(this.#digests);
    this.#digests = digests;
  }
}
