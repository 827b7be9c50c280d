import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isAdrift,
  listTop,
  movedTop,
  scrollHeight,
  scrollTopOf,
} from '#src/web/views/parts/scaled-scroll.js';

const viewport = 700;
const HUGE = 268_435_456 * 20; // pixels of the rows of 4 GiB

describe('a list that is higher than a browser scrolls', () => {
  it('is as it is while it is small', () => {
    expect(scrollHeight(5_000)).toBe(5_000);
    expect(listTop(1_234, 5_000, viewport)).toBe(1_234);
    expect(scrollTopOf(1_234, 5_000, viewport)).toBe(1_234);
  });

  it('has a scroller that browsers can have', () => {
    expect(scrollHeight(HUGE)).toBeLessThan(17_000_000);
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

  it('leaves the scroller alone after a key, but not far from the list, nor near an end', () => {
    const adrift = (top: number, drift: number) =>
      isAdrift(scrollTopOf(top, HUGE, viewport) + drift, top, HUGE, viewport);
    expect(adrift(HUGE / 2, 600)).toBe(false);
    expect(adrift(HUGE / 2, -10 * 600)).toBe(false);
    expect(adrift(HUGE / 2, scrollHeight(HUGE) / 50)).toBe(true);
    expect(adrift(1_000, 1)).toBe(true);
    expect(adrift(HUGE - viewport - 1_000, -1)).toBe(true);
    expect(adrift(1_000, 0)).toBe(false);
  });
});
