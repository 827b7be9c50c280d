import {
  HEAD_SIZE_MAX,
  HeadCollector,
  HttpSyntaxError,
  isChunked,
  type ResponseHead,
} from './response-head.js';

/** An event of a response: its head, bytes of its body, its end. */
export type ResponseEvent = ResponseHead | Uint8Array | 'end';

/** Maximum length of a chunk header line, as in Go. */
const CHUNK_LINE_MAX = 4096;

/** The part of the response that the next byte belongs to. */
type Position = 'head' | 'length' | 'close' | 'chunk line' | 'chunk' | 'chunk end' | 'trailer' | 'done';

const BODY: readonly Position[] = ['length', 'chunk', 'close'];

/** Parses one HTTP/1 response incrementally, as loosely as `parseResponseHead`. Does no I/O. */
export class LooseResponse {
  readonly #bodiless: boolean; // the response to a HEAD
  readonly #head = new HeadCollector();
  #position: Position = 'head';
  #left = 0; // bytes left of the body or chunk
  #received = 0; // bytes of the body
  #line = ''; // incomplete
  #trailerSize = 0;

  constructor(method: string) {
    this.#bodiless = method === 'HEAD';
  }

  /**
   * @returns events in the bytes; views of `bytes`
   * @throws HttpSyntaxError
   */
  push(bytes: Buffer): ResponseEvent[] {
    const events: ResponseEvent[] = [];
    let rest = bytes;
    while (rest.length > 0 && this.#position !== 'done') {
      if (this.#position === 'head') rest = this.#readHead(rest, events);
      else if (BODY.includes(this.#position)) rest = this.#readBody(rest, events);
      else rest = this.#readLine(rest, events);
    }
    return events;
  }

  /**
   * Handles the end of the connection.
   * @throws CutOffError if the response is incomplete
   */
  finish(): ResponseEvent[] {
    if (this.#position === 'done') return [];
    if (this.#position === 'close') {
      this.#position = 'done';
      return ['end'];
    }
    if (this.#position === 'head') throw new CutOffError('the connection ended before the answer');
    const of = this.#position === 'length' ? ` of ${this.#received + this.#left}` : '';
    throw new CutOffError(`the connection ended after ${this.#received}${of} bytes`);
  }

  // Each of these consumes some bytes and returns the rest.

  #readHead(bytes: Buffer, events: ResponseEvent[]): Buffer {
    const found = this.#head.push(bytes);
    if (!found) return bytes.subarray(bytes.length);
    const { head, rest } = found;
    events.push(head);
    const length = Number(head.headers['content-length'] ?? -1);
    if (this.#bodiless || head.status === 204 || head.status === 304 || length === 0) this.#end(events);
    else if (isChunked(head.headers)) this.#position = 'chunk line';
    else if (length > 0) {
      this.#position = 'length';
      this.#left = length;
    } else this.#position = 'close';
    return rest;
  }

  #readBody(bytes: Buffer, events: ResponseEvent[]): Buffer {
    const data = this.#position === 'close' ? bytes : bytes.subarray(0, this.#left);
    events.push(data);
    this.#received += data.length;
    if (this.#position !== 'close') {
      this.#left -= data.length;
      if (this.#left === 0 && this.#position === 'chunk') this.#position = 'chunk end';
      else if (this.#left === 0) this.#end(events);
    }
    return bytes.subarray(data.length);
  }

  #readLine(bytes: Buffer, events: ResponseEvent[]): Buffer {
    const lf = bytes.indexOf(10);
    this.#line += bytes.toString('latin1', 0, lf < 0 ? bytes.length : lf);
    if (this.#line.length > CHUNK_LINE_MAX) throw new HttpSyntaxError('a chunk has no valid size');
    if (lf < 0) return bytes.subarray(bytes.length);
    const line = this.#line.replace(/\r$/, '');
    this.#line = '';
    if (this.#position === 'chunk line') this.#startChunk(line);
    else if (this.#position === 'chunk end') {
      if (line !== '') throw new HttpSyntaxError('a chunk is longer than its size');
      this.#position = 'chunk line';
    } else if (line === '') this.#end(events);
    else this.#skipTrailer(line);
    return bytes.subarray(lf + 1);
  }

  /** `1a;name=value`: ignores extensions. */
  #startChunk(line: string): void {
    const size = line.replace(/;.*$/, '').trim();
    if (!/^[0-9a-f]{1,12}$/i.test(size)) throw new HttpSyntaxError('a chunk has no valid size');
    this.#left = Number.parseInt(size, 16);
    this.#position = this.#left === 0 ? 'trailer' : 'chunk';
  }

  #skipTrailer(line: string): void {
    this.#trailerSize += line.length;
    if (this.#trailerSize > HEAD_SIZE_MAX)
      throw new HttpSyntaxError(`the trailers exceed ${HEAD_SIZE_MAX} bytes`);
  }

  #end(events: ResponseEvent[]): void {
    this.#position = 'done';
    events.push('end');
  }
}

/** The connection ended before the response did. */
export class CutOffError extends Error {}
