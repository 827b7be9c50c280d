/** Responses that Go and curl accept and undici's parser rejects. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CutOffError, LooseResponse, type ResponseEvent } from '#src/registry/http/loose-response.js';
import { HEAD_SIZE_MAX, HttpSyntaxError, parseResponseHead } from '#src/registry/http/response-head.js';

const head = (text: string) => parseResponseHead(Buffer.from(text, 'latin1'));

describe('heads', () => {
  test.each<[string, string, number, object]>([
    ['as it should be', 'HTTP/1.1 200 OK\r\nA: b\r\nC:d\r', 200, { a: 'b', c: 'd' }],
    ['no reason', 'HTTP/1.1 404\r\nA: b\r', 404, { a: 'b' }],
    ['several spaces', 'HTTP/1.0  206  Partial\r', 206, {}],
    ['bare LF', 'HTTP/1.1 200 OK\nA: b\nC: d', 200, { a: 'b', c: 'd' }],
    ['LF and CRLF', 'HTTP/1.1 200 OK\r\nA: b\nC: d\r', 200, { a: 'b', c: 'd' }],
    ['folded', 'HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n\td\r\nE: f\r', 200, { a: 'b c d', e: 'f' }],
    ['folded with bare LF', 'HTTP/1.1 200 OK\nA:\n b', 200, { a: 'b' }],
    ['space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 5\r', 200, { 'content-length': '5' }],
    ['tab before the colon', 'HTTP/1.1 200 OK\r\nA\t:\tb\t\r', 200, { a: 'b' }],
    [
      'the same twice',
      'HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset-cookie: b\r',
      200,
      { 'set-cookie': ['a', 'b'] },
    ],
    [
      'equal lengths',
      'HTTP/1.1 200 OK\nContent-Length: 5\ncontent-length: 5',
      200,
      { 'content-length': '5' },
    ],
    ['equal lengths in a list', 'HTTP/1.1 200 OK\nContent-Length: 5, 5', 200, { 'content-length': '5' }],
    ['empty length', 'HTTP/1.1 200 OK\nContent-Length:', 200, {}],
    [
      'chunked and a length',
      'HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: Chunked',
      200,
      { 'transfer-encoding': 'Chunked' },
    ],
    ['no name', 'HTTP/1.1 200 OK\n: x\nA: b', 200, { a: 'b' }],
    ['a name with a space', 'HTTP/1.1 200 OK\nMy Header: x\nA: b', 200, { a: 'b' }],
    ['bytes above 127', 'HTTP/1.1 200 OK\nA: \xe4', 200, { a: 'ä' }],
    [
      'names of objects',
      'HTTP/1.1 200 OK\n__proto__: x\nconstructor: y',
      200,
      { ['__proto__']: 'x', constructor: 'y' },
    ],
  ])('%s', (_, text, status, headers) => {
    const found = head(text);
    expect(found.status).toBe(status);
    expect(Object.entries(found.headers)).toEqual(Object.entries(headers));
  });

  test.each([
    ['two lengths', 'HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6', 'two lengths, "5" and "6"'],
    ['two lengths in a list', 'HTTP/1.1 200 OK\nContent-Length: 5, 6', 'two lengths, "5" and "6"'],
    [
      'two lengths and chunked',
      'HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6\nTransfer-Encoding: chunked',
      'two lengths',
    ],
    ['no number', 'HTTP/1.1 200 OK\nContent-Length: -5\x07', 'length is not a number: "-5?"'],
    ['+5', 'HTTP/1.1 200 OK\nContent-Length: +5', 'length is not a number'],
    ['no colon', 'HTTP/1.1 200 OK\nA b', 'no colon'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9', 'does not begin with an HTTP status'],
    [
      'another coding',
      'HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked',
      'unknown transfer coding: "gzip, chunked"',
    ],
    ['chunked twice', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked, chunked', 'unknown transfer coding'],
  ])('refused: %s', (_, text, message) => {
    expect(() => head(text)).toThrow(HttpSyntaxError);
    expect(() => head(text)).toThrow(message);
  });
});

/** Parses a response in pieces of these sizes; the last size repeats. */
function read(text: string, sizes: number[] = [1e9], method = 'GET') {
  const response = new LooseResponse(method);
  const events: ResponseEvent[] = [];
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0, piece = 0; at < bytes.length; piece++) {
    const size = sizes[Math.min(piece, sizes.length - 1)]!;
    events.push(...response.push(bytes.subarray(at, at + size)));
    at += size;
  }
  events.push(...response.finish());
  const body = Buffer.concat(events.filter((event) => event instanceof Uint8Array)).toString('latin1');
  const [first] = events;
  const status = typeof first === 'object' && 'status' in first ? first.status : undefined;
  return { status, body, ends: events.filter((event) => event === 'end').length, last: events.at(-1) };
}

