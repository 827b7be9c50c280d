import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitsUint32, packIntegers, unpackIntegers } from '#src/index/file/packed-columns.js';

const roundTrip = (values: readonly number[]) => {
  const packed = packIntegers(Float64Array.from(values), values.length);
  const into = new Float64Array(values.length);
  const end = unpackIntegers(packed, 0, into);
  return { packed, values: [...into], end };
};

describe('integer columns', () => {
  it.each([
    ['nothing', []],
    ['equal values take no planes', [7, 7, 7]],
    ['negative and positive', [-1, 0, 1, -62_135_596_800, 253_402_300_799]],
    ['2^53 - 1', [0, Number.MAX_SAFE_INTEGER]],
    ['times of this century', [1_000_000_000, 1_700_000_000, 2_147_483_648]],
    ['up to 32 bits', [300, 4_294_967_295]],
    ['past 32 bits by the least value', [4_294_967_000, 4_294_967_300, 8_589_934_290]],
    ['negative, and 32 bits wide', [-4_000_000_000, 200_000_000]],
    ['a byte limit', [0, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296]],
  ])('%s', (_, values) => {
    const result = roundTrip(values);
    expect(result.values).toEqual(values);
    expect(result.end).toBe(result.packed.length);
  });

  it('keeps any integers whose range is below 2^53', () => {
    const integers = fc.array(fc.integer({ min: -(2 ** 51), max: 2 ** 51 }), { maxLength: 200 });
    fc.assert(
      fc.property(integers, (values) => {
        expect(roundTrip(values).values).toEqual(values);
      }),
    );
  });

  it('keeps integers around 2^32', () => {
    const around = fc.array(fc.integer({ min: 0, max: 2 ** 33 }), { maxLength: 20 });
    fc.assert(
      fc.property(around, (values) => {
        const { packed, values: unpacked } = roundTrip(values);
        expect(unpacked).toEqual(values);
        if (fitsUint32(packed, 0)) expect(Math.max(0, ...values)).toBeLessThan(2 ** 32);
      }),
    );
  });

  it('knows columns of 32 bits', () => {
    const fits = (...values: number[]) => fitsUint32(packIntegers(values, values.length), 0);
    expect([fits(0, 2 ** 32 - 1), fits(2 ** 32 - 1), fits(5, 5)]).toEqual([true, true, true]);
    expect([fits(2 ** 32), fits(-1, 3), fits(0, 2 ** 32)]).toEqual([false, false, false]);
  });

  it('keeps equal columns in 9 bytes', () => {
    expect(packIntegers(new Float64Array(1000).fill(-3), 1000)).toHaveLength(9);
  });

  it('refuses a range that does not fit', () => {
    expect(() => packIntegers([-(2 ** 53) + 1, 2 ** 53 - 1], 2)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED' }),
    );
  });

  it('refuses a column that is cut short', () => {
    const packed = packIntegers([1, 2, 300], 3);
    for (let length = 0; length < packed.length; length++) {
      expect(() => unpackIntegers(packed.subarray(0, length), 0, new Float64Array(3))).toThrow(
        expect.objectContaining({ code: 'CORRUPT_LAYER' }),
      );
    }
  });
});
