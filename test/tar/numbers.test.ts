import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDecimal, parseNumericField, parsePaxTime } from '#src/tar/numbers.js';
import { base256 } from '../support/tar.js';

const field = (text: string | Uint8Array) => {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : Buffer.from(text);
  // Digits around the field: a reader that leaves it gets another number.
  const block = Buffer.concat([Buffer.from('777'), bytes, Buffer.from('777')]);
  return parseNumericField(block, 3, bytes.length);
};
const decimal = (text: string) => parseDecimal(Buffer.from(`9${text}9`), 1, 1 + text.length);
const time = (text: string) => parsePaxTime(Buffer.from(`9${text}.9`), 1, 1 + text.length);

describe('header fields', () => {
  test.each<[string, number | undefined]>([
    ['0000644\0', 0o644],
    ['000644 \0', 0o644],
    ['   644 \0', 0o644],
    ['\0\0 644\0\0', 0o644],
    ['77777777', 0o77777777], // no terminator
    ['        ', 0],
    ['\0\0\0\0\0\0\0\0', 0],
    ['644\0junk', 0o644], // old writers do not clear the field
    ['644 junk', undefined],
    ['0000648\0', undefined],
    ['-000001\0', undefined],
    ['0x1f\0\0\0\0', undefined],
    ['junk\0\0\0\0', undefined],
  ])('octal %j is %s', (text, value) => {
    expect(field(text)).toBe(value);
  });

  test.each<[string, number | undefined]>([
    ['8000000000000001', 1],
    ['80000000ffffffff', 0xffffffff],
    ['ffffffffffffffff', -1],
    ['fffffffffffffffe', -2],
    ['bfffffffffffffff', 2 ** 62], // the most that eight bytes say: rounded, far past every range
    ['800000000020000000000000', 2 ** 53],
    ['ffffffffffe0000000000000', -(2 ** 53)],
    ['80000000ffffffffffffffff', Number.POSITIVE_INFINITY], // over 64 bits signed
    ['ffffffff0000000000000000', Number.NEGATIVE_INFINITY],
  ])('base-256 %s is %s', (hex, value) => {
    expect(field(Buffer.from(hex, 'hex'))).toBe(value);
  });

  test('any number survives base-256', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => field(base256(value, 12)) === value),
      { numRuns: 500 },
    );
  });
});

test.each<[string, number | undefined]>([
  ['0', 0],
  ['-0', 0],
  ['+17', 17],
  ['-17', -17],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['9223372036854775808', Number.POSITIVE_INFINITY],
  ['-99999999999999999999999999', Number.NEGATIVE_INFINITY],
  [`${'9'.repeat(5000)}`, Number.POSITIVE_INFINITY],
  ['', undefined],
  ['-', undefined],
  [' 1', undefined],
  ['1 ', undefined],
  ['1e9', undefined],
  ['0x10', undefined],
  ['1_0', undefined],
])('decimal %j is %s', (text, value) => {
  expect(decimal(text)).toBe(value);
});

test.each<[string, number, number]>([
  ['1350244992', 1350244992, 0],
  ['1350244992.023960108', 1350244992, 23960108],
  ['1350244992.0239601', 1350244992, 23960100],
  ['1350244992.', 1350244992, 0],
  ['1350244992.0239601089999', 1350244992, 23960108],
  ['0.5', 0, 500000000],
  ['-0.5', -1, 500000000],
  ['-1.25', -2, 750000000],
  ['-1', -1, 0],
  ['-1.000', -1, 0],
  ['-1.0000000001', -1, 0],
  ['-0.000000001', -1, 999999999],
  ['253402300800.1', 253402300800, 100000000],
])('PAX time %s is %d s and %d ns', (text, seconds, nanoseconds) => {
  expect(time(text)).toEqual({ seconds, nanoseconds });
});

test.each(['', '.5', '-', '1.5.5', '1.-5', 'now', '1,5', '- 1', '1.5s'])('%j is no PAX time', (text) => {
  expect(time(text)).toBeUndefined();
});

test('a PAX time is its decimal, floored', () => {
  const digits = fc.integer({ min: 0, max: 999_999_999 });
  fc.assert(
    fc.property(fc.integer(), fc.boolean(), digits, (whole, negative, fraction) => {
      const text = `${negative ? '-' : ''}${Math.abs(whole)}.${String(fraction).padStart(9, '0')}`;
      const total = BigInt(Math.abs(whole)) * 1_000_000_000n + BigInt(fraction);
      const got = time(text)!;
      expect(BigInt(got.seconds) * 1_000_000_000n + BigInt(got.nanoseconds)).toBe(negative ? -total : total);
      expect(got.nanoseconds).toBeGreaterThanOrEqual(0);
      expect(got.nanoseconds).toBeLessThan(1_000_000_000);
    }),
    { numRuns: 500 },
  );
});
