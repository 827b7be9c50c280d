import { LayerslayerError } from '../../../base/errors.js';
import { BLOCK_SIZE } from '../../../blob/page.js';
import { type Digest, SHA256_LENGTH, shortDigest } from '../../../oci/digest.js';
import type { TableChunks } from '../inflate-protocol.js';
import { MAX_PART_SIZE } from './verified-parts.js';

/**
 * Uncompressed bytes before a chunk in its member at most (1 GiB). A chunk further in would cost
 * seconds: members that published tools make hold some MiB.
 */
const MAX_INNER_OFFSET = 2 ** 30;

/** Holes in a row that `inputEnd` looks past. */
const MAX_HOLES = 64;

/** Bytes of a member's or frame's headers, mostly. */
const HEADERS_MAX = 1024;

/** A chunk of a table, see `ChunkColumns`. */
export interface TableChunk {
  number: number;
  outOffset: number;
  size: number;
  inOffset: number;
  inEnd: number;
  innerOffset: number;
  digest: Uint8Array;
}

/** A layer's chunks by their position in the tar. A hostile index may have any columns. */
export class ChunkTable {
  readonly #layer: Digest;
  readonly #blobSize: number;
  readonly #chunks: TableChunks;

  constructor(layer: Digest, blobSize: number, chunks: TableChunks) {
    this.#layer = layer;
    this.#blobSize = blobSize;
    this.#chunks = chunks;
  }

  /**
   * Returns the chunks that have bytes of `[from, end)` of the tar, without holes.
   * @throws LayerslayerError CORRUPT_LAYER if one cannot be
   */
  overlapping(from: number, end: number): TableChunk[] {
    const { length, outOffsets } = this.#chunks;
    const found: TableChunk[] = [];
    for (let number = this.#lastBefore(from); number < length && outOffsets[number]! < end; number++) {
      const chunk = this.#chunk(number);
      if (chunk && chunk.outOffset + chunk.size > from) found.push(chunk);
    }
    return found;
  }

  /**
   * Returns where the compressed bytes end of the last chunk that begins before `outOffset`, 0 if
   * there is none close before it.
   */
  inputEnd(outOffset: number): number {
    const last = this.#lastBefore(outOffset - 1);
    for (let number = last; number >= 0 && number > last - MAX_HOLES; number--) {
      const chunk = this.#chunk(number);
      if (chunk) return chunk.inEnd;
    }
    return 0;
  }

  /** Returns the chunk after chunk `number`, unless it begins at or after `end` or is a hole. */
  next(number: number, end: number): TableChunk | undefined {
    const { length, outOffsets } = this.#chunks;
    const isBefore = number + 1 < length && outOffsets[number + 1]! < end;
    return isBefore ? this.#chunk(number + 1) : undefined;
  }

  /** Returns the number of the last chunk that begins at or before `outOffset`, 0 if none does. */
  #lastBefore(outOffset: number): number {
    const { length, outOffsets } = this.#chunks;
    let low = 0;
    let high = Math.max(0, length - 1);
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (outOffsets[middle]! <= outOffset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** @returns undefined for a hole */
  #chunk(number: number): TableChunk | undefined {
    const { length, outOffsets, sizes, inOffsets, inEnds, innerOffsets, digests } = this.#chunks;
    if (number >= length) return undefined;
    const outOffset = outOffsets[number]!;
    const size = sizes[number]!;
    const inOffset = inOffsets[number]!;
    const inEnd = inEnds[number]!;
    const innerOffset = innerOffsets[number]!;
    const digest = digests.subarray(number * SHA256_LENGTH, (number + 1) * SHA256_LENGTH);
    if (inEnd === 0 && inOffset === 0 && digest.every((byte) => byte === 0)) return undefined;
    if (
      digest.length === SHA256_LENGTH &&
      isWithin(size, 1, MAX_PART_SIZE) &&
      isWithin(inEnd, 1, this.#blobSize) &&
      isWithin(inOffset, 0, inEnd - 1) &&
      isWithin(innerOffset, 0, MAX_INNER_OFFSET)
    ) {
      return { number, outOffset, size, inOffset, inEnd, innerOffset, digest };
    }
    throw new LayerslayerError(
      'CORRUPT_LAYER',
      `the index of layer ${shortDigest(this.#layer)}: chunk ${number} is impossible: ` +
        `${size} bytes at ${innerOffset} of what is at ${inOffset} to ${inEnd}`,
    );
  }
}

function isWithin(value: number, lowest: number, highest: number): boolean {
  return Number.isSafeInteger(value) && value >= lowest && value <= highest;
}

/**
 * Returns for each chunk where the compressed bytes end that it and the chunks after it need, as
 * far as these are adjacent. One request can bring them. Of a member that holds more, only the
 * start is counted.
 */
export function inputEnds(chunks: readonly TableChunk[]): number[] {
  const ends = chunks.map(neededEnd);
  for (let i = chunks.length - 2; i >= 0; i--) {
    const { inOffset } = chunks[i]!;
    const next = chunks[i + 1]!;
    const isAdjacent = next.inOffset >= inOffset && next.inOffset <= ends[i]! + BLOCK_SIZE;
    if (isAdjacent) ends[i] = Math.max(ends[i]!, ends[i + 1]!);
  }
  return ends;
}

/**
 * Returns where a chunk's compressed bytes end at the latest, if its compressor made nothing longer
 * than by 2 %. One that did costs another request.
 */
function neededEnd({ inOffset, inEnd, innerOffset, size }: TableChunk): number {
  const needed = innerOffset + size;
  return Math.min(inEnd, inOffset + needed + Math.ceil(needed / 50) + HEADERS_MAX);
}
