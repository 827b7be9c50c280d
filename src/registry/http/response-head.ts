import { listOf } from './http-exchange.js';

/** The head of an HTTP/1 response, parsed as loosely as in Go and curl. */
export interface ResponseHead {
  status: number;
  headers: Record<string, string | string[]>; // names in lower case
}

/** Maximum bytes of a head. Gateways send tens of KiB; curl's limit is 300 KiB, Go's 10 MiB. */
export const HEAD_SIZE_MAX = 1024 * 1024;

/** A response that violates HTTP beyond loose parsing. */
export class HttpSyntaxError extends Error {}

/** The server does not speak HTTP, but TLS or another protocol. */
class NotHttpError extends HttpSyntaxError {}

/** undici's parser rejected the bytes, but they may be HTTP as Go and curl parse it. */
export function isStrictParserError(error: unknown): boolean {
  return error instanceof Error && error.name === 'HTTPParserError' && !isNotHttp(error);
}

/** The bytes are not HTTP at all. */
export function isNotHttp(error: unknown): boolean {
  if (error instanceof NotHttpError) return true;
  // The error has no code; `Expected HTTP/, RTSP/ or ICE/` is llhttp's reason.
  return (
    error instanceof Error && error.name === 'HTTPParserError' && error.message.includes('(Expected HTTP/')
  );
}

/**
 * Parses a status line and headers. Lines may end in LF alone, continue on the next line (obs-fold,
 * RFC 9112 section 5.2), or have a space before the colon. Equal lengths count once. Chunked
 * overrides a length (RFC 9112 section 6.3).
 * @param block all lines, without the final empty one
 * @throws HttpSyntaxError
 */
export function parseResponseHead(block: Buffer): ResponseHead {
  const [first = '', ...lines] = block
    .toString('latin1')
    .replace(/\r$/, '')
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/);
  const status = /^HTTP\/\d\.\d +(\d{3})(?: |$)/i.exec(first)?.[1];
  if (status === undefined) throw new NotHttpError('the answer does not begin with an HTTP status');
  const headers: ResponseHead['headers'] = Object.create(null) as ResponseHead['headers'];
  for (const line of lines) addHeader(headers, line);
  settleLength(headers);
  return { status: Number(status), headers };
}

function addHeader(headers: ResponseHead['headers'], line: string): void {
  const colon = line.indexOf(':');
  if (colon < 0) throw new HttpSyntaxError('a header line has no colon');
  const name = line.slice(0, colon).trim().toLowerCase();
  // No lookup uses an invalid name: Go drops such lines.
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return;
  const value = line.slice(colon + 1).trim();
  const earlier = headers[name];
  headers[name] = earlier === undefined ? value : [earlier, value].flat();
}

function settleLength(headers: ResponseHead['headers']): void {
  const [length, other] = new Set(listOf(headers['content-length']));
  if (other !== undefined) {
    throw new HttpSyntaxError(`the answer has two lengths, ${quoted(length!)} and ${quoted(other)}`);
  }
  if (length !== undefined && !/^\d{1,15}$/.test(length)) {
    throw new HttpSyntaxError(`the answer's length is not a number: ${quoted(length)}`);
  }
  if (isChunked(headers) || length === undefined) delete headers['content-length'];
  else headers['content-length'] = length;
}

/** @throws HttpSyntaxError for any other coding: requests ask for none */
export function isChunked(headers: ResponseHead['headers']): boolean {
  const codings = listOf(headers['transfer-encoding']).filter((coding) => coding !== 'identity');
  const unknown = codings.find((coding) => coding !== 'chunked');
  if (unknown !== undefined || codings.length > 1) {
    throw new HttpSyntaxError(`unknown transfer coding: ${quoted(codings.join(', '))}`);
  }
  return codings.length === 1;
}

/** Returns printable, short text. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 40).replace(/[^\x20-\x7e]/g, '?'));
}

/** Collects bytes until the empty line that ends a head. Skips 100 Continue and 103 Early Hints. */
export class HeadCollector {
  #bytes: Buffer = Buffer.alloc(0);

  /**
   * @returns the head and the bytes after it, undefined while its end is missing
   * @throws HttpSyntaxError if it is too large, not a head, or ends HTTP (101)
   */
  push(chunk: Buffer): { head: ResponseHead; rest: Buffer } | undefined {
    for (let bytes = chunk; ; this.#bytes = Buffer.alloc(0)) {
      const found = this.#collect(bytes);
      if (!found || found.head.status >= 200) return found;
      if (found.head.status === 101)
        throw new HttpSyntaxError('the server switched to another protocol (101)');
      bytes = found.rest;
    }
  }

  /** Returns a head of any status. */
  #collect(chunk: Buffer): { head: ResponseHead; rest: Buffer } | undefined {
    // Some servers send an empty line before the status line (RFC 9112 section 2.2).
    const from = this.#bytes.length === 0 ? chunk.findIndex((byte) => byte !== 13 && byte !== 10) : 0;
    if (from < 0) return undefined;
    const searched = Math.max(0, this.#bytes.length - 3); // the end may span two chunks
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(from)]);
    for (let lf = this.#bytes.indexOf(10, searched); lf >= 0; lf = this.#bytes.indexOf(10, lf + 1)) {
      const next = this.#bytes[lf + 1] === 13 ? lf + 2 : lf + 1;
      if (this.#bytes[next] !== 10) continue;
      if (lf > HEAD_SIZE_MAX) break;
      return { head: parseResponseHead(this.#bytes.subarray(0, lf)), rest: this.#bytes.subarray(next + 1) };
    }
    if (this.#bytes.length > HEAD_SIZE_MAX) {
      throw new HttpSyntaxError(`the answer has more than ${HEAD_SIZE_MAX} bytes of headers`);
    }
    return undefined;
  }
}
