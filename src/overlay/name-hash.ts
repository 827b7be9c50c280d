import { randomBytes } from 'node:crypto';

/**
 * Key of HalfSipHash-1-3, which Linux uses for hash tables on 32-bit machines. Without a key, a
 * layer could have 10^5 names of one hash, and each lookup would visit all of them. (SipHash:
 * Aumasson, Bernstein 2012; Linux, lib/siphash.c, `hsiphash`)
 */
export interface HashKey {
  readonly low: number;
  readonly high: number;
}

/** One key a process: nothing that depends on a hash is shown or stored. */
export const PROCESS_KEY: HashKey = {
  low: randomBytes(4).readInt32LE(),
  high: randomBytes(4).readInt32LE(),
};

/** Unsigned 32 bits of the bytes `[start, end)`. */
export function hashName(bytes: Uint8Array, start: number, end: number, key: HashKey = PROCESS_KEY): number {
  let v0 = key.low;
  let v1 = key.high;
  let v2 = key.low ^ 0x6c796765;
  let v3 = key.high ^ 0x74656462;
  const length = end - start;
  const wordsEnd = start + (length & ~3);
  let at = start;
  let rounds = 1;
  for (;;) {
    let word: number;
    if (at < wordsEnd) {
      word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      v3 ^= word;
    } else if (at === wordsEnd) {
      word = length << 24;
      const left = length & 3;
      if (left > 2) word |= bytes[at + 2]! << 16;
      if (left > 1) word |= bytes[at + 1]! << 8;
      if (left > 0) word |= bytes[at]!;
      v3 ^= word;
    } else {
      word = 0;
      v2 ^= 0xff;
      rounds = 3;
    }
    for (let round = 0; round < rounds; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    if (rounds === 3) return (v1 ^ v3) >>> 0;
    v0 ^= word;
    at += 4;
  }
}

/**
 * Slot of (directory, name) in a table of `mask + 1`. Directories are small ascending numbers: the
 * golden ratio spreads one name that is in many of them.
 */
export function slotOf(directory: number, nameHash: number, mask: number): number {
  return (Math.imul(directory, 0x9e3779b1) ^ nameHash) & mask;
}
