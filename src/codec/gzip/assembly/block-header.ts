/** Reads a block header (RFC 1951, 3.2.3) and, for a block with codes, builds its decode tables. */
import {
  FAULT_BLOCK_TYPE, FAULT_DISTANCE_CODE, FAULT_LENGTH_CODE, FAULT_LENGTH_REPEAT, FAULT_LITLEN_CODE,
  FAULT_NO_BLOCK_END, FAULT_STORED_LENGTH, FAULT_SYMBOL_COUNT,
} from '../inflate-codes';
import { BASE_SHIFT, CONSUME_MASK, END_OF_BLOCK_SYMBOL } from './entry';
import {
  CODE_LENGTHS, DISTANCE_BITS, DISTANCE_SYMBOLS, DISTANCE_TABLE, DISTANCE_TEMPLATES, FIXED_LENGTHS, LITLEN_BITS,
  LITLEN_SYMBOLS, LITLEN_TABLE, LITLEN_TEMPLATES, PRECODE_BITS, PRECODE_ORDER, PRECODE_SYMBOLS, PRECODE_TABLE,
  PRECODE_TEMPLATES,
} from './layout';
import { PHASE_CODED, PHASE_STORED, Stream } from './stream';
import { buildTable, INCOMPLETE_NEVER, INCOMPLETE_SINGLE } from './table';

export const HEADER_READ: i32 = 0;
export const HEADER_CUT_SHORT: i32 = 1; // nothing is consumed: read again when more input is there
export const HEADER_FAULT: i32 = 2; // Stream.fault says why

const BLOCK_STORED: u32 = 0;
const BLOCK_FIXED: u32 = 1;
const BLOCK_DYNAMIC: u32 = 2;

/** zlib's limits: HLIT 30 and 31, HDIST 30 and 31 have no meaning in RFC 1951. */
const MAX_LITLEN_LENGTHS: u32 = 286;
const MAX_DISTANCE_LENGTHS: u32 = 30;

/** Precode symbols from 16 on repeat a length. */
const REPEAT_PREVIOUS: u32 = 16;
const REPEAT_ZERO: u32 = 17; // 18: more often

/** Bits that a repeat can take: a code of 7, then 7 more. */
const MAX_REPEAT_BITS: u32 = 14;

/** Whether the tables have the fixed codes: blocks of them often follow each other. */
class Tables {
  static fixed: bool = false;
}

/**
 * Reads a whole header from a copy of the stream's position, also past the end of the input, where
 * at least 24 bytes are readable. It counts only if it ended within the input: a fault past the end
 * means that the input is short.
 */
class HeaderReader {
  static next: usize = 0; // address of the next byte to load
  static bits: u64 = 0;
  static count: u32 = 0; // bits loaded and not taken

  /** Leaves at least 56 bits loaded. */
  static refill(): void {
    const count = HeaderReader.count;
    HeaderReader.bits |= load<u64>(HeaderReader.next) << count;
    HeaderReader.next += (63 - count) >> 3;
    HeaderReader.count = count | 56;
  }

  static take(count: u32): u32 {
    const value = <u32>HeaderReader.bits & ((1 << count) - 1);
    HeaderReader.bits >>= count;
    HeaderReader.count -= count;
    return value;
  }

  /** Address after the last byte of which a bit was taken. */
  static position(): usize {
    return HeaderReader.next - (HeaderReader.count >> 3);
  }

  static fault(inputEnd: usize, code: i32): i32 {
    if (HeaderReader.position() > inputEnd) return HEADER_CUT_SHORT;
    Stream.fault = code;
    return HEADER_FAULT;
  }
}

function readStoredHeader(inputEnd: usize): i32 {
  HeaderReader.take(HeaderReader.count & 7); // to the byte boundary
  const length = HeaderReader.take(16);
  const complement = HeaderReader.take(16);
  if (length != (complement ^ 0xffff)) return HeaderReader.fault(inputEnd, FAULT_STORED_LENGTH);
  Stream.storedLeft = length;
  return HEADER_READ;
}

function buildFixedTables(): void {
  if (Tables.fixed) return;
  buildTable(LITLEN_TABLE, FIXED_LENGTHS, LITLEN_SYMBOLS, LITLEN_TEMPLATES, LITLEN_BITS, INCOMPLETE_NEVER);
  buildTable(
    DISTANCE_TABLE, FIXED_LENGTHS + LITLEN_SYMBOLS, DISTANCE_SYMBOLS, DISTANCE_TEMPLATES, DISTANCE_BITS, INCOMPLETE_NEVER,
  );
  Tables.fixed = true;
}

