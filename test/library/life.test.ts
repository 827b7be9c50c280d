import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Image, LayerslayerError, type OpenImageOptions, openImage } from '#src/library/layerslayer.js';
import { IMAGES_OF_SESSION } from '#src/library/opened/shared-sessions.js';
import { FaultProxy, noAnswer } from '../support/fault-proxy.js';
import {
  pushImage,
  REGISTRY_PASSWORD,
  REGISTRY_USER,
  startRegistry,
  type TestRegistry,
} from '../support/registry.js';
import { file, tarOf } from '../support/tar.js';
import { LARGE, pushLibraryImage } from './image.js';

let registry: TestRegistry;
let proxy: FaultProxy;
let reference: string; // of an image whose layers never come
const scratch = mkdtempSync(join(tmpdir(), 'layerslayer-library-'));
beforeAll(async () => {
  registry = await startRegistry();
  await pushLibraryImage(registry);
  proxy = await FaultProxy.start({ target: registry.url });
  reference = `${proxy.host}/app:one`;
});
afterAll(async () => {
  await proxy?.stop();
  await registry?.stop();
  rmSync(scratch, { recursive: true });
});

const opened: Image[] = [];
afterEach(async () => {
  for (const image of opened.splice(0)) await image.close();
  proxy.rules.length = 0;
});
let caches = 0;
const newCache = () => join(scratch, `cache-${++caches}`);
async function open(name: string, options: OpenImageOptions = {}): Promise<Image> {
  const image = await openImage(name, { cacheDirectory: newCache(), ...options });
  opened.push(image);
  return image;
}
const working = (options?: OpenImageOptions) => open(`${registry.host}/app:one`, options);

/** Opens an image whose layers the registry never sends. */
async function stuck(options?: OpenImageOptions): Promise<Image> {
  const image = await open(reference, options);
  proxy.rules.push({ path: /blobs/, fault: noAnswer() });
  return image;
}

const ABORTED = { name: 'LayerslayerError', code: 'ABORTED' };

/** Resolves when the operation has begun to wait. */
const begun = () => sleep(300);

describe('a signal', () => {
  it('ends its operation only', async () => {
    const image = await stuck();
    const stop = new AbortController();
    const stopped = image.readFile('/conf', { signal: stop.signal });
    const other = image.stat('/conf');
    await begun();
    stop.abort(new Error('enough'));
    await expect(stopped).rejects.toMatchObject({
      ...ABORTED,
      message: 'enough',
      cause: new Error('enough'),
    });
    const state = await Promise.race([other.catch(() => 'failed'), sleep(200, 'waiting')]);
    expect(state).toBe('waiting');
    await image.close();
    await expect(other).rejects.toMatchObject(ABORTED);
  });

  it('ends the work when no other operation waits for it, and the next one begins it again', async () => {
    const image = await stuck();
    const signal = AbortSignal.timeout(300);
    await expect(image.stat('/conf', { signal })).rejects.toMatchObject({
      ...ABORTED,
      cause: expect.objectContaining({ name: 'TimeoutError' }),
    });
    proxy.rules.length = 0;
    expect(await image.readFile('/conf', 'utf8')).toBe('new!');
  });

  it.each<[string, (image: Image, signal: AbortSignal) => Promise<unknown>]>([
    ['stat', (image, signal) => image.stat('/', { signal })],
    ['opendir', (image, signal) => image.opendir('/', { signal }).next()],
    ['readFile', (image, signal) => image.readFile('/conf', { signal })],
    ['a stream', (image, signal) => text(image.createReadStream('/conf', { signal }))],
    ['a web stream', (image, signal) => text(image.readableWebStream('/conf', { signal }))],
    ['versions', (image, signal) => image.versions('/conf', { signal })],
    ['entries', (image, signal) => image.layers[0]!.entries({ signal }).next()],
    ['isVerified', (image, signal) => image.layers[0]!.isVerified({ signal })],
    ['mount', (image, signal) => image.mount(scratch, { signal })],
  ])('that was aborted before: %s', async (_, act) => {
    const image = await working();
    await expect(act(image, AbortSignal.abort())).rejects.toMatchObject(ABORTED);
  });

  it('of an image ends its opening, and all operations on it', async () => {
    const stop = new AbortController();
    const image = await stuck({ signal: stop.signal });
    const operations = [
      image.readdir('/'),
      text(image.createReadStream('/conf')),
      image.layers[1]!.entries().next(),
    ];
    const ended = Promise.allSettled(operations);
    await begun();
    stop.abort();
    for (const outcome of await ended) expect(outcome).toMatchObject({ status: 'rejected', reason: ABORTED });
    await expect(image.stat('/')).rejects.toMatchObject(ABORTED);
    await expect(open(reference, { signal: stop.signal })).rejects.toMatchObject(ABORTED);
  });

  it('may be that of many operations', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    const image = await working({ signal });
    await Promise.all(Array.from({ length: 40 }, () => image.readFile('/large', { signal })));
    await sleep(10);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });
});

