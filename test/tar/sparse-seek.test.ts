import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nextData, nextHole } from '#src/tar/sparse-seek.js';

it('is what a check of each byte finds', () => {
  const parts = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 })), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(parts, fc.nat(3), fc.nat(40), (gapsAndLengths, tail, offset) => {
      const bytes: ('data' | 'hole')[] = [];
      const segments: number[] = [];
      for (const [gap, length] of gapsAndLengths) {
        bytes.push(...new Array<'hole'>(gap).fill('hole'));
        segments.push(bytes.length, length);
        bytes.push(...new Array<'data'>(length).fill('data'));
      }
      bytes.push(...new Array<'hole'>(tail).fill('hole'));
      const size = bytes.length;
      const first = (what: string) => {
        const found = bytes.findIndex((byte, at) => at >= offset && byte === what);
        return found === -1 ? undefined : found;
      };
      const map = Float64Array.from(segments);
      expect(nextData(map, size, offset)).toBe(first('data'));
      expect(nextHole(map, size, offset)).toBe(first('hole') ?? (offset < size ? size : undefined));
    }),
    { numRuns: 2000 },
  );
});

it.each([
  [0, 0, 7],
  [6, 6, 7],
  [7, undefined, undefined],
])('a file without holes, from %d: data at %s, the end at %s', (offset, data, hole) => {
  expect([nextData(undefined, 7, offset), nextHole(undefined, 7, offset)]).toEqual([data, hole]);
});

it('an empty file has neither', () => {
  expect([nextData(undefined, 0, 0), nextHole(undefined, 0, 0)]).toEqual([undefined, undefined]);
});
