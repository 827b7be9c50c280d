import parseRange from 'range-parser';
import { HttpFault } from './http-status.js';

/** A part of a file. */
export interface ByteRange {
  offset: number;
  length: number;
}

/**
 * Returns the part that a request asks for. Several parts, and other units, are answered by the
 * whole. (RFC 9110, 14.2)
 * @param range the header
 * @returns undefined for the whole
 * @throws HttpFault RANGE_NOT_SATISFIABLE
 */
export function requestedRange(range: string | undefined, size: number): ByteRange | undefined {
  if (range === undefined || !/^bytes=/i.test(range)) return undefined;
  const parsed = parseRange(size, withinSize(range, size));
  if (parsed === -1) {
    const headers = { 'Content-Range': `bytes */${size}` };
    throw new HttpFault('RANGE_NOT_SATISFIABLE', `the file has ${size} bytes`, headers);
  }
  const [one, ...more] = parsed === -2 ? [] : parsed;
  if (one === undefined || more.length > 0) return undefined;
  return { offset: one.start, length: one.end - one.start + 1 };
}

/** The last bytes of a shorter file are all of it; range-parser refuses them. (RFC 9110, 14.1.2) */
function withinSize(range: string, size: number): string {
  return range.replace(/^(bytes=\s*-)(\d+)\s*$/i, (_, start: string, count: string) =>
    Number(count) > size ? `${start}${size}` : range,
  );
}
