/**
 * Parsers of the three number formats in tars. Each returns undefined for an invalid number, and
 * infinity beyond 64 bits signed. Within that, values past 2^53 are rounded as doubles; callers
 * check their ranges.
 */

const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_7 = 0x37;
const DIGIT_9 = 0x39;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;

const INT64_END = 2 ** 63;
const NANOSECOND_DIGITS = 9;

/** A time as a floor of seconds and the nanoseconds to add to it. */
interface PaxTime {
  seconds: number; // since 1970, integer, may be negative
  nanoseconds: number; // 0 to 999999999
}

/** Parses a header field: base-256 if its first bit is set (GNU, star), else octal. */
export function parseNumericField(block: Uint8Array, at: number, width: number): number | undefined {
  return block[at]! >= 0x80 ? parseBase256(block, at, width) : parseOctal(block, at, width);
}

/**
 * Parses octal digits with leading and trailing spaces and NULs; all blank is 0. Bytes after a NUL
 * are ignored: old writers leave garbage there.
 */
export function parseOctal(block: Uint8Array, at: number, width: number): number | undefined {
  const end = at + width;
  while (at < end && isBlank(block[at]!)) at++;
  let value = 0;
  for (; at < end; at++) {
    const byte = block[at]!;
    if (byte < DIGIT_0 || byte > DIGIT_7) break;
    value = value * 8 + (byte - DIGIT_0);
  }
  if (at < end && block[at] === 0) return value;
  while (at < end && isBlank(block[at]!)) at++;
  return at === end ? value : undefined;
}

/** Parses big-endian two's complement. Bit 1 marks the form, bit 2 is the sign. */
function parseBase256(block: Uint8Array, at: number, width: number): number | undefined {
  const negative = (block[at]! & 0x40) !== 0;
  const invert = negative ? 0xff : 0;
  let value = (block[at]! ^ invert) & 0x7f;
  for (let i = at + 1; i < at + width; i++) value = value * 256 + (block[i]! ^ invert);
  if (value >= INT64_END) return negative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return negative ? -1 - value : value;
}

/** Parses a PAX decimal integer: an optional sign and digits. */
export function parseDecimal(bytes: Uint8Array, at: number, end: number): number | undefined {
  const negative = bytes[at] === MINUS;
  if (at < end && (negative || bytes[at] === PLUS)) at++;
  if (at >= end) return undefined;
  let value = 0;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if (byte < DIGIT_0 || byte > DIGIT_9) return undefined;
    value = value * 10 + (byte - DIGIT_0);
  }
  if (value >= INT64_END) return negative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return negative ? 0 - value : value;
}

/**
 * Parses a PAX time: a decimal, its fraction cut after nine digits. The fraction counts away from
 * zero (`-1.25` is before `-1`). So a negative time becomes the next lower second plus nanoseconds.
 */
export function parsePaxTime(bytes: Uint8Array, at: number, end: number): PaxTime | undefined {
  const dot = bytes.subarray(at, end).indexOf(DOT);
  const wholeEnd = dot < 0 ? end : at + dot;
  const whole = parseDecimal(bytes, at, wholeEnd);
  if (whole === undefined) return undefined;
  let fraction = 0;
  let digits = 0;
  for (let i = wholeEnd + 1; i < end; i++) {
    const byte = bytes[i]!;
    if (byte < DIGIT_0 || byte > DIGIT_9) return undefined;
    if (digits === NANOSECOND_DIGITS) continue;
    fraction = fraction * 10 + (byte - DIGIT_0);
    digits++;
  }
  fraction *= 10 ** (NANOSECOND_DIGITS - digits);
  // The sign is read from the text: `-0.5` has a whole part of 0.
  if (bytes[at] !== MINUS || fraction === 0) return { seconds: whole, nanoseconds: fraction };
  return { seconds: whole - 1, nanoseconds: 10 ** NANOSECOND_DIGITS - fraction };
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === 0;
}
