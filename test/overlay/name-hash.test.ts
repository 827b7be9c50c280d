import { describe, expect, it } from 'vitest';
import { hashName, slotOf } from '#src/overlay/name-hash.js';

// Linux, lib/tests/siphash_kunit.c, `test_vectors_hsiphash` for 32 bits: vector n is of the bytes 0 to n-1.
const KEY = { low: 0x03020100, high: 0x07060504 };
const VECTORS = [
  0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6, 0x577999b1,
  0xc839caed,
];

describe('hashName', () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);

  it('is HalfSipHash-1-3, wherever the bytes lie', () => {
    const shifted = new Uint8Array([9, 9, 9, ...bytes]);
    VECTORS.forEach((vector, length) => {
      expect(hashName(bytes, 0, length, KEY)).toBe(vector);
      expect(hashName(shifted, 3, 3 + length, KEY)).toBe(vector);
    });
  });

  it('takes a key that no layer knows', () => {
    expect(hashName(bytes, 0, 8)).toBe(hashName(bytes, 0, 8));
    const byKey = new Set([1, 2, 3, 4].map((low) => hashName(bytes, 0, 8, { low, high: 0 })));
    expect(byKey.size).toBe(4);
  });
});

describe('slotOf', () => {
  it('spreads one name over the directories that hold it', () => {
    const mask = 2 ** 16 - 1;
    const slots = new Set(Array.from({ length: 2 ** 15 }, (_, directory) => slotOf(directory, 0x1234, mask)));
    expect(slots.size).toBe(2 ** 15);
  });
});
