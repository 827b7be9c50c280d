import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SparseLayout } from '#src/engine/reading/sparse-layout.js';

/** Gaps and lengths -> segments, the stored bytes 1, 2, 3 … and the logical file. */
function sparseFile(parts: readonly [gap: number, length: number][], tail: number) {
  const segments: number[] = [];
  const logical: number[] = [];
  const stored: number[] = [];
  for (const [gap, length] of parts) {
    for (let i = 0; i < gap; i++) logical.push(0);
    segments.push(logical.length, length);
    for (let i = 0; i < length; i++) {
      const byte = (stored.length % 255) + 1;
      stored.push(byte);
      logical.push(byte);
    }
  }
  for (let i = 0; i < tail; i++) logical.push(0);
  return { layout: new SparseLayout(Float64Array.from(segments)), stored, logical };
}

function read({ layout, stored }: ReturnType<typeof sparseFile>, offset: number, length: number): number[] {
  return layout
    .pieces(offset, length)
    .flatMap(({ from, length }) =>
      from < 0 ? new Array<number>(length).fill(0) : stored.slice(from, from + length),
    );
}

describe('a sparse layout', () => {
  it.each([
    ['only a hole', [], 10, 2, 5, [{ from: -1, length: 5 }]],
    ['inside a segment', [[3, 10]], 0, 5, 4, [{ from: 2, length: 4 }]],
    [
      'from hole to hole',
      [[2, 2]],
      4,
      0,
      8,
      [
        { from: -1, length: 2 },
        { from: 0, length: 2 },
        { from: -1, length: 4 },
      ],
    ],
    [
      'past an empty segment',
      [
        [0, 2],
        [3, 0],
      ],
      3,
      0,
      6,
      [
        { from: 0, length: 2 },
        { from: -1, length: 4 },
      ],
    ],
    ['nothing', [[0, 4]], 0, 2, 0, []],
  ] as const)('%s', (_, parts, tail, offset, length, pieces) => {
    expect(sparseFile(parts as never, tail).layout.pieces(offset, length)).toEqual(pieces);
  });

  it('reads what the logical file holds', () => {
    const small = fc.integer({ min: 0, max: 9 });
    const file = fc
      .tuple(fc.array(fc.tuple(small, small), { maxLength: 12 }), small)
      .map(([p, tail]) => sparseFile(p, tail));
    fc.assert(
      fc.property(file, fc.nat(120), fc.nat(120), (file, a, b) => {
        const offset = Math.min(a, file.logical.length);
        const length = Math.min(b, file.logical.length - offset);
        expect(read(file, offset, length)).toEqual(file.logical.slice(offset, offset + length));
      }),
      { numRuns: 1000 },
    );
  });
});
