import { invalidQuery } from './invalid-query.js';

const FORM = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?$/i;

/** Digits of a second's fraction. */
const NANOSECOND_DIGITS = 9;

/**
 * Parses a date, or a date and a time, in the form of ISO 8601: `2026-11-21`, `2026-11-21T15:04`,
 * `2026-11-21T15:04:05.5Z`. Without an offset it is UTC.
 * @returns the time since 1970
 * @throws LayerslayerError INVALID_ARGUMENT, also for a day that no month has
 */
export function parseTime(text: string): { seconds: number; nanoseconds: number } {
  const [, date, time = '00:00', second = '00', fraction = '', offset = 'Z'] = FORM.exec(text) ?? [];
  const ms = Date.parse(`${date}T${time}:${second}${offset.toUpperCase()}`);
  // Date.parse takes 2026-02-30 for 2026-03-02.
  const isReal = date !== undefined && new Date(`${date}T00:00Z`).toJSON()?.startsWith(date);
  if (Number.isNaN(ms) || !isReal)
    throw invalidQuery(`not a date: ${JSON.stringify(text)}: want 2026-11-21 or 2026-11-21T15:04:05 (UTC)`);
  return { seconds: ms / 1000, nanoseconds: Number(fraction.padEnd(NANOSECOND_DIGITS, '0')) };
}
