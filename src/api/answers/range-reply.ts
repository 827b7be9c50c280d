import type { Chunks, Headers, Reply } from '../routing/route.js';
import { requestedRange } from './byte-range.js';
import { isFresh } from './etag.js';

/** Bytes that clients may ask for in parts. */
export interface RangedContent {
  size: number;
  headers: Headers; // of every answer
  etag: string | undefined; // undefined: another request may find other bytes
  /** Returns a part, or all. */
  read(part: { offset: number; length: number } | undefined): Chunks;
}

/**
 * Answers with bytes: all, a part, or 304.
 * @param header of the request, by its name in lower case
 * @throws HttpFault RANGE_NOT_SATISFIABLE
 */
export function rangeReply(
  { size, headers: given, etag, read }: RangedContent,
  header: (name: string) => string | undefined,
): Reply {
  const headers = { ...given, 'Accept-Ranges': 'bytes', ...(etag !== undefined && { ETag: etag }) };
  if (etag !== undefined && isFresh(header('if-none-match'), etag))
    return { kind: 'empty', status: 304, headers };
  const ifRange = header('if-range');
  const isSame = ifRange === undefined || (etag !== undefined && ifRange === etag);
  const part = requestedRange(isSame ? header('range') : undefined, size);
  if (!part) return { kind: 'bytes', headers, length: size, bytes: read(undefined) };
  const range = `bytes ${part.offset}-${part.offset + part.length - 1}/${size}`;
  return {
    kind: 'bytes',
    status: 206,
    headers: { ...headers, 'Content-Range': range },
    length: part.length,
    bytes: read(part),
  };
}
