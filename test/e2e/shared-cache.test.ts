import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { run } from '../support/child.js';
import { drip, FaultProxy } from '../support/fault-proxy.js';
import { until, Workplace } from '../support/mounts.js';
import { type PushedImage, pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { dir, file, tarOf } from '../support/tar.js';

let place: Workplace;
let registry: TestRegistry;
let proxy: FaultProxy;
let first: PushedImage;
let second: PushedImage;

/** Incompressible and large enough that two mounts started at once meet in it. */
const SHARED_SIZE = 24 * 2 ** 20;
const noise = Buffer.alloc(SHARED_SIZE);
for (let at = 0; at < SHARED_SIZE; at += 32) createHash('sha256').update(String(at)).digest().copy(noise, at);
const NOISE_SHA256 = createHash('sha256').update(noise).digest('hex');

beforeAll(async () => {
  registry = await startRegistry();
  const base = gzipSync(tarOf(dir('data/'), file('data/noise', noise)), { level: 1 });
  const middle = gzipSync(tarOf(file('data/middle', 'middle\n')));
  const top = (name: string) => gzipSync(tarOf(file(`data/${name}`, `${name}\n`)));
  first = await pushImage(registry, 'library/first:latest', { layers: [base, middle, top('first')] });
  second = await pushImage(registry, 'library/second:latest', { layers: [base, middle, top('second')] });
});
afterAll(() => registry?.stop());

beforeEach(async () => {
  place = new Workplace();
  proxy = await FaultProxy.start({ target: registry.url });
});
afterEach(async () => {
  await place.cleanUp();
  await proxy.stop();
});

const bytesSentOf = (digest: string) =>
  proxy
    .requests(new RegExp(digest))
    .reduce((sum, { method, bodyBytes }) => sum + (method === 'GET' ? bodyBytes : 0), 0);

async function expectRight(mountpoint: string, own: string): Promise<void> {
  const sums = await run('sha256sum', ['data/noise'], { cwd: mountpoint });
  expect(sums.stdout.slice(0, 64)).toBe(NOISE_SHA256);
  expect((await run('cat', ['data/middle', `data/${own}`], { cwd: mountpoint })).stdout).toBe(
    `middle\n${own}\n`,
  );
}

it('two mounts at once fetch each layer once', async () => {
  const [one, two] = await Promise.all([
    place.mount(`${proxy.host}/library/first:latest`, 'one'),
    place.mount(`${proxy.host}/library/second:latest`, 'two'),
  ]);
  const layers = new Map(
    [...first.manifest.layers, ...second.manifest.layers].map(({ digest, size }) => [digest, size]),
  );
  expect(layers.size).toBe(4);
  for (const [digest, size] of layers) expect([digest, bytesSentOf(digest)]).toEqual([digest, size]);
  await Promise.all([expectRight(one, 'first'), expectRight(two, 'second')]);
});

it('when the process that indexes a layer is killed, the one that waits takes over', async () => {
  const shared = first.manifest.layers[0]!.digest;
  // So slow that nobody finishes the layer before the rule is gone.
  proxy.rules.push({ method: 'GET', path: new RegExp(shared), nth: 1, fault: { ...drip(1_000, 100) } });
  const doomed = place.layerslayer(['mount', `${proxy.host}/library/first:latest`, place.directory('one')]);
  await until(
    () => proxy.requests(new RegExp(shared)).length > 0,
    20_000,
    () => 'the layer was not asked for',
  );
  const killed = place.processes();
  const survivor = place.mount(`${proxy.host}/library/second:latest`, 'two');
  const manifests = /second\/manifests/;
  await until(
    () => proxy.requests(manifests).length > 0,
    20_000,
    () => 'the second mount did not begin',
  );
  for (const pid of killed) process.kill(pid, 'SIGKILL');
  const [ended, two] = await Promise.all([doomed, survivor]);
  expect(ended.status).not.toBe(0);
  await expectRight(two, 'second');
});
