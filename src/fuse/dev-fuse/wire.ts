import { endianness } from 'node:os';

/** The protocol is in host byte order. */
export const LITTLE_ENDIAN = endianness() === 'LE';

const LOW_WORD = LITTLE_ENDIAN ? 0 : 4; // byte offset of the low half in a u64
const HIGH_WORD = 4 - LOW_WORD;
const WORD = 2 ** 32;

/**
 * Writes an integer of magnitude below 2^53 as u64, or as s64 in two's complement if negative. Two
 * u32 writes, because a BigInt is an allocation.
 */
export function putU64(view: DataView, offset: number, value: number): void {
  const high = Math.floor(value / WORD);
  view.setUint32(offset + LOW_WORD, value - high * WORD, LITTLE_ENDIAN);
  view.setUint32(offset + HIGH_WORD, high >>> 0, LITTLE_ENDIAN);
}

/** Reads a u64. Values beyond 53 bits are rounded to an unsafe integer, for callers to check. */
export function getU64(view: DataView, offset: number): number {
  return (
    view.getUint32(offset + HIGH_WORD, LITTLE_ENDIAN) * WORD +
    view.getUint32(offset + LOW_WORD, LITTLE_ENDIAN)
  );
}
