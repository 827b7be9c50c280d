/** The description of an FSE table: how many states each symbol has (RFC 8878, 4.1.1). */
import { COUNTS } from './layout';

/** What `readCounts` found. COUNTS has -1 for a symbol "less than 1". */
export class Counts {
  static log: u32 = 0; // the table has 1 << log states
  static symbols: u32 = 0;
}

/**
 * Reads a description into COUNTS. Four bytes past `end` can be loaded.
 * @returns the address after it; 0 if it is wrong or does not end before `end`
 */
export function readCounts(at: usize, end: usize, logMax: u32, symbolsMax: u32): usize {
  if (at >= end) return 0;
  const log = (<u32>load<u8>(at) & 15) + 5;
  if (log > logMax) return 0;
  const bitEnd: u32 = <u32>(end - at) << 3;
  let bit: u32 = 4;
  let remaining: i32 = 1 << log; // states not given to a symbol yet
  let symbol: u32 = 0;
  while (remaining > 0) {
    if (symbol >= symbolsMax || bit >= bitEnd) return 0;
    // Values 0 to remaining + 1; the lower ones take a bit less.
    const width: u32 = 32 - clz<u32>(<u32>remaining + 1);
    const lowMask: i32 = (1 << (width - 1)) - 1;
    const short: i32 = (1 << width) - 2 - remaining;
    let value = <i32>(load<u32>(at + (bit >> 3)) >> (bit & 7)) & ((1 << width) - 1);
    if ((value & lowMask) < short) {
      value &= lowMask;
      bit += width - 1;
    } else {
      if (value > lowMask) value -= short;
      bit += width;
    }
    const count = value - 1;
    remaining -= count < 0 ? 1 : count;
    store<i16>(COUNTS + (symbol++ << 1), <i16>count);
    if (count != 0) continue;
    // Two bits: how many symbols without states follow; 3: and two bits more.
    let zeros: u32;
    do {
      if (bit >= bitEnd) return 0;
      zeros = (<u32>load<u16>(at + (bit >> 3)) >> (bit & 7)) & 3;
      bit += 2;
      if (symbol + zeros > symbolsMax) return 0;
      for (let i: u32 = 0; i < zeros; i++) store<i16>(COUNTS + (symbol++ << 1), 0);
    } while (zeros == 3);
  }
  if (remaining != 0 || bit > bitEnd) return 0;
  Counts.log = log;
  Counts.symbols = symbol;
  return at + ((bit + 7) >> 3);
}
