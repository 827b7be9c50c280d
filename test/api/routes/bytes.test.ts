import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STAT, TREE_PAGE } from '#src/api/schemas/entry.js';
import { IMAGE } from '#src/api/schemas/image.js';
import { dir, file, symlink, tarOf, whiteout } from '../../support/tar.js';
import { Served } from '../served.js';

const LARGE = randomBytes(3_000_000);
const TOP = tarOf(file('top', 'top'), whiteout('gone'), symlink('link', 'd/text.txt'));
const BASE = tarOf(
  dir('d/'),
  file('d/text.txt', 'some text\n'.repeat(1000)),
  file('d/large', LARGE),
  file('gone', '1'),
  file('d/noise', randomBytes(6_000_000)),
);

let served: Served;
beforeAll(async () => {
  served = await Served.start({ t: [BASE, TOP], u: [BASE, TOP, tarOf(file('u', 'u'))] });
});
afterAll(() => served.close());

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

describe('/image', () => {
  it('has an ETag that changes when a layer has got its index', async () => {
    const other = await Served.start({ t: [BASE, TOP] });
    try {
      const query = { image: other.image('t') };
      const ask = (etag = '') =>
        other.get('/api/v1/image', query, { headers: etag ? { 'If-None-Match': etag } : {} });
      const first = (await ask()).headers.get('etag')!;
      expect((await ask(first)).status).toBe(304);
      await other.json('/api/v1/stat', { ...query, path: '/' }, STAT);
      const then = await ask(first);
      expect(then.status).toBe(200);
      expect((await ask(then.headers.get('etag')!)).status).toBe(304);
    } finally {
      await other.close();
    }
  });
});

