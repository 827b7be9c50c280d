/**
 * The positions of a sparse file's data. All of GNU tar's formats are pairs of offset and length.
 * They stay flat (`[offset, length, …]`) until `sparseSegments` has checked them. (GNU tar manual,
 * "Storing Sparse Files")
 */
import { corruptTar } from './corrupt.js';
import type { SparseSegment } from './entry.js';
import { BLOCK_SIZE, type HeaderBlock } from './header.js';
import { parseDecimal, parseNumericField } from './numbers.js';

/** The part of a map in blocks after the header. */
export interface MapBlocks {
  /** Whether the blocks count in the size of the entry's data. */
  readonly inData: boolean;
  /**
   * Reads the next block's pairs.
   * @param isKept false past the map's limit: pairs are no longer stored
   * @returns whether another block follows
   * @throws LayerslayerError CORRUPT_LAYER
   */
  readBlock(block: Uint8Array, at: number, isKept: boolean): boolean;
}

const COMMA = 0x2c;
const NEWLINE = 0x0a;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

interface GnuLayout {
  readonly at: number; // of the first pair
  readonly pairs: number;
  readonly isExtendedAt: number; // of the byte that is set if another block follows
}
const GNU_HEADER: GnuLayout = { at: 386, pairs: 4, isExtendedAt: 482 };
const GNU_EXTENSION: GnuLayout = { at: 0, pairs: 21, isExtendedAt: 504 };
const GNU_WIDTH = 12; // bytes of a number

/**
 * Reads the pairs in a header of old GNU (type S).
 * @returns the reader of the rest; undefined if there is none
 */
export function readGnuMap(header: HeaderBlock, pairs: number[]): MapBlocks | undefined {
  const { offset } = header;
  if (!readGnuPairs(header.bytes, header.at, GNU_HEADER, pairs, offset)) return undefined;
  return {
    inData: false,
    readBlock: (block, at, isKept) => readGnuPairs(block, at, GNU_EXTENSION, isKept ? pairs : [], offset),
  };
}

function readGnuPairs(
  block: Uint8Array,
  at: number,
  layout: GnuLayout,
  pairs: number[],
  offset: number,
): boolean {
  for (let i = 0; i < layout.pairs; i++) {
    const pairAt = at + layout.at + i * 2 * GNU_WIDTH;
    if (block[pairAt] === 0) break; // the end of the list, as for GNU, BSD and Go
    const start = parseNumericField(block, pairAt, GNU_WIDTH);
    const length = parseNumericField(block, pairAt + GNU_WIDTH, GNU_WIDTH);
    if (start === undefined || length === undefined) {
      throw corruptTar(offset, `sparse segment ${pairs.length / 2} is not two numbers`);
    }
    pairs.push(start, length);
  }
  return block[at + layout.isExtendedAt] !== 0;
}

/** Parses `GNU.sparse.map` of PAX 0.1: `offset,length,…`, empty for a file without data. */
export function parseCommaMap(map: Uint8Array, offset: number): number[] {
  const pairs: number[] = [];
  for (let at = 0; at <= map.length && map.length > 0; ) {
    const comma = map.indexOf(COMMA, at);
    const end = comma < 0 ? map.length : comma;
    const number = parseDecimal(map, at, end);
    if (number === undefined) throw corruptTar(offset, `GNU.sparse.map has no number at byte ${at}`);
    pairs.push(number);
    at = end + 1;
  }
  return pairs;
}

/**
 * Reads the map of PAX 1.0 as it passes: lines of decimals before the data, first the count of
 * pairs, padded to a whole block.
 * @param pairs to append to
 */
export function lineMap(pairs: number[], offset: number): MapBlocks {
  let count: number | undefined; // of pairs, once its line was read
  let number = 0;
  let digits = 0; // of the current line
  return {
    inData: true,
    readBlock(block, at) {
      for (let i = at; i < at + BLOCK_SIZE; i++) {
        const byte = block[i]!;
        if (byte >= DIGIT_0 && byte <= DIGIT_9) {
          number = number * 10 + (byte - DIGIT_0);
          digits++;
          continue;
        }
        if (byte !== NEWLINE || digits === 0) {
          throw corruptTar(offset, 'the sparse map before the data is not lines of decimals');
        }
        if (count === undefined) count = number;
        else pairs.push(number);
        number = 0;
        digits = 0;
        if (pairs.length >= 2 * count) return false; // the rest is padding
      }
      return true;
    },
  };
}

/**
 * Returns the checked segments, without empty ones.
 * @param size logical, of the file; checked
 * @param storedSize bytes of data in the tar: the sum of the segments
 * @throws LayerslayerError CORRUPT_LAYER if segments overlap, go back, pass the end, or have
 *   another sum
 */
export function sparseSegments(
  pairs: readonly number[],
  size: number,
  storedSize: number,
  offset: number,
): SparseSegment[] {
  const segments: SparseSegment[] = [];
  let end = 0; // of the previous segment
  let total = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    const start = pairs[i]!;
    const length = pairs[i + 1]!;
    // A sum that was rounded is at least 2^53, and so past any size.
    if (start < end || length < 0 || start + length > size) {
      throw corruptTar(
        offset,
        `sparse segment ${i / 2} is ${length} bytes at ${start}, want it within ${end} to ${size}`,
      );
    }
    end = start + length;
    total += length;
    if (length > 0) segments.push({ offset: start, length });
  }
  if (total !== storedSize) {
    throw corruptTar(offset, `sparse segments are ${total} bytes, the tar has ${storedSize}`);
  }
  return segments;
}
