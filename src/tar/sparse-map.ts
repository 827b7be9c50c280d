/**
 * The positions of a sparse file's data. All of GNU tar's formats are pairs of offset and length.
 * They stay flat (`[offset, length, …]`) until `sparseSegments` has checked them. (GNU tar manual,
 * "Storing Sparse Files")
 */
import { corruptTar } from './corrupt.js';
import type { SparseSegment } from './entry.js';
import { parseDecimal } from './numbers.js';

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