describe('close', () => {
  it('ends operations under way, and all later ones', async () => {
    const image = await stuck();
    const stream = image.createReadStream('/conf');
    const operations = [text(stream), image.stat('/'), image.layers[0]!.isVerified()];
    const ended = Promise.allSettled(operations);
    await begun();
    await image.close();
    for (const outcome of await ended) expect(outcome).toMatchObject({ status: 'rejected', reason: ABORTED });
    await expect(image.stat('/')).rejects.toMatchObject({
      ...ABORTED,
      message: expect.stringMatching(/was closed$/),
    });
    expect(image.createReadStream('/conf').on('error', () => {})).toBeDefined();
    await image.close(); // again
  });

  it('ends an iteration', async () => {
    const image = await working();
    const entries = image.layers[0]!.entries();
    await entries.next();
    await image.close();
    await expect(image.opendir('/').next()).rejects.toMatchObject(ABORTED);
  });

  it('is what `await using` calls', async () => {
    const image = await working();
    await image[Symbol.asyncDispose]();
    await expect(image.stat('/')).rejects.toMatchObject(ABORTED);
  });

  it('leaves other images of the same session open', async () => {
    const cacheDirectory = newCache();
    const [one, two] = await Promise.all([working({ cacheDirectory }), working({ cacheDirectory })]);
    expect(await one.readFile('/conf', 'utf8')).toBe('new!');
    await one.close();
    expect((await two.readFile('/large')).equals(LARGE)).toBe(true);
    await two.close();
    const three = await working({ cacheDirectory });
    expect(await three.readFile('/conf', 'utf8')).toBe('new!');
  });

  it('frees what images took, while one of the same options stays open', async () => {
    const cacheDirectory = newCache();
    const descriptors = () => readdirSync('/proc/self/fd').length;
    await pushImage(registry, 'other:one', { layers: [gzipSync(tarOf(file('x', 'y')))] });
    const stays = await working({ cacheDirectory });
    const counts: number[] = [];
    for (let i = 0; i < IMAGES_OF_SESSION + 24; i++) {
      const image = await openImage(`${registry.host}/other:one`, { cacheDirectory });
      await image.layers[0]!.isVerified();
      await image.close();
      counts.push(descriptors());
    }
    expect(await stays.readFile('/conf', 'utf8')).toBe('new!');
    expect(counts.at(-1)).toBeLessThan(counts[IMAGES_OF_SESSION]! + 8);
  }, 60_000);
});

it('many images are read at the same time', async () => {
  const cacheDirectory = newCache();
  const images = await Promise.all(
    Array.from({ length: 6 }, (_, i) => working({ cacheDirectory, memory: (i % 3) * 2 ** 20 + 2 ** 20 })),
  );
  const contents = await Promise.all(images.map((image) => image.readFile('/large')));
  expect(contents.every((content) => content.equals(LARGE))).toBe(true);
});

describe('opening', () => {
  it.each<[string, OpenImageOptions, string, RegExp]>([
    ['Not A Reference', {}, 'INVALID_REFERENCE', /Not A Reference/],
    ['oci:/no/such/directory', {}, 'NOT_FOUND', /no\/such/],
    ['x', { platform: 'a/b/c/d' }, 'INVALID_ARGUMENT', /platform/],
    ['x', { cacheSize: -1 }, 'INVALID_ARGUMENT', /cacheSize is -1/],
    ['x', { memory: 1 }, 'INVALID_ARGUMENT', /memory is 1/],
    ['x', { index: 'all' as never }, 'INVALID_ARGUMENT', /index is none, exact/],
    ['x', { indexRepository: 'a b' }, 'INVALID_ARGUMENT', /indexRepository/],
    ['x', { credentials: {} as never }, 'INVALID_ARGUMENT', /credentials/],
    ['x', { credentials: { username: 'u' } as never }, 'INVALID_ARGUMENT', /credentials/],
    ['x', { credentials: { token: 'a\nb' } }, 'INVALID_ARGUMENT', /credentials/],
    ['x', { cacheDirectory: 7 as never }, 'INVALID_ARGUMENT', /cache directory/],
    ['x', { onProgress: 7 as never }, 'INVALID_ARGUMENT', /onProgress/],
    ['x', { signal: {} as never }, 'INVALID_ARGUMENT', /AbortSignal/],
    ['x', { credentials: null as never }, 'INVALID_ARGUMENT', /credentials/],
    ['x', null as never, 'INVALID_ARGUMENT', /options/],
    [7 as never, {}, 'INVALID_ARGUMENT', /not a string/],
  ])('%s with %j: %s', async (name, options, code, message) => {
    const error = await openImage(name, options).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(LayerslayerError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('an image that is not there, of another platform', async () => {
    await expect(open(`${registry.host}/app:none`)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(working({ platform: 'windows/amd64' })).rejects.toMatchObject({
      code: 'NO_MATCHING_PLATFORM',
    });
  });

  it('with credentials, which no message has', async () => {
    const closed = await startRegistry({ auth: true });
    try {
      const name = await pushLibraryImage(closed);
      await expect(open(name)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
      const wrong = { username: REGISTRY_USER, password: 'not the password' };
      const fault = await open(name, { credentials: wrong }).catch((error: Error) => error);
      expect(fault).toMatchObject({ code: 'UNAUTHORIZED' });
      expect(`${fault} ${(fault as Error).stack}`).not.toContain('not the password');
      const credentials = { username: REGISTRY_USER, password: REGISTRY_PASSWORD };
      expect(await (await open(name, { credentials })).readFile('conf', 'utf8')).toBe('new!');
    } finally {
      await closed.stop();
    }
  });
});

it('reports progress and messages', async () => {
  const layers: number[] = [];
  const messages: string[] = [];
  const image = await working({
    onProgress: ({ layer, state }) => state === 'done' && layers.push(layer),
    onMessage: (level, line) => messages.push(`${level} ${line}`),
    cacheDirectory: '/proc/no-such-cache',
  });
  await image.stat('/');
  expect(new Set(layers)).toEqual(new Set([1, 2]));
  expect(messages).toEqual([expect.stringMatching(/^warn .*\/proc\/no-such-cache/)]);
});
