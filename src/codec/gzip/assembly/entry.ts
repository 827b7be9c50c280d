/**
 * Entries of the decode tables: 32 bits with all of a symbol in one load (libdeflate's packing).
 *
 *     literal        bits 0-5  code length
 *                    bit 7     LITERAL
 *                    bits 8-15 the byte
 *     length or      bits 0-5  code length + extra bits: what to consume in all
 *     distance       bits 8-13 code length: where the extra bits begin
 *                    bits 16-  base value
 *     second level   bits 0-5  bits of the first level: what to consume
 *                    bits 8-13 bits that index the second level
 *                    bit 14    EXCEPTION
 *                    bits 16-  number of the entry where it begins, never 0
 *     end of block   bits 0-5  code length; EXCEPTION and END_OF_BLOCK (bit 15)
 *     no symbol      EXCEPTION, and 0 in bits 15 and up
 *     precode        bits 0-5  code length
 *                    bits 16-  the symbol
 *
 * wasm shifts by the low six bits of its operand: an entry is a shift count without a mask.
 */
import {
  DISTANCE_SYMBOLS, DISTANCE_TEMPLATES, FIXED_LENGTHS, LITLEN_SYMBOLS, LITLEN_TEMPLATES, PRECODE_SYMBOLS,
  PRECODE_TEMPLATES,
} from './layout';

export const LITERAL: u32 = 0x80;
export const EXCEPTION: u32 = 0x4000;
export const END_OF_BLOCK: u32 = 0x8000;

export const CONSUME_MASK: u32 = 63;
export const CODE_LENGTH_SHIFT: u32 = 8;
export const LITERAL_SHIFT: u32 = 8;
export const BASE_SHIFT: u32 = 16;

export const END_OF_BLOCK_SYMBOL: u32 = 256;

/** The entry of a symbol with a code of `codeLength` bits, without those of the first level. */
export function entryOf(template: u32, codeLength: u32): u32 {
  const length = template + codeLength;
  return template & LITERAL ? length : length + (codeLength << CODE_LENGTH_SHIFT);
}

/** RFC 1951, 3.2.5: lengths 3 to 258. `code` is the symbol - 257, 0 to 28. */
function lengthTemplate(code: u32): u32 {
  if (code < 8) return (3 + code) << BASE_SHIFT;
  if (code == 28) return 258 << BASE_SHIFT;
  const extraBits = (code >> 2) - 1;
  return ((((4 + (code & 3)) << extraBits) + 3) << BASE_SHIFT) | extraBits;
}

/** RFC 1951, 3.2.5: distances 1 to 32768. `code` is 0 to 29. */
function distanceTemplate(code: u32): u32 {
  if (code < 4) return (code + 1) << BASE_SHIFT;
  const extraBits = (code >> 1) - 1;
  return ((((2 + (code & 1)) << extraBits) + 1) << BASE_SHIFT) | extraBits;
}

/** Fills the templates and the lengths of the fixed codes; once an instance. */
export function prepareEntries(): void {
  for (let symbol: u32 = 0; symbol < LITLEN_SYMBOLS; symbol++) {
    let template = EXCEPTION;
    if (symbol < END_OF_BLOCK_SYMBOL) template = LITERAL | (symbol << LITERAL_SHIFT);
    else if (symbol == END_OF_BLOCK_SYMBOL) template = EXCEPTION | END_OF_BLOCK;
    else if (symbol < 286) template = lengthTemplate(symbol - 257);
    store<u32>(LITLEN_TEMPLATES + (symbol << 2), template);
    store<u8>(FIXED_LENGTHS + symbol, symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8);
  }
  for (let symbol: u32 = 0; symbol < DISTANCE_SYMBOLS; symbol++) {
    store<u32>(DISTANCE_TEMPLATES + (symbol << 2), symbol < 30 ? distanceTemplate(symbol) : EXCEPTION);
    store<u8>(FIXED_LENGTHS + LITLEN_SYMBOLS + symbol, 5);
  }
  for (let symbol: u32 = 0; symbol < PRECODE_SYMBOLS; symbol++) {
    store<u32>(PRECODE_TEMPLATES + (symbol << 2), symbol << BASE_SHIFT);
  }
}
