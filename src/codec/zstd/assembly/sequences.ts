/** The sequences section of a block (RFC 8878, 3.1.1.3.2): literals to copy, then a match. */
import {
  FAULT_BITS, FAULT_LENGTH, FAULT_OFFSET, FAULT_SEQUENCES,
} from '../zstd-codes';
import { bitCount, bitsAt, topBits } from './bits';
import { extraBits, nextBase, nextBits, valueBase } from './fse-table';
import { SEQUENCE_SIZE, SEQUENCES, SEQUENCES_MAX } from './layout';
import { Ring } from './ring';
import { readTable, Tables } from './sequence-tables';
import { LITERAL_LENGTH, MATCH_LENGTH, OFFSET } from './symbol-values';

/** The last three offsets, which codes 1 to 3 repeat (3.1.1.5). */
export class RepeatOffsets {
  static first: u32 = 1;
  static second: u32 = 4;
  static third: u32 = 8;
}

export class Sequences {
  static count: u32 = 0;
  static bits: usize = 0; // address of the stream, which ends with the block
}

export function resetOffsets(): void {
  RepeatOffsets.first = 1;
  RepeatOffsets.second = 4;
  RepeatOffsets.third = 8;
}

/** Reads the header and the tables. @returns 0, or a fault's negative code */
export function readSequencesHeader(at: usize, end: usize): i32 {
  if (at >= end) return -FAULT_SEQUENCES;
  let count: u32 = load<u8>(at++);
  if (count >= 128) {
    if (count < 255) {
      count = ((count - 128) << 8) + load<u8>(at++);
    } else {
      count = <u32>load<u16>(at) + 0x7f00;
      at += 2;
    }
  }
  Sequences.count = count;
  if (count == 0) return at == end ? 0 : -FAULT_SEQUENCES;
  if (at >= end) return -FAULT_SEQUENCES;
  const modes: u32 = load<u8>(at++);
  if ((modes & 3) != 0) return -FAULT_SEQUENCES; // reserved
  at = readTable(modes >> 6, LITERAL_LENGTH, at, end);
  if (at == 0) return Tables.fault;
  at = readTable((modes >> 4) & 3, OFFSET, at, end);
  if (at == 0) return Tables.fault;
  at = readTable((modes >> 2) & 3, MATCH_LENGTH, at, end);
  if (at == 0) return Tables.fault;
  Sequences.bits = at;
  return count > SEQUENCES_MAX ? -FAULT_LENGTH : 0;
}

/**
 * Decodes all sequences of a block into SEQUENCES; there is one at least. They are executed by
 * another loop (execute.ts): each keeps in registers what it needs.
 * @returns 0, or a fault's negative code
 */
export function decodeSequences(end: usize): i32 {
  const base = Sequences.bits;
  let position = bitCount(base, <u32>(end - base));
  if (position < 0) return -FAULT_BITS;
  const literalLengths = Tables.literalLength;
  const offsets = Tables.offset;
  const matchLengths = Tables.matchLength;
  let bits = bitsAt(base, position);
  let literalState = <u32>topBits(bits, Tables.literalLengthLog);
  bits <<= Tables.literalLengthLog;
  let offsetState = <u32>topBits(bits, Tables.offsetLog);
  bits <<= Tables.offsetLog;
  let matchState = <u32>topBits(bits, Tables.matchLengthLog);
  position -= Tables.literalLengthLog + Tables.offsetLog + Tables.matchLengthLog;
  if (position < 0) return -FAULT_BITS;

  let first = RepeatOffsets.first;
  let second = RepeatOffsets.second;
  let third = RepeatOffsets.third;
  const window = Ring.window;
  const last = SEQUENCES + (Sequences.count - 1) * SEQUENCE_SIZE;
  for (let sequence = SEQUENCES; ; sequence += SEQUENCE_SIZE) {
    const offsetEntry = load<u64>(offsets + (<usize>offsetState << 3));
    const matchEntry = load<u64>(matchLengths + (<usize>matchState << 3));
    const literalEntry = load<u64>(literalLengths + (<usize>literalState << 3));
    // 56 bits: enough for 30 extra bits and the next states (9 + 9 + 8). More extra bits are rare.
    bits = bitsAt(base, position);
    const offsetBits = extraBits(offsetEntry);
    const matchBits = extraBits(matchEntry);
    const literalBits = extraBits(literalEntry);
    const extra = <i32>(offsetBits + matchBits + literalBits);
    const value = valueBase(offsetEntry) + <u32>topBits(bits, offsetBits);
    bits <<= offsetBits;
    if (extra > 30) bits = bitsAt(base, position - <i32>offsetBits);
    const matchLength = valueBase(matchEntry) + <u32>topBits(bits, matchBits);
    bits <<= matchBits;
    const literalLength = valueBase(literalEntry) + <u32>topBits(bits, literalBits);
    bits <<= literalBits;
    position -= extra;
    if (extra > 30) bits = bitsAt(base, position);

    let offset: u32;
    if (offsetBits > 1) {
      offset = value - 3;
      third = second;
      second = first;
      first = offset;
    } else {
      // Without literals 1 would repeat the last match: there codes mean the next offset each.
      const code = value + (literalLength == 0 ? 1 : 0);
      if (code == 1) {
        offset = first;
      } else {
        offset = code == 2 ? second : code == 3 ? third : first - 1;
        if (code != 2) third = second;
        second = first;
        first = offset;
      }
    }
    if (offset - 1 >= window) return -FAULT_OFFSET; // 0 too
    store<u64>(sequence, <u64>literalLength | (<u64>matchLength << 32));
    store<u32>(sequence, offset, 8);
    if (sequence == last) break;

    const literalNext = nextBits(literalEntry);
    const matchNext = nextBits(matchEntry);
    const offsetNext = nextBits(offsetEntry);
    literalState = nextBase(literalEntry) + <u32>topBits(bits, literalNext);
    bits <<= literalNext;
    matchState = nextBase(matchEntry) + <u32>topBits(bits, matchNext);
    bits <<= matchNext;
    offsetState = nextBase(offsetEntry) + <u32>topBits(bits, offsetNext);
    position -= <i32>(literalNext + matchNext + offsetNext);
    if (position < 0) return -FAULT_BITS;
  }
  if (position != 0) return -FAULT_BITS;
  RepeatOffsets.first = first;
  RepeatOffsets.second = second;
  RepeatOffsets.third = third;
  return 0;
}
