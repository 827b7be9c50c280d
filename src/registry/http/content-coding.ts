import { promisify } from 'node:util';
import { type HttpAnswer, listOf } from './http-exchange.js';

/** Maximum codings of one body. A proxy adds one, a chain of proxies two. */
const CODINGS_MAX = 4;
/** Bytes by which a coding may enlarge a short document. */
const CODING_OVERHEAD_MAX = 64 * 1024;

/** RFC 9110, section 8.4.1. */
const CODINGS = ['gzip', 'x-gzip', 'deflate', 'br'];

/** A body in the form that its reader accepts, if there is one. */
export interface DecodedBody {
  bytes: Uint8Array;
  note: string; // appended to a message about wrong bytes: ` (Content-Encoding: gzip)`, or empty
}

/** Returns how many bytes of a body to read for `limit` decoded bytes. */
export function codedLimit(answer: Pick<HttpAnswer, 'headers'>, limit: number): number {
  return codingsOf(answer).length > 0 ? limit + CODING_OVERHEAD_MAX : limit;
}

/**
 * Returns a body unchanged if its reader accepts it, else decoded by its Content-Encoding, else
 * unchanged. Requests ask for `identity`, but some proxies compress anyway, and others state a
 * coding that the bytes do not have. So the header alone does not decide. Not for layers: their
 * digests cover the stored bytes.
 * @param isRight returns whether the bytes are what the reader expects
 * @param limit maximum decoded bytes
 */
export async function decodedBody(
  bytes: Uint8Array,
  answer: Pick<HttpAnswer, 'headers'>,
  isRight: (bytes: Uint8Array) => boolean,
  limit: number,
): Promise<DecodedBody> {
  const codings = codingsOf(answer);
  if (codings.length === 0 || isRight(bytes)) return { bytes, note: '' };
  // A header may contain any byte.
  const named = codings
    .join(', ')
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 100);
  const note = (why: string) => ` (Content-Encoding: ${named}${why})`;
  if (codings.length > CODINGS_MAX || !codings.every((coding) => CODINGS.includes(coding))) {
    return { bytes, note: note(', which is not supported') };
  }
  try {
    let decoded = bytes;
    // Decode in reverse order.
    for (const coding of [...codings].reverse()) decoded = await decode(decoded, coding, limit);
    return { bytes: decoded, note: note('') };
  } catch {
    return { bytes, note: note(`, damaged or of more than ${limit} bytes`) };
  }
}

/**
 * Loads zlib here, since few bodies need it.
 * @throws if the coding is wrong or the result too large
 */
async function decode(bytes: Uint8Array, coding: string, maxOutputLength: number): Promise<Uint8Array> {
  const { brotliDecompress, gunzip, inflate, inflateRaw } = await import('node:zlib');
  const options = { maxOutputLength };
  if (coding === 'br') return promisify(brotliDecompress)(bytes, options);
  if (coding !== 'deflate') return promisify(gunzip)(bytes, options);
  // The RFC requires zlib's format, but some servers send a raw stream.
  return promisify(inflate)(bytes, options).catch(() => promisify(inflateRaw)(bytes, options));
}

function codingsOf({ headers }: Pick<HttpAnswer, 'headers'>): string[] {
  return listOf(headers['content-encoding']).filter((coding) => coding !== 'identity');
}

/** Returns whether the bytes are one JSON value. */
export function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}
