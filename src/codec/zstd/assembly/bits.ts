/**
 * Bit streams that are read backwards: from the last byte, whose highest 1 marks the end, to the
 * first (RFC 8878, 4.1.2). A position counts the bits that are left.
 */

/** The 64 bits below `position`, the next one at the top. The upper 56 are the stream's. */
@inline
export function bitsAt(base: usize, position: i32): u64 {
  return load<u64>(base + <usize>(<isize>(position >> 3)) - 7) << <u64>(8 - (position & 7));
}

/** The top `count` of `bits`, 0 to 63. */
@inline
export function topBits(bits: u64, count: u64): u64 {
  return (bits >> 1) >> (63 - count);
}

/** Bits in a stream of `size` bytes, or -1 if its last byte has no end mark. */
@inline
export function bitCount(base: usize, size: u32): i32 {
  if (size == 0) return -1;
  const last: u32 = load<u8>(base + size - 1);
  return last == 0 ? -1 : <i32>(size << 3) - <i32>(clz<u32>(last) - 24) - 1;
}