/** RFC 1951, 3.2.7. */
function readDynamicHeader(inputEnd: usize): i32 {
  const litlenCount = HeaderReader.take(5) + 257;
  const distanceCount = HeaderReader.take(5) + 1;
  const precodeCount = HeaderReader.take(4) + 4;
  if (litlenCount > MAX_LITLEN_LENGTHS || distanceCount > MAX_DISTANCE_LENGTHS) {
    return HeaderReader.fault(inputEnd, FAULT_SYMBOL_COUNT);
  }
  memory.fill(CODE_LENGTHS, 0, PRECODE_SYMBOLS);
  for (let i: u32 = 0; i < precodeCount; i++) {
    if (HeaderReader.count < 3) HeaderReader.refill();
    store<u8>(CODE_LENGTHS + <usize>load<u8>(PRECODE_ORDER + i), HeaderReader.take(3));
  }
  if (!buildTable(PRECODE_TABLE, CODE_LENGTHS, PRECODE_SYMBOLS, PRECODE_TEMPLATES, PRECODE_BITS, INCOMPLETE_NEVER)) {
    return HeaderReader.fault(inputEnd, FAULT_LENGTH_CODE);
  }

  const total = litlenCount + distanceCount;
  let done: u32 = 0;
  while (done < total) {
    if (HeaderReader.count < MAX_REPEAT_BITS) {
      // Only this loop can read far past the end.
      if (HeaderReader.position() > inputEnd) return HEADER_CUT_SHORT;
      HeaderReader.refill();
    }
    const entry = load<u32>(PRECODE_TABLE + ((<u32>HeaderReader.bits & ((1 << PRECODE_BITS) - 1)) << 2));
    HeaderReader.take(entry & CONSUME_MASK);
    const symbol = entry >> BASE_SHIFT;
    if (symbol < REPEAT_PREVIOUS) {
      store<u8>(CODE_LENGTHS + done++, symbol);
      continue;
    }
    let repeats: u32;
    let eightLengths: u64 = 0;
    if (symbol == REPEAT_PREVIOUS) {
      if (done == 0) return HeaderReader.fault(inputEnd, FAULT_LENGTH_REPEAT);
      eightLengths = <u64>load<u8>(CODE_LENGTHS + done - 1) * 0x0101010101010101;
      repeats = 3 + HeaderReader.take(2);
    } else if (symbol == REPEAT_ZERO) {
      repeats = 3 + HeaderReader.take(3);
    } else {
      repeats = 11 + HeaderReader.take(7);
    }
    for (let i: u32 = 0; i < repeats; i += 8) store<u64>(CODE_LENGTHS + done + i, eightLengths);
    done += repeats;
  }
  if (HeaderReader.position() > inputEnd) return HEADER_CUT_SHORT;
  if (done != total) return HeaderReader.fault(inputEnd, FAULT_LENGTH_REPEAT);
  if (load<u8>(CODE_LENGTHS + END_OF_BLOCK_SYMBOL) == 0) return HeaderReader.fault(inputEnd, FAULT_NO_BLOCK_END);
  Tables.fixed = false;
  if (!buildTable(LITLEN_TABLE, CODE_LENGTHS, litlenCount, LITLEN_TEMPLATES, LITLEN_BITS, INCOMPLETE_SINGLE)) {
    return HeaderReader.fault(inputEnd, FAULT_LITLEN_CODE);
  }
  if (!buildTable(
    DISTANCE_TABLE, CODE_LENGTHS + litlenCount, distanceCount, DISTANCE_TEMPLATES, DISTANCE_BITS, INCOMPLETE_SINGLE,
  )) {
    return HeaderReader.fault(inputEnd, FAULT_DISTANCE_CODE);
  }
  return HEADER_READ;
}

/** Reads the block header at the stream's position. Moves past it only if it is whole and valid. */
export function readBlockHeader(inputEnd: usize): i32 {
  HeaderReader.next = Stream.input;
  HeaderReader.bits = Stream.bits;
  HeaderReader.count = Stream.bitCount;
  HeaderReader.refill();
  const finalBlock = HeaderReader.take(1) != 0;
  const blockType = HeaderReader.take(2);
  let outcome = HEADER_READ;
  if (blockType == BLOCK_STORED) outcome = readStoredHeader(inputEnd);
  else if (blockType == BLOCK_DYNAMIC) outcome = readDynamicHeader(inputEnd);
  else if (blockType != BLOCK_FIXED) outcome = HeaderReader.fault(inputEnd, FAULT_BLOCK_TYPE);
  if (outcome != HEADER_READ) return outcome;

  const position = HeaderReader.position();
  if (position > inputEnd) return HEADER_CUT_SHORT;
  if (blockType == BLOCK_FIXED) buildFixedTables();
  Stream.input = position;
  Stream.bitCount = HeaderReader.count & 7;
  Stream.bits = HeaderReader.bits & ((1 << <u64>Stream.bitCount) - 1);
  Stream.finalBlock = finalBlock;
  Stream.phase = blockType == BLOCK_STORED ? PHASE_STORED : PHASE_CODED;
  return HEADER_READ;
}
