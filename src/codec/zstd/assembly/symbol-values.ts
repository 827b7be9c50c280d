/**
 * What the symbols of an FSE code stand for: a base value and a number of extra bits
 * (RFC 8878, 3.1.1.3.2.1.1). Packed as in a decode entry's bits 24 to 63, see fse-table.ts.
 */

export const LITERAL_LENGTH: u32 = 0;
export const OFFSET: u32 = 1;
export const MATCH_LENGTH: u32 = 2;
export const WEIGHT: u32 = 3; // the value is the symbol

@inline
function pack(base: u32, extraBits: u32): u64 {
  return (<u64>base << 32) | (<u64>extraBits << 24);
}

function literalLength(symbol: u32): u64 {
  if (symbol < 16) return pack(symbol, 0);
  if (symbol < 20) return pack(16 + ((symbol - 16) << 1), 1);
  if (symbol < 22) return pack(24 + ((symbol - 20) << 2), 2);
  if (symbol < 24) return pack(32 + ((symbol - 22) << 3), 3);
  if (symbol == 24) return pack(48, 4);
  return pack(1 << (symbol - 19), symbol - 19);
}

function matchLength(symbol: u32): u64 {
  if (symbol < 32) return pack(symbol + 3, 0);
  if (symbol < 36) return pack(35 + ((symbol - 32) << 1), 1);
  if (symbol < 38) return pack(43 + ((symbol - 36) << 2), 2);
  if (symbol < 40) return pack(51 + ((symbol - 38) << 3), 3);
  if (symbol < 42) return pack(67 + ((symbol - 40) << 4), 4);
  if (symbol == 42) return pack(99, 5);
  return pack((1 << (symbol - 36)) + 3, symbol - 36);
}

export function packedValue(kind: u32, symbol: u32): u64 {
  if (kind == LITERAL_LENGTH) return literalLength(symbol);
  if (kind == MATCH_LENGTH) return matchLength(symbol);
  if (kind == OFFSET) return pack(1 << symbol, symbol);
  return pack(symbol, 0);
}