describe('/file of an image without an index', () => {
  it('reads as little as it needs, unverified, and starts no pass', async () => {
    const response = await served.get('/api/v1/file', { image: served.image('t'), path: '/d/text.txt' });
    expect(response.status).toBe(200);
    expect(response.headers.get('layerslayer-verified')).toBe('false');
    expect(response.headers.get('etag')).toBeNull();
    expect((await response.text()).length).toBe(10_000);
    const image = await served.json('/api/v1/image', { image: served.image('t') }, IMAGE);
    expect(image.layers.map(({ indexed }) => indexed)).toContain(false);
  });

  it('has ranges, HEAD and single layers too', async () => {
    const query = { image: served.image('t'), path: '/link' };
    const part = await served.get('/api/v1/file', query, { headers: { Range: 'bytes=5-8' } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([
      206,
      'bytes 5-8/10000',
      'text',
    ]);
    const head = await served.get('/api/v1/file', query, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '10000']);
    const ranged = { method: 'HEAD', headers: { Range: 'bytes=5-8' } };
    expect((await served.get('/api/v1/file', query, ranged)).status).toBe(200); // RFC 9110, 14.2
    const gone = { image: served.image('t'), path: '/gone' };
    expect(await served.fault('/api/v1/file', gone)).toMatch(/^404 NOT_FOUND/);
    expect(await (await served.get('/api/v1/file', { ...gone, layer: 1 })).text()).toBe('1');
  });
});

describe('/file of an indexed image', () => {
  beforeAll(() => served.json('/api/v1/tree', { image: served.image('t') }, TREE_PAGE));
  const get = (path: string, headers: Record<string, string> = {}) =>
    served.get('/api/v1/file', { image: served.image('t'), path }, { headers });

  it('is verified, and has an ETag', async () => {
    const response = await get('/d/large');
    expect((await bytesOf(response)).equals(LARGE)).toBe(true);
    expect(response.headers.get('layerslayer-verified')).toBeNull();
    const etag = response.headers.get('etag')!;
    expect((await get('/d/large', { 'If-None-Match': etag })).status).toBe(304);
    expect((await get('/d/large', { 'If-Range': '"other"', Range: 'bytes=0-0' })).status).toBe(200);
    expect((await get('/d/large', { 'If-Range': etag, Range: 'bytes=0-0' })).status).toBe(206);
  });

  it.each([
    ['bytes=0-9', 206, [0, 10]],
    ['bytes=-5', 206, [LARGE.length - 5, LARGE.length]],
    ['bytes=2999999-', 206, [LARGE.length - 1, LARGE.length]],
    ['bytes=0-99999999999999', 206, [0, LARGE.length]],
    ['bytes=0-1,5-6', 200, [0, LARGE.length]],
    ['lines=1-2', 200, [0, LARGE.length]],
    ['bytes=x', 200, [0, LARGE.length]],
  ])('range %s', async (range, status, [from, to]) => {
    const response = await get('/d/large', { Range: range });
    expect(response.status).toBe(status);
    expect((await bytesOf(response)).equals(LARGE.subarray(from, to))).toBe(true);
  });

  it('refuses a range behind the end', async () => {
    const response = await get('/d/large', { Range: 'bytes=3000000-' });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */3000000']);
  });

  it('shows text compressed, but ranges never', async () => {
    const query = { image: served.image('t'), path: '/d/text.txt', as: 'text' };
    const whole = await served.get('/api/v1/file', query, { headers: { 'Accept-Encoding': 'gzip' } });
    expect(whole.headers.get('content-encoding')).toBe('gzip');
    expect((await whole.text()).length).toBe(10_000);
    const init = { headers: { 'Accept-Encoding': 'gzip', Range: 'bytes=0-3' } };
    const part = await served.get('/api/v1/file', query, init);
    expect([part.headers.get('content-encoding'), await part.text()]).toEqual([null, 'some']);
  });

  it.each([
    ['/d', /^400 INVALID_ARGUMENT/],
    ['/missing', /^404 NOT_FOUND/],
    ['/../../../etc/passwd', /^404 NOT_FOUND/],
    ['', /^400 INVALID_ARGUMENT/],
  ])('refuses %j', async (path, expected) => {
    expect(await served.fault('/api/v1/file', { image: served.image('t'), path })).toMatch(expected);
  });
});

describe('/layers/{digest}', () => {
  const get = (tag: string, bytes: Uint8Array, init: RequestInit = {}) =>
    served.get(`/api/v1/layers/${sha256(bytes)}`, { image: served.image(tag) }, init);

  it('is the blob, whole or in parts', async () => {
    await served.json('/api/v1/tree', { image: served.image('t') }, TREE_PAGE);
    const whole = await get('t', BASE);
    expect((await bytesOf(whole)).equals(BASE)).toBe(true);
    const part = await get('t', BASE, { headers: { Range: 'bytes=1000000-1999999' } });
    expect(part.status).toBe(206);
    expect((await bytesOf(part)).equals(BASE.subarray(1_000_000, 2_000_000))).toBe(true);
    const head = await get('t', BASE, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(BASE.length));
    const etag = head.headers.get('etag')!;
    expect((await get('t', BASE, { headers: { 'If-None-Match': etag } })).status).toBe(304);
  });

  it('is whole if only the whole can be verified', async () => {
    const layer = tarOf(file('u', 'u'));
    const whole = await get('u', layer, { headers: { Range: 'bytes=0-0' } });
    expect([whole.status, whole.headers.get('accept-ranges')]).toEqual([200, 'none']);
    expect((await bytesOf(whole)).equals(layer)).toBe(true);
  });

  it('serves only layers of the image', async () => {
    const other = tarOf(file('u', 'u'));
    const query = { image: served.image('t') };
    for (const digest of [sha256(other), sha256(randomBytes(4)), 'x', '..%2f..%2fetc%2fpasswd'])
      expect(await served.fault(`/api/v1/layers/${digest}`, query)).toMatch(/^404 NOT_FOUND/);
  });

  it('cuts the connection short of wrong bytes', async () => {
    const layer = gzipSync(tarOf(file('wrong', randomBytes(1_000_000))));
    const other = await Served.start({ t: [layer] });
    try {
      const path = join(other.scratch, 'layout/blobs/sha256', sha256(layer).slice('sha256:'.length));
      const damaged = Buffer.from(layer);
      damaged[500_000]! ^= 1;
      writeFileSync(path, damaged);
      const query = { image: other.image('t') };
      const read = async () => bytesOf(await other.get(`/api/v1/layers/${sha256(layer)}`, query));
      await expect(read()).rejects.toThrow();
    } finally {
      await other.close();
    }
  });
});
