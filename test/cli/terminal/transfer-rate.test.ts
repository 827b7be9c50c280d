import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransferRate } from '#src/cli/terminal/progress/transfer-rate.js';

/** Adds samples of a transfer, one each `everyMs`. @returns bytes done at the end */
function transfer(
  rate: TransferRate,
  from: { bytes: number; ms: number },
  bytesPerSecond: number,
  [seconds, everyMs = 100]: [number, number?],
) {
  let { bytes, ms } = from;
  for (const end = ms + seconds * 1000; ms < end; ) {
    ms += everyMs;
    bytes += (bytesPerSecond * everyMs) / 1000;
    rate.add(bytes, 1e9, ms);
  }
  return { bytes, ms };
}

describe('TransferRate', () => {
  it('is the speed of a steady transfer, however often it is asked', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000_000 }),
        fc.integer({ min: 10, max: 900 }),
        (speed, everyMs) => {
          const rate = new TransferRate();
          const { bytes } = transfer(rate, { bytes: 1, ms: 0 }, speed, [20, everyMs]);
          expect(rate.shown!.bytesPerSecond).toBeCloseTo(speed, 3);
          // Of a sample a second ago at most.
          const msLeft = ((1e9 - bytes) / speed) * 1000;
          if (msLeft > 99 * 3_600_000) expect(rate.shown!.msLeft).toBeUndefined();
          else expect(Math.abs(rate.shown!.msLeft! - msLeft)).toBeLessThan(2_000);
        },
      ),
    );
  });

  it('follows a change within some seconds, without a jump', () => {
    const rate = new TransferRate();
    const then = transfer(rate, { bytes: 1, ms: 0 }, 1_000_000, [10]);
    const soon = transfer(rate, then, 100_000, [1]);
    expect(rate.shown!.bytesPerSecond).toBeGreaterThan(600_000);
    transfer(rate, soon, 100_000, [9]);
    expect(rate.shown!.bytesPerSecond).toBeLessThan(150_000);
  });

  it('says of a stalled transfer how slow it is, and then not when it ends', () => {
    const rate = new TransferRate();
    const then = transfer(rate, { bytes: 1, ms: 0 }, 1_000_000, [10]);
    const later = transfer(rate, then, 0, [10]);
    expect(rate.shown!.bytesPerSecond).toBeLessThan(50_000);
    transfer(rate, later, 0, [60]);
    expect(rate.shown!.bytesPerSecond).toBeLessThan(1);
    expect(rate.shown!.msLeft).toBeUndefined();
  });

  it('does not count what was there before, and begins again with a repeated transfer', () => {
    const rate = new TransferRate();
    rate.add(0, 1e9, 0);
    rate.add(0, 1e9, 5_000);
    const then = transfer(rate, { bytes: 500_000_000, ms: 5_000 }, 1_000, [2]);
    expect(rate.shown!.bytesPerSecond).toBeCloseTo(1_000, 3);
    rate.add(0, 1e9, then.ms + 100);
    expect(rate.shown).toBeUndefined();
    transfer(rate, { bytes: 1, ms: then.ms + 1_000 }, 2_000, [2]);
    expect(rate.shown!.bytesPerSecond).toBeCloseTo(2_000, 3);
  });

  it('takes samples of one time, as a clock may give them', () => {
    const rate = new TransferRate();
    for (let i = 1; i < 100; i++) rate.add(i, 100, 7);
    expect(rate.shown).toBeUndefined();
    rate.add(200, 200, 2_007);
    expect(rate.shown!.msLeft).toBe(0);
  });
});
