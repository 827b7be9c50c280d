/**
 * The hot loop: decodes the symbols of a block with codes (RFC 1951, 3.2.3).
 *
 * - The 64-bit bit buffer is refilled without a branch: eight bytes are OR-ed in above the bits
 *   left, and `next` advances by the whole bytes that fitted. Bits above `count` belong to the
 *   following bytes: a later refill ORs the same in. Only the low six bits of `count` have a
 *   meaning, because whole entries are subtracted from it (entry.ts).
 * - A refill gives 56 bits: enough for two literals of the first level (2 x 11) and a length code
 *   of 15 with 5 extra bits. A distance (15 + 13) needs another one only if fewer are left.
 * - The next entry is loaded before a match is copied, so that both overlap.
 * - Matches are copied 16 bytes at a time, also past their end: later output overwrites that. For
 *   distances below 16, one shuffle makes a vector of the pattern.
 *
 * Bounds, checked once a round:
 * - Input: a round refills at most twice, 7 bytes each, and a load takes 8: at most 15 bytes.
 *   INPUT_MARGIN keeps all but the first refill of a call within the input.
 * - Output: two literals, a match of 258 and 32 bytes past its end: OUTPUT_MARGIN.
 */
import {
  FAULT_DISTANCE_SYMBOL, FAULT_DISTANCE_TOO_FAR, FAULT_LITLEN_SYMBOL, FAULT_WINDOW_SHORT,
} from '../inflate-codes';
import { BASE_SHIFT, CODE_LENGTH_SHIFT, END_OF_BLOCK, EXCEPTION, LITERAL, LITERAL_SHIFT } from './entry';
import {
  DISTANCE_BITS, DISTANCE_TABLE, LITLEN_BITS, LITLEN_TABLE, REPEAT_SHUFFLES, REPEAT_STEPS,
} from './layout';
import { Stream } from './stream';
import { WindowBytes } from './window-bytes';

export const BODY_NEEDS_INPUT: i32 = 0; // the input limit is reached
export const BODY_OUTPUT_FULL: i32 = 1; // the output limit is reached
export const BODY_END: i32 = 2; // end of block
export const BODY_FAULT: i32 = 3; // Stream.fault says why

export const INPUT_MARGIN: usize = 24;
export const OUTPUT_MARGIN: usize = 2 + 258 + 32;

/** Bits that a distance can take: a code of 15, then 13 more. */
const MAX_DISTANCE_BITS: u64 = 28;
/** A refill leaves at least this many bits. */
const REFILLED: u64 = 56;

const LITLEN_MASK: u32 = (1 << LITLEN_BITS) - 1;
const DISTANCE_MASK: u32 = (1 << DISTANCE_BITS) - 1;

/** Bytes in a vector. */
const VECTOR: usize = 16;

/** Fills the shuffles for distances 1 to 15; once an instance. */
export function prepareRepeats(): void {
  for (let distance: usize = 1; distance < VECTOR; distance++) {
    for (let i: usize = 0; i < VECTOR; i++) {
      store<u8>(REPEAT_SHUFFLES + distance * VECTOR + i, <u8>(i % distance));
    }
    // Whole repeats only, so that the next store continues the pattern.
    store<u8>(REPEAT_STEPS + distance, <u8>(VECTOR - (VECTOR % distance)));
  }
}

/** All inlined: `decode` is compiled twice, with and without `tracked`. */
class Loop {
  /** Bytes that a refill adds to `count` bits. */
  @inline
  static refillBytes(count: u64): usize {
    return <usize>((count >> 3) & 7) ^ 7;
  }

  @inline
  static litlenEntry(bits: u64): u64 {
    return load<u32>(LITLEN_TABLE + ((<u32>bits & LITLEN_MASK) << 2));
  }

  /** The second-level entry that `pointer` names; the first level's bits are consumed. */
  @inline
  static secondEntry(table: usize, pointer: u64, bits: u64): u64 {
    const index = <u32>bits & ((1 << (<u32>pointer >> CODE_LENGTH_SHIFT)) - 1);
    return load<u32>(table + ((<u32>(pointer >> BASE_SHIFT) + index) << 2));
  }

  /** Base value + extra bits; `bits` begins with the code. */
  @inline
  static valueOf(entry: u64, bits: u64): usize {
    const codeAndExtra = bits & ~(<u64>-1 << entry);
    return <usize>(entry >> BASE_SHIFT) + <usize>(codeAndExtra >> (entry >> CODE_LENGTH_SHIFT));
  }

  /** Copies a match; writes less than 32 bytes past `end`. */
  @inline
  static copy(target: usize, source: usize, distance: usize, end: usize): void {
    if (distance >= VECTOR) {
      v128.store(target, v128.load(source));
      v128.store(target, v128.load(source, VECTOR), VECTOR);
      if (end - target > 2 * VECTOR) {
        target += 2 * VECTOR;
        source += 2 * VECTOR;
        do {
          v128.store(target, v128.load(source));
          target += VECTOR;
          source += VECTOR;
        } while (target < end);
      }
    } else {
      const pattern = i8x16.swizzle(v128.load(source), v128.load(REPEAT_SHUFFLES + distance * VECTOR));
      const step: usize = load<u8>(REPEAT_STEPS + distance);
      do {
        v128.store(target, pattern);
        target += step;
      } while (target < end);
    }
  }

