import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainLine, renderProgress } from '#src/cli/terminal/progress/progress-lines.js';
import { INDEXING, SAVING } from '#src/cli/terminal/progress/progress-words.js';
import { TransferRate } from '#src/cli/terminal/progress/transfer-rate.js';
import type { LayerProgress } from '#src/engine/image-session.js';

const MIB = 1024 ** 2;

function layer(number: number, changes: Partial<LayerProgress> = {}): LayerProgress {
  return { layer: number, state: 'indexing', cached: false, doneBytes: 0, totalBytes: 10 * MIB, ...changes };
}

function stateOf(...layers: LayerProgress[]) {
  const byLayer = new Map(layers.map((one) => [one.layer, one]));
  return { layers: layers.length, byLayer, rates: new Map<number, TransferRate>(), words: INDEXING };
}

/** As after some seconds at a steady speed. */
function rateOf(bytesPerSecond: number, msLeft?: number): TransferRate {
  const rate = new TransferRate();
  rate.shown = { bytesPerSecond, ...(msLeft !== undefined && { msLeft }) };
  return rate;
}

describe('renderProgress', () => {
  it('draws a bar a layer, base first', () => {
    const state = stateOf(
      layer(3, { state: 'waiting' }),
      layer(1, { state: 'done', doneBytes: 10 * MIB }),
      layer(2, { doneBytes: 5 * MIB }),
      layer(4, { state: 'done', cached: true }),
    );
    expect(renderProgress(state, 80, 24)).toEqual([
      'layer 1/4  indexed, 10.0 MiB',
      `layer 2/4  [######------]  indexing   10.0 MiB   50%`,
      'layer 3/4  waiting for another process',
      'layer 4/4  already indexed',
    ]);
  });

  it.each([
    [80, 'layer 2/9  [#####-------]  indexing   28.3 MiB   43%    12.1 MiB/s  2 s left'],
    [74, 'layer 2/9  [##----]  indexing   28.3 MiB   43%    12.1 MiB/s  2 s left'],
    [72, 'layer 2/9  [##########---------------]   43%    12.1 MiB/s  2 s left'],
    [52, 'layer 2/9  [##---]   43%    12.1 MiB/s  2 s left'],
    [51, 'layer 2/9  43%   12.1 MiB/s 2 s left'],
    [40, 'layer 2/9  43%   12.1 MiB/s 2 s left'],
    [39, '2/9  43%   12.1 MiB/s 2 s left'],
    [30, '2/9  43% 12.1 MiB/s'],
    [20, '2/9  43% 12.1 MiB/s'],
  ])('has percent, speed and time left in %d columns', (columns, line) => {
    const layers = [layer(2, { doneBytes: 12.2 * MIB, totalBytes: 28.3 * MIB })];
    const state = { ...stateOf(...layers), layers: 9, rates: new Map([[2, rateOf(12.1 * MIB, 1330)]]) };
    expect(renderProgress(state, columns, 24)).toEqual([line]);
  });

  it.each([
    [0, undefined, ' 0 B/s'],
    [1023.96 * MIB, 0, ' 1.0 GiB/s  1 s left'],
    [1023.9 * 1024, 59_001, ' 1023.9 KiB/s  60 s left'],
    [999, 59 * 60_000 + 1, ' 999 B/s  60 min left'],
    [12, 98.5 * 3_600_000, ' 12 B/s  99 h left'],
  ])('shows %d bytes a second and %s ms as %j, and moves no other column', (speed, msLeft, text) => {
    const state = (rates: Map<number, TransferRate>) => {
      return { ...stateOf(layer(1, { totalBytes: 1023.9 * MIB })), layers: 10, rates, words: SAVING };
    };
    const [without] = renderProgress(state(new Map()), 80, 24);
    const [line] = renderProgress(state(new Map([[1, rateOf(speed, msLeft)]])), 80, 24);
    expect(line!.endsWith(text)).toBe(true);
    expect(line!.startsWith(without!)).toBe(true);
    expect(without).toMatch(/^layer 1\/10 {3}\[-+\] {2}saving 1023\.9 MiB {4}0%$/);
    expect(line!.length).toBeLessThan(80);
  });

  it('shows a notice below', () => {
    expect(
      renderProgress({ ...stateOf(), notice: 'rate limited by x, trying again in 3 s' }, 80, 24),
    ).toEqual(['rate limited by x, trying again in 3 s']);
  });

  it('sums up what the terminal has no rows for', () => {
    const done = [1, 2, 3, 4, 5].map((number) => layer(number, { state: 'done' }));
    const busy = [6, 7, 8, 9].map((number) => layer(number));
    const lines = renderProgress(stateOf(...done, ...busy), 80, 4);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe('5 layers done, 2 more under way');
    expect(lines[1]).toMatch(/^layer 6\/9 /);
    expect(lines[2]).toMatch(/^layer 7\/9 /);
  });

  it('an empty blob is a full bar, and bytes beyond the end do not overflow it', () => {
    const [empty, over] = renderProgress(
      stateOf(layer(1, { totalBytes: 0 }), layer(2, { doneBytes: 99 * MIB })),
      80,
      24,
    );
    expect(empty).toMatch(/\[#+\] +indexing +0 B +100%$/);
    expect(over).toMatch(/\[#+\] +indexing +10\.0 MiB +100%$/);
  });

  it('never wraps or scrolls, whatever the terminal and the layers are', () => {
    const progress = fc.record({
      layer: fc.integer({ min: 1, max: 1024 }),
      state: fc.constantFrom('indexing' as const, 'waiting' as const, 'done' as const),
      cached: fc.boolean(),
      doneBytes: fc.maxSafeNat(),
      totalBytes: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(
        fc.array(progress, { maxLength: 40 }),
        fc.integer({ min: 21, max: 300 }),
        fc.integer({ min: 3, max: 60 }),
        fc.option(fc.string(), { nil: undefined }),
        fc.tuple(fc.double({ min: 0, max: 2 ** 53 }), fc.option(fc.double({ min: 0, max: 99 * 3_600_000 }))),
        (layers, columns, rows, notice, [speed, msLeft]) => {
          const rates = new Map(layers.map((one) => [one.layer, rateOf(speed, msLeft ?? undefined)]));
          const shown = notice !== undefined && { notice };
          const state = { ...stateOf(...layers), layers: 1024, rates, ...shown };
          const lines = renderProgress(state, columns, rows);
          for (const line of lines) expect(line.length).toBeLessThan(Math.min(columns, 80));
          expect(lines.length).toBeLessThan(rows);
        },
      ),
    );
  });
});

describe('plainLine', () => {
  it.each([
    [layer(3, { state: 'done', totalBytes: 28.3 * MIB }), 'layer 3/8: indexed, 28.3 MiB'],
    [layer(3, { state: 'done', cached: true }), 'layer 3/8: already indexed'],
    [layer(3, { state: 'waiting' }), 'layer 3/8: waiting for another process'],
  ])('%j', (progress, line) => expect(plainLine(progress, 8, INDEXING)).toBe(line));
});
