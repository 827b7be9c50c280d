import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlobHasher } from '#src/blob/blocks/block-digests.js';
import { blockDigestsOf, digestOf, noise, PAGE, same } from './bytes.js';

const BYTES = noise(4 * PAGE + 321);

function hashed(chunks: Uint8Array[], algorithm: 'sha256' | 'sha512' = 'sha256', expectedSize?: number) {
  const hasher = new BlobHasher(algorithm, expectedSize);
  for (const chunk of chunks) hasher.update(chunk);
  return { size: hasher.size, ...hasher.finish() };
}

describe('BlobHasher', () => {
  test('is the same however the bytes are cut, whatever size was announced', () => {
    const cuts = fc.array(fc.nat(BYTES.length), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, fc.nat(BYTES.length), fc.nat(2 * BYTES.length), (places, size, announced) => {
        const bytes = BYTES.subarray(0, size);
        const borders = [0, ...places.map((at) => Math.min(at, size)).sort((a, b) => a - b), size];
        const chunks = borders.slice(1).map((end, i) => bytes.subarray(borders[i], end));
        const result = hashed(chunks, 'sha256', announced);
        expect(result.digest).toBe(digestOf(bytes));
        expect(same(result.blockDigests, blockDigestsOf(bytes))).toBe(true);
        expect(result.size).toBe(size);
      }),
      { numRuns: 60 },
    );
  });

  test.each([0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE])('whole pages, then the rest (%d bytes)', (size) => {
    const bytes = BYTES.subarray(0, size);
    const chunks = [0, 1, 2].map((n) => bytes.subarray(n * PAGE, (n + 1) * PAGE));
    const result = hashed(chunks, 'sha256', size);
    expect(result.digest).toBe(digestOf(bytes));
    expect(same(result.blockDigests, blockDigestsOf(bytes))).toBe(true);
  });

  test('the whole may be SHA-512, pages are SHA-256 always', () => {
    const result = hashed([BYTES], 'sha512');
    expect(result.digest).toBe(digestOf(BYTES, 'sha512'));
    expect(same(result.blockDigests, blockDigestsOf(BYTES))).toBe(true);
  });
});
