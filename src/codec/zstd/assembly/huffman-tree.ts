/** The literals' Huffman code: the tree's description and its decode table (RFC 8878, 4.2.1). */
import { bitCount, bitsAt, topBits } from './bits';
import { Counts, readCounts } from './fse-counts';
import { buildTable, nextBase, nextBits, valueBase } from './fse-table';
import { HUFFMAN_LOG, HUFFMAN_TABLE, WEIGHT_LOG_MAX, WEIGHT_TABLE, WEIGHTS } from './layout';
import { WEIGHT } from './symbol-values';

/** Of 256 symbols the last one's weight is not stored. */
const WEIGHTS_MAX: i32 = 255;
/** Weights are 0 to 11: a code of 11 bits is the longest. */
const WEIGHT_SYMBOLS: u32 = 12;

/**
 * Reads FSE-compressed weights (4.2.1.2): two states take turns in one stream.
 * @returns how many weights; -1 if they are wrong
 */
function readCompressedWeights(at: usize, size: u32): i32 {
  const stream = readCounts(at, at + size, WEIGHT_LOG_MAX, WEIGHT_SYMBOLS);
  if (stream == 0) return -1;
  const log = <i32>Counts.log;
  buildTable(WEIGHT_TABLE, log, Counts.symbols, WEIGHT);
  let position = bitCount(stream, <u32>(at + size - stream));
  if (position < log << 1) return -1;
  const bits = bitsAt(stream, position);
  let state = <u32>topBits(bits, log);
  let other = <u32>topBits(bits << <u64>log, log);
  position -= log << 1;
  let count: i32 = 0;
  while (count < WEIGHTS_MAX - 1) {
    const entry = load<u64>(WEIGHT_TABLE + (state << 3));
    store<u8>(WEIGHTS + count++, <u8>valueBase(entry));
    const width = <i32>nextBits(entry);
    if (position < width) {
      // This state has no successor: the other one's symbol is the last.
      store<u8>(WEIGHTS + count++, <u8>valueBase(load<u64>(WEIGHT_TABLE + (other << 3))));
      return count;
    }
    const next = nextBase(entry) + <u32>topBits(bitsAt(stream, position), width);
    position -= width;
    state = other;
    other = next;
  }
  return -1;
}

/** Weights of four bits each. */
function readPlainWeights(at: usize, count: i32): void {
  for (let i: i32 = 0; i < count; i += 2) {
    const pair: u32 = load<u8>(at + (i >> 1));
    store<u8>(WEIGHTS + i, <u8>(pair >> 4));
    store<u8>(WEIGHTS + i + 1, <u8>(pair & 15));
  }
}

/** Reads a tree's description and builds HUFFMAN_TABLE. @returns the address after it; 0: wrong */
export function readTree(at: usize, end: usize): usize {
  if (at >= end) return 0;
  const head: u32 = load<u8>(at++);
  const isCompressed = head < 128;
  const size: u32 = isCompressed ? head : (head - 126) >> 1;
  if (at + size > end) return 0;
  let count: i32 = head - 127;
  if (isCompressed) count = readCompressedWeights(at, size);
  else readPlainWeights(at, count);
  return count >= 1 && buildHuffmanTable(count) ? at + size : 0;
}

/** @param count of WEIGHTS; one more is the power of two that completes the code */
function buildHuffmanTable(count: i32): bool {
  let sum: u32 = 0;
  for (let symbol: i32 = 0; symbol < count; symbol++) {
    const weight: u32 = load<u8>(WEIGHTS + symbol);
    if (weight > HUFFMAN_LOG) return false;
    sum += (1 << weight) >> 1;
  }
  if (sum == 0) return false;
  const log: u32 = 32 - clz<u32>(sum);
  if (log > HUFFMAN_LOG) return false;
  const rest: u32 = (1 << log) - sum;
  if ((rest & (rest - 1)) != 0) return false;
  store<u8>(WEIGHTS + count, <u8>(ctz<u32>(rest) + 1));

  // The longest codes come first, and there are two of them at least.
  let cell: u32 = 0;
  for (let weight: u32 = 1; weight <= log; weight++) {
    const cells: u32 = 1 << (weight - 1 + HUFFMAN_LOG - log);
    for (let symbol: i32 = 0; symbol <= count; symbol++) {
      if (<u32>load<u8>(WEIGHTS + symbol) != weight) continue;
      fillCells(HUFFMAN_TABLE + (cell << 1), cells, (symbol << 8) | (log + 1 - weight));
      cell += cells;
    }
    if (weight == 1 && cell == 0) return false;
  }
  return cell == 1 << HUFFMAN_LOG;
}

/** Stores an entry of 16 bits in `cells` cells: a power of two. */
@inline
function fillCells(at: usize, cells: u32, entry: u32): void {
  if (cells < 4) {
    for (let i: u32 = 0; i < cells; i++) store<u16>(at + (i << 1), <u16>entry);
  } else {
    const four = <u64>entry * 0x0001000100010001;
    for (let i: u32 = 0; i < cells; i += 4) store<u64>(at + (i << 1), four);
  }
}
