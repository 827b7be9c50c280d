const FORM = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const NANOSECOND_DIGITS = 9;
const SECONDS_A_DAY = 86_400;

/** Seconds and the nanoseconds to add to them. */
export interface Time {
  seconds: number; // since 1970, may be negative
  nanoseconds: number; // 0 to 999999999
}

/**
 * Parses a time of RFC 3339, as Go writes it. Go's zero time, which means that there is none, is
 * the year 1: it becomes 1970.
 * @returns undefined if it is not one
 */
export function parseTime(text: string): Time | undefined {
  const found = FORM.exec(text);
  if (!found) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as number[];
  const date = new Date(0);
  date.setUTCFullYear(year!, month! - 1, day!); // Date.UTC takes 0 to 99 as 1900 to 1999
  if (date.getUTCMonth() !== month! - 1 || date.getUTCDate() !== day) return undefined;
  if (hour! > 23 || minute! > 59 || second! > 59) return undefined;
  const zoneMinutes = Number(found[9] ?? 0) * 60 + Number(found[10] ?? 0);
  const zone = (found[8] === '-' ? -60 : 60) * zoneMinutes;
  const days = date.getTime() / (SECONDS_A_DAY * 1000);
  const seconds = days * SECONDS_A_DAY + hour! * 3600 + minute! * 60 + second! - zone;
  const nanoseconds = Number((found[7] ?? '').slice(0, NANOSECOND_DIGITS).padEnd(NANOSECOND_DIGITS, '0'));
  const isNone = year === 1 && month === 1 && day === 1 && nanoseconds === 0;
  return isNone ? { seconds: 0, nanoseconds: 0 } : { seconds, nanoseconds };
}
