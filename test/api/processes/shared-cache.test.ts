/** Two servers with one cache directory. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { TREE_PAGE } from '#src/api/schemas/entry.js';
import { noise } from '../../blob/bytes.js';
import { drip, FaultProxy } from '../../support/fault-proxy.js';
import { until, Workplace } from '../../support/mounts.js';
import { type PushedImage, pushImage, startRegistry, type TestRegistry } from '../../support/registry.js';
import { dir, file, tarOf } from '../../support/tar.js';
import { ServeProcess } from './serve-process.js';

/** Not compressible, and large enough that two passes meet in it. */
const NOISE = noise(12 * 2 ** 20);

const LAYERS = [
  gzipSync(tarOf(dir('data/'), file('data/noise', NOISE)), { level: 1 }),
  gzipSync(tarOf(file('data/top', 'top\n'))),
];

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** How long a request may wait for an index, in seconds: the most that the server allows. */
const WAIT_S = 30;

let registry: TestRegistry;
let pushed: PushedImage;
let proxy: FaultProxy;
let place: Workplace;
let servers: ServeProcess[] = [];
const image = () => `${proxy.host}/team/app:1`;

beforeAll(async () => {
  registry = await startRegistry();
  pushed = await pushImage(registry, 'team/app:1', { layers: LAYERS });
});
afterAll(() => registry?.stop());
beforeEach(async () => {
  place = new Workplace();
  proxy = await FaultProxy.start({ target: registry.url });
});
afterEach(async () => {
  for (const one of servers) await one.end('SIGKILL');
  servers = [];
  await place.cleanUp();
  await proxy.stop();
});

async function serve(): Promise<ServeProcess> {
  const server = await ServeProcess.start(place, []);
  servers.push(server);
  return server;
}

/** Returns the paths of the merged tree, when it is indexed. */
async function paths(server: ServeProcess): Promise<string[]> {
  for (;;) {
    const query = { image: image(), depth: 9, wait: WAIT_S };
    const response = await server.get('/api/v1/tree', query);
    const body: unknown = await response.json();
    if (response.status === 202) continue;
    expect(response.status, JSON.stringify(body)).toBe(200);
    return TREE_PAGE.parse(body).entries.map(({ path }) => path);
  }
}

async function expectRight(server: ServeProcess): Promise<void> {
  const query = { image: image(), path: '/data/noise' };
  const whole = await server.get('/api/v1/file', query);
  expect(whole.headers.get('layerslayer-verified')).not.toBe('false');
  expect(sha256(new Uint8Array(await whole.arrayBuffer()))).toBe(sha256(NOISE));
  const range = { headers: { Range: 'bytes=5000000-5999999' } };
  const part = await server.get('/api/v1/file', query, range);
  expect(part.status).toBe(206);
  expect(sha256(new Uint8Array(await part.arrayBuffer()))).toBe(sha256(NOISE.subarray(5_000_000, 6_000_000)));
}

const asked = (digest: string) => proxy.requests(new RegExp(digest)).filter(({ method }) => method === 'GET');

it('index an image at the same time, and fetch each layer once', async () => {
  const both = [await serve(), await serve()];
  const expected = ['/data', '/data/noise', '/data/top'];
  expect(await Promise.all(both.map(paths))).toEqual([expected, expected]);
  for (const { digest, size } of pushed.manifest.layers)
    expect(asked(digest).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)).toBe(size);
  for (const server of both) await expectRight(server);
  for (const server of both) await server.end();
  expect(await place.leftovers()).toEqual([]);
});

it('one that is killed in the middle of a pass hands over to the other, and leaves nothing', async () => {
  const [{ digest } = { digest: '' }] = pushed.manifest.layers;
  // So slow that the first server does not come to the end.
  proxy.rules.push({ method: 'GET', path: new RegExp(digest), nth: 1, fault: drip(20_000, 50) });
  const doomed = await serve();
  const survivor = await serve();
  const lost = paths(doomed).catch(() => 'lost');
  await until(
    () => asked(digest).length > 0,
    20_000,
    () => 'the layer was not asked for',
  );
  const found = paths(survivor);
  await new Promise((resolve) => setTimeout(resolve, 500)); // some bytes are cached
  expect(asked(digest)).toHaveLength(1); // the other one waits
  await doomed.end('SIGKILL');
  expect(await lost).toBe('lost');
  expect(await found).toEqual(['/data', '/data/noise', '/data/top']);
  await expectRight(survivor);
  await survivor.end();
  // The next process that opens the cache removes what the killed one had begun to write.
  const next = await serve();
  expect(await paths(next)).toHaveLength(3);
  await next.end();
  expect(await place.leftovers()).toEqual([]);
});
