import { describe, expect, it } from 'vitest';
import { likelyEnd, SequentialReaders } from '#src/engine/reading/sequential-readers.js';

const COUNT = 1000;

/** Reads window ranges as the loader does. @returns for each read the windows beyond it that were asked for with it */
function walk(
  readers: SequentialReaders,
  reads: readonly (number | [number, number])[],
  chunkCount = COUNT,
): number[] {
  return reads.map((read) => {
    const [first, last] = typeof read === 'number' ? [read, read] : read;
    const reader = readers.at(first);
    const end = reader ? readers.advance(reader, last, chunkCount) : last + 1;
    if (!reader) readers.add(last, 0);
    expect(end).toBeGreaterThan(last);
    expect(end).toBeLessThanOrEqual(Math.max(chunkCount, last + 1));
    return end - last - 1;
  });
}

const range = (length: number, start = 0) => Array.from({ length }, (_, i) => start + i);

describe('sequential readers', () => {
  it('are read ahead of from their second read on, further each time, up to the limit', () => {
    const ahead = walk(new SequentialReaders(16), range(26));
    // Nothing while more than half of the last read-ahead is left.
    const next = [0, 0, 0, 0, 0, 0, 0, 16];
    expect(ahead).toEqual([0, 8, 0, 0, 0, 16, ...next, ...next, 0, 0, 0, 0]);
  });

  it.each<[string, (number | [number, number])[]]>([
    ['one look', [500]],
    ['looks here and there', [500, 3, 250, 90, 700, 420, 330, 810, 10, 990]],
    ['backwards', [40, 39, 38, 37, 36]],
    ['looks near each other', [40, 44, 60, 50, 55]],
    ['the same window again and again', [7, 7, 7, 7, 7]],
    ['one long read', [[100, 108]]],
    [
      'long reads far apart',
      [
        [100, 108],
        [300, 308],
        [500, 508],
      ],
    ],
  ])('%s: nothing is read ahead', (_, reads) => {
    expect(walk(new SequentialReaders(16), reads).every((ahead) => ahead === 0)).toBe(true);
  });

  it('may take long steps, and leave some windows out', () => {
    const readers = new SequentialReaders(16);
    expect(
      walk(readers, [
        [0, 8],
        [8, 16],
      ]),
    ).toEqual([0, 8]);
    expect(walk(readers, [[19, 26]])[0]).toBeGreaterThan(0);
  });

  it('end where the layer ends', () => {
    expect(walk(new SequentialReaders(16), range(5), 5)).toEqual([0, 3, 2, 1, 0]);
  });

  it('are told apart, and the one that goes on is remembered the longest', () => {
    const readers = new SequentialReaders(16);
    walk(readers, [0, 1]);
    // A random reader beside it: more looks than readers are remembered.
    for (let step = 2; step < 40; step++) {
      walk(readers, [500 + step * 10]);
      const reader = readers.at(step)!;
      expect(reader.position).toBe(step);
      readers.advance(reader, step, COUNT);
    }
    for (let i = 0; i < 8; i++) walk(readers, [100 + i * 20]);
    expect(readers.at(40)).toBeUndefined();
  });

  it('will likely go on four times as far as they have come, within the layer', () => {
    const readers = new SequentialReaders(16);
    readers.add(9, 0);
    for (const [last, end] of [
      [19, 19 + 1 + 40],
      [39, 39 + 1 + 120],
      [400, COUNT],
    ] as const) {
      const reader = readers.at(last === 19 ? 10 : last === 39 ? 20 : 40)!;
      readers.advance(reader, last, COUNT);
      expect(likelyEnd(reader, COUNT)).toBe(end);
    }
  });

  it('keep to a limit of one', () => {
    expect(walk(new SequentialReaders(1), range(4))).toEqual([0, 1, 1, 1]);
  });
});
