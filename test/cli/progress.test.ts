import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INDEXING, plainLine, renderProgress } from '#src/cli/terminal/progress.js';
import type { LayerProgress } from '#src/engine/image-session.js';

const MIB = 1024 ** 2;

function layer(number: number, changes: Partial<LayerProgress> = {}): LayerProgress {
  return { layer: number, state: 'indexing', cached: false, doneBytes: 0, totalBytes: 10 * MIB, ...changes };
}

function stateOf(...layers: LayerProgress[]) {
  return { layers: layers.length, byLayer: new Map(layers.map((one) => [one.layer, one])), words: INDEXING };
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
      `layer 2/4  [${'#'.repeat(21)}${'-'.repeat(21)}]      5.0 MiB / 10.0 MiB`,
      'layer 3/4  waiting for another process',
      'layer 4/4  already indexed',
    ]);
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
    expect(empty).toMatch(/\[#+\]/);
    expect(over).toMatch(/\[#+\] +10\.0 MiB \/ 10\.0 MiB$/);
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
        (layers, columns, rows, notice) => {
          const state = { ...stateOf(...layers), layers: 1024, ...(notice !== undefined && { notice }) };
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