const whole: [string, string, string, string?][] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
  ['a length, more behind', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200', 'hello'],
  ['no length', 'HTTP/1.1 200 OK\n\nhello\n\nyou', 'hello\n\nyou'],
  [
    'chunked',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\r\nhello\r\n00A;x="\x31"\r\n0123\r\n6789\r\n0\r\n\r\n',
    'hello0123\r\n6789',
  ],
  ['chunked, bare LF', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n1 \n!\n0\n\n', 'hello!'],
  [
    'chunked, trailers',
    'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\r\nhi\r\n0\r\nA: b\r\nC: d\r\n\r\nmore',
    'hi',
  ],
  [
    'chunked and a wrong length',
    'HTTP/1.1 200 OK\nContent-Length: 99\nTransfer-Encoding: chunked\n\n2\nhi\n0\n\n',
    'hi',
  ],
  [
    '100, 103 first',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\nLink: x\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nhi',
    'hi',
  ],
  ['empty lines first', '\r\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nhi', 'hi'],
  ['HEAD', 'HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 5\n\n', '', 'HEAD'],
  ['HEAD, chunked', 'HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n', '', 'HEAD'],
  ['204', 'HTTP/1.1 204 None\n\n', ''],
  ['length 0', 'HTTP/1.1 404 No\nContent-Length: 0\n\n', ''],
];

describe('answers', () => {
  test.each(whole)('%s', (_, text, body, method) => {
    const status = Number(/ (2..|404) /.exec(text)![1]);
    expect(read(text, undefined, method)).toEqual({ status, body, ends: 1, last: 'end' });
  });

  test('in any pieces', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...whole),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        ([, text, body, method], sizes) => {
          expect(read(text, sizes, method)).toMatchObject({ body, ends: 1 });
        },
      ),
    );
  });

  test.each([
    ['nothing', '', 'before the answer'],
    ['half a head', 'HTTP/1.1 200 OK\nContent-Le', 'before the answer'],
    ['half a body', 'HTTP/1.1 200 OK\nContent-Length: 5\n\nhe', 'after 2 of 5 bytes'],
    ['half a chunk', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhe', 'after 2 bytes'],
    ['no last chunk', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nhe\n', 'after 2 bytes'],
    ['only a Continue', 'HTTP/1.1 100 Continue\n\n', 'before the answer'],
  ])('cut off: %s', (_, text, message) => {
    expect(() => read(text)).toThrow(CutOffError);
    expect(() => read(text)).toThrow(message);
  });

  test.each([
    ['a chunk without a size', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nhello\n', 'no valid size'],
    ['a chunk of -1', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n-1\n', 'no valid size'],
    ['a chunk of 2^60', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1000000000000000\n', 'no valid size'],
    ['a longer chunk', 'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nhello\n', 'longer than its size'],
    [
      'a line without end',
      `HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n${'0'.repeat(5000)}`,
      'no valid size',
    ],
    ['a switch of protocols', 'HTTP/1.1 101 Go\n\n', '101'],
    [
      'a head without end',
      `HTTP/1.1 200 OK\nA: ${'x'.repeat(HEAD_SIZE_MAX)}`,
      'more than 1048576 bytes of headers',
    ],
    [
      'a head that is too large',
      `HTTP/1.1 200 OK\nA: ${'x'.repeat(HEAD_SIZE_MAX)}\n\n`,
      'more than 1048576 bytes of headers',
    ],
    [
      'trailers without end',
      `HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\n${'A: b\n'.repeat(300_000)}`,
      'trailers',
    ],
  ])('refused: %s', (_, text, message) => {
    expect(() => read(text, [65_536])).toThrow(HttpSyntaxError);
    expect(() => read(text, [65_536])).toThrow(message);
  });

  test('a head of nearly 1 MiB', () => {
    const text = `HTTP/1.1 200 OK\nA: ${'x'.repeat(HEAD_SIZE_MAX - 100)}\nContent-Length: 2\n\nhi`;
    expect(read(text, [65_536]).body).toBe('hi');
  });
});
