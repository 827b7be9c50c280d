/** What answers carry for browsers, and what needs no token. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IMAGE } from '#src/api/schemas/image.js';
import { file, tarOf } from '../support/tar.js';
import { ROUTES } from './answer-check.js';
import { Served, TOKEN } from './served.js';

const SCRIPT = '<script>alert(1)</script>';
const NAMES = ['page.html', 'a.svg', 'a.js', 'a.xhtml', 'a.xml', 'a.pdf', 'a.png', 'a.wasm', 'a.css', 'a'];

let served: Served;
let remote: Served; // as on another address than loopback
let digest: string;
beforeAll(async () => {
  const images = { t: [tarOf(...NAMES.map((name) => file(name, SCRIPT)))] };
  served = await Served.start(images);
  remote = await Served.start(images, { listening: { address: '127.0.0.1', isLoopback: false } });
  digest = (await served.json('/api/v1/image', { image: served.image('t') }, IMAGE)).layers[0]!.digest;
});
afterAll(() => Promise.all([served?.close(), remote?.close()]));

describe('bytes of an image', () => {
  const SAFE = {
    'x-content-type-options': 'nosniff',
    'content-security-policy': "sandbox; default-src 'none'",
  };

  it.each(NAMES)('never run in a browser: %s', async (name) => {
    for (const [route, more] of [
      ['/api/v1/file', {}],
      ['/api/v1/file', { as: 'text' }],
      ['/carve', {}],
      ['/carve', { as_text: 'true' }],
    ] as const) {
      const { headers } = await served.get(route, { image: served.image('t'), path: `/${name}`, ...more });
      expect(Object.fromEntries(headers)).toMatchObject(SAFE);
      expect(headers.get('content-type')).toMatch(/^(application\/octet-stream|text\/plain; charset=utf-8)$/);
      if (Object.keys(more).length === 0) expect(headers.get('content-disposition')).toMatch(/^attachment; /);
    }
  });

  it('are downloads: tars and layers', async () => {
    for (const [route, query] of [
      ['/api/v1/tar', {}],
      [`/api/v1/layers/${digest}`, {}],
      ['/layer/download', { digest }],
    ] as const) {
      const { status, headers, body } = await served.get(route, { image: served.image('t'), ...query });
      expect(status).toBe(200);
      expect(Object.fromEntries(headers)).toMatchObject(SAFE);
      expect(headers.get('content-disposition')).toMatch(/^attachment/);
      await body?.cancel();
    }
  });
});

describe('all routes but pages', () => {
  const isPage = (path: string) => ['/', '/i/*', '/assets/{name}', '/healthz'].includes(path);
  const targetOf = (path: string) => path.replace('{digest}', digest).replace(/\{\w+\}/g, 'x');

  it.each([...ROUTES.map(({ path }) => path), '/openapi.json'].filter((path) => !isPage(path)))(
    'need the token: %s',
    async (path) => {
      for (const method of ['GET', 'HEAD']) {
        const answer = await remote.get(targetOf(path), { image: remote.image('t') }, { method });
        expect(answer.status).toBe(401);
        expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="layerslayer"');
      }
      const init = { headers: { Authorization: `Bearer ${TOKEN}x` } };
      expect(await remote.fault(targetOf(path), {}, init)).toMatch(/^401 TOKEN_REQUIRED /);
    },
  );

  it.each(
    [...ROUTES.map(({ path }) => path), '/openapi.json'].filter(
      (path) => path === '/openapi.json' || !isPage(path),
    ),
  )('refuse pages of other sites: %s', async (path) => {
    for (const headers of [{ 'Sec-Fetch-Site': 'cross-site' }, { Origin: 'http://evil.example' }]) {
      const init = { headers: { ...headers, Authorization: `Bearer ${TOKEN}` } };
      expect(await remote.fault(targetOf(path), {}, init)).toMatch(/^403 FORBIDDEN /);
    }
  });
});

describe('pages', () => {
  it('and their assets need no token, and have a policy', async () => {
    for (const path of ['/', '/i/nginx:alpine', '/i/localhost:5000/a/b@sha256:0/~/tree/etc?x=y', '/healthz'])
      expect((await remote.get(path)).status, path).toBe(200);
    const page = await (await remote.get('/')).text();
    const assets = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path!);
    expect(assets.length).toBeGreaterThan(1);
    for (const path of assets) expect((await remote.get(path)).status, path).toBe(200);
    const policy = (await remote.get('/i/x')).headers.get('content-security-policy');
    expect(policy).toMatch(/default-src 'none'; script-src 'self'; .*frame-ancestors 'none'/);
    expect(page).not.toContain(TOKEN);
  });
});

it('no answer sets a cookie, or lets other origins read it', async () => {
  for (const path of ['/', '/healthz', '/metrics', '/api/v1/images', '/nothing', '/openapi.json']) {
    const { headers } = await served.get(path, {}, { headers: { Cookie: 'a=b' } });
    const names = [...headers.keys()].join(' ');
    expect(names).not.toMatch(/set-cookie|access-control/);
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
  }
});

it('the page keeps the token in sessionStorage alone, and reads events by fetch', () => {
  const directory = fileURLToPath(new URL('../../src/web', import.meta.url));
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.tsx?$/.test(name),
  );
  const text = names.map((name) => readFileSync(join(directory, name), 'utf8')).join('\n');
  expect(text).toMatch(/sessionStorage\.setItem/);
  expect(text).not.toMatch(/localStorage\.setItem\([^)]*token/i);
  expect(text).not.toMatch(/document\.cookie|new EventSource/);
});
