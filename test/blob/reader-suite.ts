import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Blob } from '#src/blob/blob.js';
import { noise, PAGE, same } from './bytes.js';

/** Around every border that a reader may have: chunks, pages, the end. */
export const SIZES = [0, 1, 1000, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 77];

/** What every reader of a blob must do. `make` is called for each test. */
export function blobReaderSuite(
  name: string,
  make: (bytes: Uint8Array) => Promise<Pick<Blob, 'size' | 'read'>>,
): void {
  describe(`${name} as a reader`, () => {
    test.each(SIZES)('reads are slices (%d bytes)', async (size) => {
      const bytes = noise(size);
      const reader = await make(bytes);
      expect(reader.size).toBe(size);
      expect(same(await reader.read(0, size), bytes)).toBe(true);
      const range = fc
        .tuple(fc.nat(size), fc.nat(size))
        .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
      await fc.assert(
        fc.asyncProperty(range, async ([from, to]) => {
          expect(same(await reader.read(from, to - from), bytes.subarray(from, to))).toBe(true);
        }),
        { numRuns: 40 },
      );
      for (const at of [PAGE - 1, PAGE, PAGE + 1].filter((offset) => offset <= size)) {
        const length = Math.min(2, size - at);
        expect(same(await reader.read(at, length), bytes.subarray(at, at + length))).toBe(true);
      }
    });

    test("many reads at once don't mix", async () => {
      const bytes = noise(2 * PAGE + 5);
      const reader = await make(bytes);
      const offsets = Array.from({ length: 50 }, (_, i) => (i * 10_007) % (bytes.length - 20_000));
      const reads = await Promise.all(offsets.map((offset) => reader.read(offset, 20_000)));
      reads.forEach((read, i) => {
        expect(same(read, bytes.subarray(offsets[i], offsets[i]! + 20_000))).toBe(true);
      });
    });

    test.each([
      [-1, 1],
      [0, 101],
      [100, 1],
      [101, 0],
      [0, -1],
      [Number.NaN, 1],
      [1, Number.NaN],
      [2 ** 53, 2 ** 53],
    ])('a range outside the blob is refused (%d, %d)', async (offset, length) => {
      const reader = await make(noise(100));
      await expect(reader.read(offset, length)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });

    test('an aborted signal ends it', async () => {
      const reader = await make(noise(100));
      await expect(reader.read(0, 100, AbortSignal.abort())).rejects.toThrow(/abort/i);
    });
  });
}

/** What every Blob must do besides. */
export function blobSourceSuite(name: string, make: (bytes: Uint8Array) => Promise<Blob>): void {
  describe(`${name} as a Blob`, () => {
    test.each(SIZES)('streams are slices, one chunk at a time (%d bytes)', async (size) => {
      const bytes = noise(size);
      const source = await make(bytes);
      for (const [from, to] of [
        [0, size],
        [size >> 1, size],
        [size >> 2, size >> 1],
        [size, size],
      ] as const) {
        const got: Uint8Array[] = [];
        let inside = 0;
        await source.stream(from, to, async (chunk) => {
          expect(++inside).toBe(1);
          await null;
          got.push(chunk.slice());
          inside--;
        });
        expect(same(Buffer.concat(got), bytes.subarray(from, to))).toBe(true);
      }
    });

    test("the consumer's error ends the stream", async () => {
      const source = await make(noise(3 * PAGE));
      const fault = new Error('the consumer');
      let chunks = 0;
      const stream = source.stream(0, 3 * PAGE, () => {
        chunks++;
        throw fault;
      });
      await expect(stream).rejects.toBe(fault);
      expect(chunks).toBe(1);
    });

    test('an abort between chunks ends it', async () => {
      const source = await make(noise(3 * PAGE));
      const aborter = new AbortController();
      let chunks = 0;
      const onChunk = () => {
        chunks++;
        aborter.abort();
      };
      await expect(source.stream(0, 3 * PAGE, onChunk, aborter.signal)).rejects.toThrow(/abort/i);
      expect(chunks).toBe(1);
    });

    test.each([
      [-1, 10],
      [5, 4],
      [0, 101],
    ])('a range outside the blob is refused (%d, %d)', async (offset, end) => {
      const source = await make(noise(100));
      await expect(source.stream(offset, end, () => {})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });
  });
}
