/**
 * Builds a decode table from code lengths (RFC 1951, 3.2.2). Codes are in canonical order: by
 * length, then by symbol. A code's first bit is the lowest in the stream: codes are counted
 * bit-reversed, and the next bits index the table as they are.
 *
 * A table of short codes doubles by a copy when the length grows (as in libdeflate): one store a
 * symbol, not one an entry. Longer codes share second-level tables, one for each combination of
 * first-level bits, as small as their longest code allows.
 */
import { BASE_SHIFT, CODE_LENGTH_SHIFT, EXCEPTION, entryOf } from './entry';
import { LENGTH_COUNTS, LENGTH_STARTS, SORTED_SYMBOLS } from './layout';

const MAX_CODE_LENGTH: u32 = 15;
/** The sum of 2^(15 - length) over all symbols of a complete code. */
const COMPLETE: u32 = 1 << MAX_CODE_LENGTH;

/** Whether codes may leave bit patterns unused, as in zlib's `inflate_table`. */
export const INCOMPLETE_NEVER: i32 = 0; // the precode
export const INCOMPLETE_SINGLE: i32 = 1; // literal/length, distance: no code at all, or a single one of one bit

/** The bit-reversed code after `code`, which is not the last one (all ones). */
function nextCode(code: u32, length: u32): u32 {
  const highestZero: u32 = 1 << (31 - clz<u32>(code ^ ((1 << length) - 1)));
  return (code & (highestZero - 1)) | highestZero;
}

/**
 * Counts and sorts the symbols by code length.
 * @returns the share of the code space they use, of COMPLETE
 */
function sortSymbols(lengths: usize, symbolCount: u32): u32 {
  memory.fill(LENGTH_COUNTS, 0, (MAX_CODE_LENGTH + 1) << 2);
  for (let symbol: u32 = 0; symbol < symbolCount; symbol++) {
    const count = LENGTH_COUNTS + (<u32>load<u8>(lengths + symbol) << 2);
    store<u32>(count, load<u32>(count) + 1);
  }
  let start: u32 = 0;
  let used: u32 = 0;
  for (let length: u32 = 0; length <= MAX_CODE_LENGTH; length++) {
    const count = load<u32>(LENGTH_COUNTS + (length << 2));
    store<u32>(LENGTH_STARTS + (length << 2), start);
    start += count;
    if (length > 0) used += count << (MAX_CODE_LENGTH - length);
  }
  for (let symbol: u32 = 0; symbol < symbolCount; symbol++) {
    const place = LENGTH_STARTS + (<u32>load<u8>(lengths + symbol) << 2);
    const index = load<u32>(place);
    store<u16>(SORTED_SYMBOLS + (index << 1), symbol);
    store<u32>(place, index + 1);
  }
  return used;
}

/** A table for no code or one code, the bit 0. The bit 1 is an EXCEPTION. */
function buildSparseTable(table: usize, size: u32, entry: u32): void {
  const noSymbol = EXCEPTION | 1;
  for (let index: u32 = 0; index < size; index += 2) {
    store<u32>(table + (index << 2), entry);
    store<u32>(table + ((index + 1) << 2), noSymbol);
  }
}

/**
 * @param lengths address of a code length (0 to 15) for each of `symbolCount` symbols
 * @param templates address of the symbols' entry templates
 * @param tableBits bits that index the first level
 * @returns false if the code is over-subscribed, or incomplete where that is not allowed
 */
export function buildTable(
  table: usize, lengths: usize, symbolCount: u32, templates: usize, tableBits: u32, incomplete: i32,
): bool {
  const used = sortSymbols(lengths, symbolCount);
  if (used > COMPLETE) return false;
  const size: u32 = 1 << tableBits;
  let symbols: usize = SORTED_SYMBOLS + (load<u32>(LENGTH_COUNTS) << 1); // those of length 0 have no code
  if (used < COMPLETE) {
    if (incomplete == INCOMPLETE_NEVER) return false;
    if (used == 0) {
      buildSparseTable(table, size, EXCEPTION | 1);
      return true;
    }
    if (load<u32>(LENGTH_COUNTS + 4) != 1 || used != COMPLETE >> 1) return false;
    buildSparseTable(table, size, entryOf(load<u32>(templates + (<u32>load<u16>(symbols) << 2)), 1));
    return true;
  }

  // From here on the code is complete: its last code word is all ones.
  let code: u32 = 0;
  let length: u32 = 1;
  let count: u32 = load<u32>(LENGTH_COUNTS + (length << 2)); // symbols left of this length
  while (count == 0) count = load<u32>(LENGTH_COUNTS + (++length << 2));
  let filled: u32 = 1 << length; // entries of the table so far
  while (length <= tableBits) {
    do {
      store<u32>(table + (code << 2), entryOf(load<u32>(templates + (<u32>load<u16>(symbols) << 2)), length));
      symbols += 2;
      if (code == filled - 1) {
        for (; length < tableBits; length++, filled <<= 1) {
          memory.copy(table + (filled << 2), table, filled << 2);
        }
        return true;
      }
      code = nextCode(code, length);
    } while (--count);
    do {
      length++;
      if (length <= tableBits) {
        memory.copy(table + (filled << 2), table, filled << 2);
        filled <<= 1;
      }
      count = load<u32>(LENGTH_COUNTS + (length << 2));
    } while (count == 0);
  }

  let prefix: u32 = -1; // first-level bits of the current second-level table
  let start: u32 = 0; // its first entry
  let end: u32 = size; // the entry after its last
  for (;;) {
    if ((code & (size - 1)) != prefix) {
      prefix = code & (size - 1);
      start = end;
      // As many bits as its longest code needs: until the remaining codes fill the space.
      let bits = length - tableBits;
      let space = count;
      while (space < (<u32>1 << bits)) {
        bits++;
        space = (space << 1) + load<u32>(LENGTH_COUNTS + ((tableBits + bits) << 2));
      }
      end = start + (1 << bits);
      store<u32>(
        table + (prefix << 2),
        (start << BASE_SHIFT) | EXCEPTION | (bits << CODE_LENGTH_SHIFT) | tableBits,
      );
    }
    const entry = entryOf(load<u32>(templates + (<u32>load<u16>(symbols) << 2)), length - tableBits);
    symbols += 2;
    const stride: u32 = 1 << (length - tableBits);
    for (let index = start + (code >> tableBits); index < end; index += stride) {
      store<u32>(table + (index << 2), entry);
    }
    if (code == (<u32>1 << length) - 1) return true;
    code = nextCode(code, length);
    count--;
    while (count == 0) count = load<u32>(LENGTH_COUNTS + (++length << 2));
  }
  return false;
}
