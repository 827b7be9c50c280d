import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packIntegers, unpackIntegers } from '#src/index/packed-columns.js';

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
