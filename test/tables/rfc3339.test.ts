import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTime } from '#src/tables/rfc3339.js';

const text = (digits: number, value: number) => String(value).padStart(digits, '0');

describe('a time of RFC 3339', () => {
  it.each<[string, number, number]>([
    ['1970-01-01T00:00:00Z', 0, 0],
    ['2023-11-14T22:13:20Z', 1_700_000_000, 0],
    ['2023-11-14T22:13:20.000000001Z', 1_700_000_000, 1],
    ['2023-11-14T22:13:20.5Z', 1_700_000_000, 500_000_000],
    ['2023-11-14T22:13:20.9999999999Z', 1_700_000_000, 999_999_999],
    ['2023-11-14T23:13:20+01:00', 1_700_000_000, 0],
    ['2023-11-14T20:43:20-01:30', 1_700_000_000, 0],
    ['1969-12-31T23:59:59.25Z', -1, 250_000_000],
    ['2024-02-29T00:00:00Z', 1_709_164_800, 0],
    ['9999-12-31T23:59:59Z', 253_402_300_799, 0],
    ['0099-01-01T00:00:00Z', -59_042_995_200, 0],
    ['0001-01-01T00:00:00Z', 0, 0], // Go's zero time: there is none
  ])('%s', (written, seconds, nanoseconds) => {
    expect(parseTime(written)).toEqual({ seconds, nanoseconds });
  });

  it.each([
    '',
    '2023-11-14',
    '2023-11-14T22:13:20',
    '2023-11-14 22:13:20Z',
    '2023-02-29T00:00:00Z',
    '2023-13-01T00:00:00Z',
    '2023-00-01T00:00:00Z',
    '2023-01-00T00:00:00Z',
    '2023-01-01T24:00:00Z',
    '2023-01-01T00:60:00Z',
    '10000-01-01T00:00:00Z',
    '2023-11-14T22:13:20.Z',
    '2023-11-14T22:13:20Z\n2',
  ])('%j is none', (written) => {
    expect(parseTime(written)).toBeUndefined();
  });

  it('is what Date parses, from the year 2 on', () => {
    const time = fc.record({
      date: fc.date({
        min: new Date('0002-01-01T00:00:00Z'),
        max: new Date('9999-12-31T00:00:00Z'),
        noInvalidDate: true,
      }),
      zone: fc.integer({ min: -14 * 60, max: 14 * 60 }),
    });
    fc.assert(
      fc.property(time, ({ date, zone }) => {
        const [hours, minutes] = [Math.trunc(Math.abs(zone) / 60), Math.abs(zone) % 60];
        const suffix = zone === 0 ? 'Z' : `${zone < 0 ? '-' : '+'}${text(2, hours)}:${text(2, minutes)}`;
        const written = date.toISOString().replace('Z', suffix);
        const milliseconds = Date.parse(written);
        const seconds = Math.floor(milliseconds / 1000);
        const nanoseconds = (milliseconds - seconds * 1000) * 1_000_000;
        expect(parseTime(written)).toEqual({ seconds, nanoseconds });
      }),
    );
  });
});
