import { readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { startFetchThread } from '#src/engine/fetch/fetch-thread.js';
import type { LayerProgress } from '#src/engine/image-session.js';
import { drip } from '../support/fault-proxy.js';
import { type PushedImage, pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { contentOf, expectFiles, Sessions, sentFor, someFiles, tarOfFiles } from './sessions.js';

const files = [someFiles(1), someFiles(2, 400_000), someFiles(3, 1_000_000)];
const tars = files.map(tarOfFiles);
const members = [tars[2]!.subarray(0, 70_000), tars[2]!.subarray(70_000)];
const blobs = [
  gzipSync(tars[0]!, { level: 1 }),
  tars[1]!,
  Buffer.concat(members.map((part) => gzipSync(part, { level: 1 }))),
];

const sessions = new Sessions();
let registry: TestRegistry;
let image: PushedImage;
let digests: string[];

beforeAll(async () => {
  registry = await startRegistry();
  image = await pushImage(registry, 'app:latest', { layers: blobs });
  digests = image.manifest.layers.map(({ digest }) => digest);
  await pushImage(registry, 'app:twice', { layers: [blobs[1]!, blobs[2]!, blobs[1]!] });
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

const turn = () => new Promise(setImmediate);

describe('a session', () => {
  it('opens the layers of an image, base first, and reads what they hold', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { open, session, logged } = sessions.start();
    const layers = await open(`${proxy.host}/app:latest`);
    expect(layers.map(({ digest }) => digest)).toEqual(digests);
    for (const [i, layer] of layers.entries()) await expectFiles(layer, files[i]!);
    for (const [i, digest] of digests.entries()) expect(sentFor(proxy, digest)).toBe(blobs[i]!.length);
    const size = blobs.reduce((sum, { length }) => sum + length, 0);
    const { bytesFetched, cacheHits, cacheMisses } = session.metrics();
    expect(bytesFetched).toBe(size);
    expect(cacheMisses).toBeGreaterThan(0);
    expect(cacheHits).toBeGreaterThan(0);
    expect(logged).toEqual([]);
  });

  it('opens an image of many layers, without a warning of Node’s', async () => {
    const layers = Array.from({ length: 30 }, (_, i) => tarOfFiles({ 'd/n': Buffer.from(`layer ${i}`) }));
    await pushImage(registry, 'app:deep', { layers });
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    try {
      const opened = await sessions.start().open(`${registry.host}/app:deep`);
      expect((await contentOf(opened[29]!, 'd/n')).toString()).toBe('layer 29');
      await turn(); // they come a tick later
      expect(warnings).toEqual([]);
    } finally {
      process.off('warning', onWarning);
    }
  });

  it('reads right with room for a single window', async () => {
    const { open } = sessions.start({ memoryBytes: 0 });
    const layers = await open(`${registry.host}/app:latest`);
    await Promise.all(layers.map((layer, i) => expectFiles(layer, files[i]!)));
  });

  it('opens them from the cache the next time, and reads kept pages', async () => {
    const first = sessions.start();
    await first.open(`${registry.host}/app:latest`);
    await first.session.close();
    const proxy = await sessions.proxy(registry.url);
    const { open, session, progress, cacheDirectory } = sessions.start({
      cacheDirectory: first.cacheDirectory,
    });
    expect(cacheDirectory).toBe(first.cacheDirectory);
    const layers = await open(`${proxy.host}/app:latest`);
    expect(progress.map(({ state, cached }) => [state, cached])).toEqual(digests.map(() => ['done', true]));
    for (const [i, layer] of layers.entries()) await expectFiles(layer, files[i]!);
    expect([proxy.blobBytes, session.metrics().bytesFetched]).toEqual([0, 0]);
  });

  it('opens only the layers that are wanted, in the order in which they are', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { open, progress } = sessions.start();
    const layers = await open(`${proxy.host}/app:latest`, { only: [3, 2, 3] });
    expect(layers.map(({ digest }) => digest)).toEqual([digests[2], digests[1], digests[2]]);
    expect(layers[0]).toBe(layers[2]);
    expect(new Set(progress.map(({ layer }) => layer))).toEqual(new Set([2, 3]));
    expect(sentFor(proxy, digests[0]!)).toBe(0);
    for (const only of [[0], [4], [1.5], [-1]]) {
      await expect(open(`${proxy.host}/app:latest`, { only })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    expect(await open(`${proxy.host}/app:latest`, { only: [] })).toEqual([]);
  });

  it('fetches a blob once that is two layers, and tells of both', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { open, progress } = sessions.start();
    const layers = await open(`${proxy.host}/app:twice`);
    expect(layers).toHaveLength(3);
    expect(layers[0]).toBe(layers[2]);
    await expectFiles(layers[2], files[1]!);
    expect(sentFor(proxy, digests[1]!)).toBe(blobs[1]!.length);
    const done = progress.filter(({ state }) => state === 'done').map(({ layer }) => layer);
    expect(done.toSorted()).toEqual([1, 2, 3]);
  });

  it('may open an image again, and another one beside it', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { open } = sessions.start();
    const [first, again, other] = await Promise.all(
      ['latest', 'latest', 'twice'].map((tag) => open(`${proxy.host}/app:${tag}`)),
    );
    await Promise.all([first![0], again![0]].map((layer) => expectFiles(layer, files[0]!)));
    await expectFiles(other![1], files[2]!);
    for (const [i, digest] of digests.entries()) expect(sentFor(proxy, digest)).toBe(blobs[i]!.length);
  });

  it('tells how far each pass is, forward only, to its end', async () => {
    const proxy = await sessions.proxy(registry.url);
    // Slow enough that some of the way is told.
    proxy.rules.push({ path: new RegExp(digests[0]!), fault: drip(600_000, 60) });
    const { open, progress } = sessions.start();
    await open(`${proxy.host}/app:latest`);
    for (const [i, blob] of blobs.entries()) {
      const own = progress.filter(({ layer }) => layer === i + 1);
      expect(own[0]).toEqual(one(i + 1, 'indexing', 0, blob.length));
      expect(own.at(-1)).toEqual(one(i + 1, 'done', blob.length, blob.length));
      expect(own.slice(0, -1).every(({ state }) => state === 'indexing')).toBe(true);
      const bytes = own.map(({ doneBytes }) => doneBytes);
      expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
    }
    expect(progress.filter(({ layer }) => layer === 1).length).toBeGreaterThan(2);
    const told = progress.length;
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(progress).toHaveLength(told);
  });

  it('keeps the indexes that were complete when it is aborted', async () => {
    const proxy = await sessions.proxy(registry.url);
    const slow = { path: new RegExp(digests[0]!), fault: drip(1000, 50) };
    proxy.rules.push(slow);
    const controller = new AbortController();
    const reason = new LayerslayerError('ABORTED', 'stopped by SIGTERM');
    const done = new Set<number>();
    const { open, session, cacheDirectory } = sessions.start({
      onProgress: ({ layer, state }: LayerProgress) => {
        if (state === 'done') done.add(layer);
        if (done.size === 2) controller.abort(reason);
      },
    });
    const opening = open(`${proxy.host}/app:latest`, { signal: controller.signal });
    await expect(opening).rejects.toBe(reason);
    expect([...done].toSorted()).toEqual([2, 3]);
    await session.close();
    proxy.rules.splice(0);
    const again = sessions.start({ cacheDirectory });
    const layers = await again.open(`${proxy.host}/app:latest`);
    await expectFiles(layers[0], files[0]!);
    const cached = again.progress.filter(({ state }) => state === 'done').map((p) => [p.layer, p.cached]);
    expect(cached.toSorted()).toEqual([
      [1, false],
      [2, true],
      [3, true],
    ]);
  });

  it('does nothing for a signal that was aborted before', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { open, progress } = sessions.start();
    const signal = AbortSignal.abort(new LayerslayerError('ABORTED', 'before'));
    await expect(open(`${proxy.host}/app:latest`, { signal })).rejects.toMatchObject({ message: 'before' });
    expect([progress, proxy.blobBytes]).toEqual([[], expect.any(Number)]);
    for (const digest of digests) expect(sentFor(proxy, digest)).toBe(0);
  });
});

describe('closing a session', () => {
  it('ends what is being opened, and leaves nothing open', async () => {
    const proxy = await sessions.proxy(registry.url);
    const descriptors = () => readdirSync('/proc/self/fd').length;
    proxy.rules.push({ path: new RegExp(digests[0]!), fault: drip(1000, 50) });
    const { open, session, progress } = sessions.start();
    const before = descriptors();
    const opening = open(`${proxy.host}/app:latest`);
    const failed = expect(opening).rejects.toMatchObject({
      code: 'ABORTED',
      message: 'the session was closed',
    });
    while (progress.filter(({ state }) => state === 'done').length < 2) await turn();
    await Promise.all([session.close(), session.close()]);
    await failed;
    expect(descriptors()).toBeLessThanOrEqual(before);
  });

  it('ends reads under way, and those to come', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { open, session } = sessions.start({ capBytes: 0 });
    const [layer] = await open(`${proxy.host}/app:latest`);
    proxy.rules.push({ path: /blobs/, fault: drip(10, 50) });
    const seen = proxy.seen.length;
    const reading = contentOf(layer!, 'd/noise');
    const failed = expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
    while (proxy.seen.length === seen) await turn();
    await session.close();
    await failed;
    await expect(contentOf(layer!, 'd/last')).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(open(`${proxy.host}/app:latest`)).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('may be the first thing that is done', async () => {
    const { session } = sessions.start();
    await session.close();
  });
});

describe('when the fetching thread ends', () => {
  it('what it was asked for fails, and another one takes its place', async () => {
    const proxy = await sessions.proxy(registry.url);
    const thread = startFetchThread();
    const { open, logged } = sessions.start({ capBytes: 0 }, thread);
    const [layer] = await open(`${proxy.host}/app:latest`);
    proxy.rules.push({ path: /blobs/, fault: drip(10, 50) });
    const seen = proxy.seen.length;
    const failed = expect(contentOf(layer!, 'd/noise')).rejects.toMatchObject({ code: 'INTERNAL' });
    while (proxy.seen.length === seen) await turn();
    await thread.terminate();
    await failed;
    proxy.rules.splice(0);
    await expectFiles(layer, files[0]!);
    const again = await open(`${proxy.host}/app:latest`);
    await expectFiles(again[2], files[2]!);
    expect(logged).toEqual(['error: the fetching thread ended: exit code 1']);
  });

  it('so does an index pass, at once', async () => {
    const proxy = await sessions.proxy(registry.url);
    proxy.rules.push({ path: new RegExp(digests[0]!), fault: drip(1000, 50) });
    const thread = startFetchThread();
    const { open } = sessions.start({}, thread);
    const failed = expect(open(`${proxy.host}/app:latest`)).rejects.toMatchObject({ code: 'INTERNAL' });
    while (sentFor(proxy, digests[1]!) === 0) await turn();
    await thread.terminate();
    await failed;
  });
});

function one(
  layer: number,
  state: LayerProgress['state'],
  doneBytes: number,
  totalBytes: number,
): LayerProgress {
  return { layer, state, cached: false, doneBytes, totalBytes };
}
