/** Rule R13: bodies compressed although requests ask for `identity`. */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodedBody, isJson } from '#src/registry/http/content-coding.js';
import { type Fault, type FaultRule, setHeaders, status } from '../../support/fault-proxy.js';
import { LAYER, same, streamed, useRegistry, withCode } from '../harness.js';

const JSON_TEXT = Buffer.from('{"token":"t"}');
const codings: [string, (bytes: Uint8Array) => Buffer][] = [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['GZIP', gzipSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync], // as some servers implement it
  ['br', brotliCompressSync],
  ['identity, gzip', gzipSync],
  ['br, gzip', (bytes) => gzipSync(brotliCompressSync(bytes))],
];

describe('a body', () => {
  const decode = (bytes: Uint8Array, coding: string | string[] | undefined, limit = 1000) =>
    decodedBody(bytes, { headers: { 'content-encoding': coding } }, isJson, limit);

  test.each(codings)('encoded as %s is decoded', async (coding, encode) => {
    same((await decode(encode(JSON_TEXT), coding)).bytes, JSON_TEXT);
  });

  test('coded twice, by two headers', async () => {
    same((await decode(gzipSync(gzipSync(JSON_TEXT)), ['gzip', 'gzip'])).bytes, JSON_TEXT);
  });

  test.each(['gzip', 'br', 'zstd', '', undefined])(
    'that is right as it came stays, said to be %s',
    async (coding) => {
      expect(await decode(JSON_TEXT, coding)).toEqual({ bytes: JSON_TEXT, note: '' });
    },
  );

  test.each([
    ['zstd', gzipSync(JSON_TEXT), 'zstd, which is not supported'],
    ['x\u009by', gzipSync(JSON_TEXT), 'x?y, which is not supported'],
    ['gzip, gzip, gzip, gzip, gzip', gzipSync(JSON_TEXT), 'not supported'],
    ['gzip', Buffer.from('no gzip'), 'gzip, damaged or of more than 1000 bytes'],
    ['gzip', gzipSync(JSON_TEXT).subarray(0, 20), 'gzip, damaged'],
    ['gzip', gzipSync(Buffer.alloc(1001, ' ')), 'gzip, damaged or of more than 1000 bytes'],
    ['br', brotliCompressSync(Buffer.alloc(10_000_000)), 'br, damaged or of more than 1000 bytes'],
  ])('that cannot be decoded as %s stays, and the note names the coding', async (coding, bytes, said) => {
    const found = await decode(bytes, coding);
    expect(found.bytes).toBe(bytes);
    expect(found.note).toContain(said);
  });
});

const { rig, image } = useRegistry();
/** Compresses a response's body in transit; the registry's digest headers stay. */
const coded = (coding: string, encode: (bytes: Uint8Array) => Buffer): Fault => ({
  change: (answer) => {
    const body = encode(answer.body);
    const headers = { ...answer.headers, 'content-encoding': coding, 'content-length': String(body.length) };
    return { ...answer, body, headers };
  },
});
const on = (path: RegExp, fault: Fault, method = 'GET'): FaultRule => ({ path, method, fault });

