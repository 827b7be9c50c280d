/** `2006-01-02T15:04:05`, then perhaps a fraction, then the zone. */
const FRACTION_AT = 19;
const NANOSECOND_DIGITS = 9;
const SECONDS_A_DAY = 86_400;
const DAYS_A_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** Of 400 years of the Gregorian calendar. */
const DAYS_AN_ERA = 146_097;
/** From the first of March of the year 0 to 1970. */
const DAYS_TO_1970 = 719_468;

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** Seconds and the nanoseconds to add to them. */
export interface Time {
  seconds: number; // since 1970, may be negative
  nanoseconds: number; // 0 to 999999999
}

/**
 * Parses a time of RFC 3339, as Go writes it. Go's zero time, which means that there is none, is
 * the year 1: it becomes 1970. By character: an expression and a Date take 2 µs (measured).
 * @returns undefined if it is not one
 */
export function parseTime(text: string): Time | undefined {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  const hasForm =
    text[4] === '-' && text[7] === '-' && text[10] === 'T' && text[13] === ':' && text[16] === ':';
  const isTime = hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 59;
  if (!hasForm || !isTime || year < 0 || !isDay(year, month, day)) return undefined;
  let zoneAt = FRACTION_AT;
  if (text[FRACTION_AT] === '.') {
    zoneAt++;
    while (isDigit(text.charCodeAt(zoneAt))) zoneAt++;
    if (zoneAt === FRACTION_AT + 1) return undefined;
  }
  const zone = parseZone(text, zoneAt);
  if (zone === undefined) return undefined;
  const fraction = text.slice(FRACTION_AT + 1, Math.min(zoneAt, FRACTION_AT + 1 + NANOSECOND_DIGITS));
  const nanoseconds = Number(fraction.padEnd(NANOSECOND_DIGITS, '0')) || 0;
  if (year === 1 && month === 1 && day === 1 && nanoseconds === 0) return { seconds: 0, nanoseconds: 0 };
  const seconds = daysSince1970(year, month, day) * SECONDS_A_DAY + hour * 3600 + minute * 60 + second - zone;
  return { seconds, nanoseconds };
}

/** Returns the zone's distance in seconds, at the end of the text. */
function parseZone(text: string, at: number): number | undefined {
  if (text[at] === 'Z') return text.length === at + 1 ? 0 : undefined;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 4, 2);
  const sign = text[at] === '+' ? 1 : text[at] === '-' ? -1 : 0;
  if (sign === 0 || text[at + 3] !== ':' || text.length !== at + 6 || hours < 0 || minutes < 0) {
    return undefined;
  }
  return sign * (hours * 3600 + minutes * 60);
}

/** Returns the number of so many digits, -1 for anything else. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return -1;
    value = value * 10 + (code - DIGIT_0);
  }
  return value;
}

function isDigit(code: number): boolean {
  return code >= DIGIT_0 && code <= DIGIT_9;
}

function isDay(year: number, month: number, day: number): boolean {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const last = month === 2 && isLeap ? 29 : (DAYS_A_MONTH[month - 1] ?? 0);
  return day >= 1 && day <= last;
}

/** Counts years from March: the day that leap years add is then the last one. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * DAYS_AN_ERA + yearOfEra * 365 + leapDays + dayOfYear - DAYS_TO_1970;
}
