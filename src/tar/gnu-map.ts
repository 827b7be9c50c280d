/** The sparse map of old GNU (type S): 4 pairs in the header, 21 in each extension block. */
import { corruptTar } from './corrupt.js';
import type { HeaderBlock } from './header.js';
import { parseNumericField } from './numbers.js';
import type { MapBlocks } from './sparse-map.js';

interface Layout {
  readonly at: number; // of the first pair
  readonly pairs: number;
  readonly isExtendedAt: number; // of the byte that is set if another block follows
}
const IN_HEADER: Layout = { at: 386, pairs: 4, isExtendedAt: 482 };
const IN_EXTENSION: Layout = { at: 0, pairs: 21, isExtendedAt: 504 };
const NUMBER_WIDTH = 12; // bytes

/**
 * Reads the header's pairs.
 * @returns the reader of the rest; undefined if there is none
 */
export function readGnuMap(header: HeaderBlock, pairs: number[]): MapBlocks | undefined {
  const { offset } = header;
  if (!readPairs(header.bytes, header.at, IN_HEADER, pairs, offset)) return undefined;
  return {
    inData: false,
    readBlock(block, at, isKept) {
      return readPairs(block, at, IN_EXTENSION, isKept ? pairs : [], offset);
    },
  };
}

function readPairs(block: Uint8Array, at: number, layout: Layout, pairs: number[], offset: number): boolean {
  for (let i = 0; i < layout.pairs; i++) {
    const pairAt = at + layout.at + i * 2 * NUMBER_WIDTH;
    if (block[pairAt] === 0) break; // the end of the list, as for GNU, BSD and Go
    const start = parseNumericField(block, pairAt, NUMBER_WIDTH);
    const length = parseNumericField(block, pairAt + NUMBER_WIDTH, NUMBER_WIDTH);
    if (start === undefined || length === undefined) {
      throw corruptTar(offset, `sparse segment ${pairs.length / 2} is not two numbers`);
    }
    pairs.push(start, length);
  }
  return block[at + layout.isExtendedAt] !== 0;
}