describe('an image', () => {
  test.each(codings)('whose documents come as %s is resolved', async (coding, encode) => {
    const { resolve } = await rig({ rules: [on(/manifests|blobs/, coded(coding, encode))] });
    expect((await resolve()).digest).toBe(image().digest);
  });

  test('by tag, without a digest: the JSON decides', async () => {
    const { change } = coded('gzip', gzipSync);
    const fault: Fault = {
      change: (answer, seen) => {
        const changed = change!(answer, seen);
        return { ...changed, headers: { ...changed.headers, 'docker-content-digest': undefined } };
      },
    };
    const { resolve } = await rig({ rules: [on(/manifests/, status(405), 'HEAD'), on(/manifests/, fault)] });
    expect((await resolve()).digest).toBe(image().digest);
  });

  test('whose documents only claim an encoding', async () => {
    const { resolve } = await rig({
      rules: [on(/manifests|blobs/, setHeaders({ 'content-encoding': 'gzip' }))],
    });
    expect((await resolve()).digest).toBe(image().digest);
  });

  test('whose manifest cannot be decoded: the message names the coding', async () => {
    const zstd = coded('zstd', gzipSync);
    const byDigest = await rig({ rules: [on(/manifests/, zstd)] });
    await expect(byDigest.resolve()).rejects.toMatchObject(withCode('DIGEST_MISMATCH'));
    await expect(byDigest.resolve()).rejects.toThrow(
      /want sha256:\w+… \(Content-Encoding: zstd, which is not/,
    );
    const missing: Fault = {
      change: (answer, seen) => {
        const changed = zstd.change!(answer, seen);
        return { ...changed, headers: { ...changed.headers, 'docker-content-digest': undefined } };
      },
    };
    const byTag = await rig({ rules: [on(/manifests/, status(405), 'HEAD'), on(/manifests/, missing)] });
    await expect(byTag.resolve()).rejects.toThrow(
      /not JSON from .*Content-Encoding: zstd, which is not supported/,
    );
  });

  test('whose manifest is a bomb', async () => {
    const bomb = coded('gzip', () => gzipSync(Buffer.alloc(5 * 2 ** 20, ' ')));
    const { resolve } = await rig({ rules: [on(/manifests/, bomb)] });
    await expect(resolve()).rejects.toThrow('Content-Encoding: gzip, damaged or of more than 4194304 bytes');
  });

  test('whose layer claims an encoding: its stored bytes are used', async () => {
    const { layer } = await rig({ rules: [on(/blobs/, setHeaders({ 'content-encoding': 'x-gzip' }))] });
    same(await streamed(await layer()), LAYER);
  });
});

test('a token answer', async () => {
  // Rules do not change the proxy's own responses. This proxy stands for its token service.
  const token = gzipSync('{"token":"t"}');
  const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' };
  const { resolve, proxy } = await rig({
    rules: [
      on(/^\/token/, status(200, headers, token)),
      {
        path: /./,
        nth: 1,
        fault: {
          instead: (_, { url }) => ({
            status: 401,
            headers: { 'www-authenticate': `Bearer realm="${url}/token",service="x"` },
            body: Buffer.alloc(0),
          }),
        },
      },
    ],
  });
  expect((await resolve()).digest).toBe(image().digest);
  expect(proxy.requests(/manifests/).at(-1)!.headers.authorization).toBe('Bearer t');
});

describe('an error body', () => {
  const said = async (body: Buffer, headers: Record<string, string> = {}) => {
    const { resolve } = await rig({ rules: [{ path: /manifests/, fault: status(418, headers, body) }] });
    return resolve().then(
      () => '',
      (error: Error) => error.message.replace(/^.*want 200/, ''),
    );
  };
  const words = Buffer.from('{"errors":[{"code":"DENIED","message":"no tea"}]}');

  test.each(codings)('encoded as %s is read', async (coding, encode) => {
    expect(await said(encode(words), { 'content-encoding': coding })).toBe(': DENIED: no tea');
  });

  test('that only claims an encoding', async () => {
    expect(await said(words, { 'content-encoding': 'gzip' })).toBe(': DENIED: no tea');
  });

  test.each([
    ['compressed bytes without a header', gzipSync(words), {}],
    ['a coding that is not known', gzipSync(words), { 'content-encoding': 'zstd' }],
    ['a bomb', gzipSync(Buffer.alloc(2 ** 20, 'x')), { 'content-encoding': 'gzip' }],
    ['no UTF-8', Buffer.from([0xe9, 0xff, 0x41]), {}],
    ['controls', Buffer.from('a\x00b\x01'), {}],
  ])('of %s is not shown', async (_, body, headers) => {
    expect(await said(body, headers)).toBe('');
  });

  test('loses unprintable characters', async () => {
    const message = 'a\u001b[31m\u009b1m\u202eb\u2066\u200b\ufeff\ud800c\n\u00a0d';
    const body = Buffer.from(JSON.stringify({ errors: [{ code: 'X', message }] }));
    expect(await said(body)).toBe(': X: a [31m 1m b c d');
    expect(await said(Buffer.from('tea \u{1f375} for \u00fcber'))).toBe(': tea \u{1f375} for \u00fcber');
  });
});
