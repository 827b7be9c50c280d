/**
 * FSE decode tables (RFC 8878, 4.1.1). An entry is a u64, so that one load gives all of a state:
 *
 *     bits 0-15   base of the next state
 *     bits 16-23  bits to read for the next state
 *     bits 24-31  extra bits of the symbol's value
 *     bits 32-63  base of the symbol's value
 */
import { COUNTS, NEXT_STATES, SPREAD } from './layout';
import { packedValue } from './symbol-values';

@inline
export function nextBase(entry: u64): u32 {
  return <u32>entry & 0xffff;
}

@inline
export function nextBits(entry: u64): u64 {
  return (entry >> 16) & 255;
}

@inline
export function extraBits(entry: u64): u64 {
  return (entry >> 24) & 255;
}

@inline
export function valueBase(entry: u64): u32 {
  return <u32>(entry >> 32);
}

/** Gives each of the 1 << log states its symbol. */
function spread(log: u32, symbols: u32): void {
  const size: u32 = 1 << log;
  let high: u32 = size - 1; // symbols "less than 1" take the last states
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count: i32 = load<i16>(COUNTS + (symbol << 1));
    store<u16>(NEXT_STATES + (symbol << 1), count < 0 ? 1 : <u16>count);
    if (count < 0) store<u8>(SPREAD + high--, <u8>symbol);
  }
  const step: u32 = (size >> 1) + (size >> 3) + 3;
  let state: u32 = 0;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count: i32 = load<i16>(COUNTS + (symbol << 1));
    for (let i: i32 = 0; i < count; i++) {
      store<u8>(SPREAD + state, <u8>symbol);
      do state = (state + step) & (size - 1); while (state > high);
    }
  }
}

/** Builds the decode table of COUNTS, whose sum is 1 << log. */
export function buildTable(table: usize, log: u32, symbols: u32, kind: u32): void {
  spread(log, symbols);
  const size: u32 = 1 << log;
  for (let state: u32 = 0; state < size; state++) {
    const symbol: u32 = load<u8>(SPREAD + state);
    const next: u32 = load<u16>(NEXT_STATES + (symbol << 1));
    store<u16>(NEXT_STATES + (symbol << 1), <u16>(next + 1));
    const bits: u32 = log - (31 - clz<u32>(next));
    const base: u32 = (next << bits) - size;
    store<u64>(table + (state << 3), packedValue(kind, symbol) | (<u64>bits << 16) | <u64>base);
  }
}

/** The table of a code with one symbol (RLE_Mode): one state, which is never left. */
export function buildSingle(table: usize, symbol: u32, kind: u32): void {
  store<u64>(table, packedValue(kind, symbol));
}
