import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listTop, movedTop, scrollHeight, scrollTopOf } from '#src/web/views/parts/scaled-scroll.js';
import { revealedTop } from '#src/web/views/parts/use-virtual-rows.js';

const viewport = 700;
const HUGE = 268_435_456 * 20; // pixels of the rows of 4 GiB

describe('a list that is higher than a browser scrolls', () => {
  it('is as it is while it is small', () => {
    expect(scrollHeight(5_000)).toBe(5_000);
    expect(listTop(1_234, 5_000, viewport)).toBe(1_234);
    expect(scrollTopOf(1_234, 5_000, viewport)).toBe(1_234);
  });

  it.each([
    ['Firefox', 17_895_697],
    ['Chromium with a page of 500 % on a screen with two device pixels a pixel', 33_554_428 / 10],
  ])('has a scroller that %s can have', (_, limit) => {
    expect(scrollHeight(HUGE)).toBeLessThan(limit);
  });

  it('reaches both ends', () => {
    expect(listTop(0, HUGE, viewport)).toBe(0);
    expect(listTop(scrollHeight(HUGE) - viewport, HUGE, viewport)).toBe(HUGE - viewport);
  });

  it('maps each scroll position to a place and back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: scrollHeight(HUGE) - viewport }), (scrollTop) => {
        expect(scrollTopOf(listTop(scrollTop, HUGE, viewport), HUGE, viewport)).toBe(scrollTop);
      }),
    );
  });

  it('moves by the same pixels as a wheel, everywhere', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2_000, max: HUGE - 4_000 }),
        fc.integer({ min: -600, max: 600 }),
        (top, way) => {
          const from = scrollTopOf(top, HUGE, viewport);
          const next = movedTop(top, { from, to: from + way, total: HUGE, viewport });
          expect(Math.abs(next - (top + way))).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('jumps with the scroll bar', () => {
    const to = scrollHeight(HUGE) / 2;
    const top = movedTop(0, { from: 0, to, total: HUGE, viewport });
    expect(top / HUGE).toBeCloseTo(0.5, 2);
  });
});

describe('a row that is revealed', () => {
  it.each([
    ['is visible', 500, 400, 400],
    ['is just above', 500, 510, 500],
    ['is just below', 1_090, 400, 416],
    ['is far above', 500, 9_000, 163],
    ['is far below', 9_000, 0, 8_663],
  ])('that %s', (_, start, top, expected) => {
    expect(revealedTop(start, 26, top, viewport)).toBe(expected);
  });
});