  @inline
  static decode(inputLimit: usize, outputLimit: usize, tracked: bool): i32 {
    let next = Stream.input;
    let output = Stream.output;
    let bits = Stream.bits;
    let count: u64 = Stream.bitCount;
    const history = Stream.history;
    const checkpoint = WindowBytes.checkpoint;
    let outcome = BODY_FAULT;

    bits |= load<u64>(next) << count;
    next += Loop.refillBytes(count);
    count |= REFILLED;
    let entry = Loop.litlenEntry(bits);
    for (;;) {
      if (next >= inputLimit) {
        outcome = BODY_NEEDS_INPUT;
        break;
      }
      if (output >= outputLimit) {
        outcome = BODY_OUTPUT_FULL;
        break;
      }

      let before = bits; // with the code, for its extra bits
      bits >>= entry;
      count -= entry;
      if (entry & LITERAL) {
        store<u8>(output++, <u32>(entry >> LITERAL_SHIFT));
        entry = Loop.litlenEntry(bits);
        before = bits;
        bits >>= entry;
        count -= entry;
        if (entry & LITERAL) {
          store<u8>(output++, <u32>(entry >> LITERAL_SHIFT));
          entry = Loop.litlenEntry(bits);
          before = bits;
          bits >>= entry;
          count -= entry;
          if (entry & LITERAL) {
            store<u8>(output++, <u32>(entry >> LITERAL_SHIFT));
            bits |= load<u64>(next) << count;
            next += Loop.refillBytes(count);
            count |= REFILLED;
            entry = Loop.litlenEntry(bits);
            continue;
          }
        }
      }

      if (entry & EXCEPTION) {
        if (entry & END_OF_BLOCK) {
          outcome = BODY_END;
          break;
        }
        if (entry >> BASE_SHIFT == 0) {
          Stream.fault = FAULT_LITLEN_SYMBOL;
          break;
        }
        entry = Loop.secondEntry(LITLEN_TABLE, entry, bits);
        before = bits;
        bits >>= entry;
        count -= entry;
        if (entry & LITERAL) {
          store<u8>(output++, <u32>(entry >> LITERAL_SHIFT));
          bits |= load<u64>(next) << count;
          next += Loop.refillBytes(count);
          count |= REFILLED;
          entry = Loop.litlenEntry(bits);
          continue;
        }
        if (entry & EXCEPTION) {
          if (entry & END_OF_BLOCK) {
            outcome = BODY_END;
            break;
          }
          Stream.fault = FAULT_LITLEN_SYMBOL;
          break;
        }
      }
      const length = Loop.valueOf(entry, before);

      if ((count & 63) < MAX_DISTANCE_BITS) {
        bits |= load<u64>(next) << count;
        next += Loop.refillBytes(count);
        count |= REFILLED;
      }
      entry = load<u32>(DISTANCE_TABLE + ((<u32>bits & DISTANCE_MASK) << 2));
      if (entry & EXCEPTION) {
        if (entry >> BASE_SHIFT == 0) {
          Stream.fault = FAULT_DISTANCE_SYMBOL;
          break;
        }
        bits >>= entry;
        count -= entry;
        entry = Loop.secondEntry(DISTANCE_TABLE, entry, bits);
        if (entry & EXCEPTION) {
          Stream.fault = FAULT_DISTANCE_SYMBOL;
          break;
        }
      }
      const distance = Loop.valueOf(entry, bits);
      bits >>= entry;
      count -= entry;

      bits |= load<u64>(next) << count;
      next += Loop.refillBytes(count);
      count |= REFILLED;
      entry = Loop.litlenEntry(bits);

      // Addresses are unsigned, and no distance exceeds an address: OUTPUT lies above 32 KiB.
      const source = output - distance;
      if (source < history) {
        Stream.fault = FAULT_DISTANCE_TOO_FAR;
        break;
      }
      if (tracked && source < checkpoint && !WindowBytes.meet(source, length)) {
        Stream.fault = FAULT_WINDOW_SHORT;
        break;
      }
      const end = output + length;
      Loop.copy(output, source, distance, end);
      output = end;
    }

    // Whole bytes that were not used are returned.
    count &= 63;
    Stream.input = next - <usize>(count >> 3);
    Stream.bitCount = <u32>count & 7;
    Stream.bits = bits & ((1 << <u64>Stream.bitCount) - 1);
    Stream.output = output;
    return outcome;
  }
}

/** Decodes until one of the BODY events. Limits are addresses; see the margins above. */
export function decodeBody(inputLimit: usize, outputLimit: usize): i32 {
  return Loop.decode(inputLimit, outputLimit, false);
}

/** As `decodeBody`; also follows what matches read before the checkpoint. */
export function decodeBodyTracked(inputLimit: usize, outputLimit: usize): i32 {
  return Loop.decode(inputLimit, outputLimit, true);
}
