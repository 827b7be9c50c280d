import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PAGE_SIZE } from '#src/blob/page.js';
import { noise, same } from '../blob/bytes.js';
import {
  corruptAt,
  endAfter,
  type Fault,
  ignoreRange,
  resetAfter,
  status,
  truncateAfter,
} from '../support/fault-proxy.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { file, tarOf } from '../support/tar.js';
import {
  contentOf,
  Door,
  expectFiles,
  rowOf,
  Sessions,
  sentFor,
  sha256,
  someFiles,
  tarOfFiles,
} from './sessions.js';

const files = someFiles(1);
const blob = gzipSync(tarOfFiles(files), { level: 1 });
const digest = sha256(blob);
const other = gzipSync(tarOfFiles(someFiles(2, 10_000)));
const ofBlob = new RegExp(`/blobs/${digest}`);

const sessions = new Sessions();
let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'app:latest', { layers: [other, blob] });
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

/** Files below a folder of the cache, or none. */
function kept(cacheDirectory: string, folder: string, name: string): string[] {
  const path = join(cacheDirectory, 'v2', folder);
  if (!existsSync(path)) return [];
  const all = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return all.filter((entry) => entry.includes(name) && statSync(join(path, entry)).isFile());
}

describe('an index pass', () => {
  const THIRD = Math.floor(blob.length / 3);
  it.each<[string, Fault]>([
    ['a reset', resetAfter(THIRD)],
    ['a body that ends early', endAfter(THIRD)],
    ['a body that is cut short without a word', truncateAfter(THIRD)],
    ['a refusal', status(503)],
  ])('goes on after %s, at the byte it had reached', async (_, fault) => {
    const proxy = await sessions.proxy(registry.url);
    proxy.rules.push({ method: 'GET', path: ofBlob, nth: [1, 2], fault });
    const { open, logged } = sessions.start();
    const [, layer] = await open(`${proxy.host}/app:latest`);
    await expectFiles(layer, files);
    expect(logged).toEqual([]);
    // A reset may swallow what was under way.
    expect(sentFor(proxy, digest)).toBeGreaterThanOrEqual(blob.length);
    expect(sentFor(proxy, digest)).toBeLessThan(blob.length + 2 * THIRD);
  });

  it('is made once more when the bytes were others, and is right then', async () => {
    const proxy = await sessions.proxy(registry.url);
    proxy.rules.push({ method: 'GET', path: ofBlob, nth: 1, fault: corruptAt(THIRD) });
    const { open, logged, progress } = sessions.start();
    const [, layer] = await open(`${proxy.host}/app:latest`);
    await expectFiles(layer, files);
    expect(logged).toEqual([
      expect.stringMatching(/^warn: (?:reading sha256:\S+: )?content is .* trying once more$/),
    ]);
    expect(progress.filter(({ layer }) => layer === 2).at(-1)).toMatchObject({
      state: 'done',
      doneBytes: blob.length,
    });
  });

  it('fails when they are others twice, and nothing of them is kept', async () => {
    const proxy = await sessions.proxy(registry.url);
    proxy.rules.push({ method: 'GET', path: ofBlob, fault: corruptAt(THIRD) });
    const { open, cacheDirectory } = sessions.start();
    await expect(open(`${proxy.host}/app:latest`)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringMatching(/^layer 2: content is sha256:/),
    });
    expect(proxy.requests(ofBlob)).toHaveLength(2);
    expect([kept(cacheDirectory, 'pages', digest), kept(cacheDirectory, 'index', digest)]).toEqual([[], []]);
    // Of the one that was right, the index is.
    proxy.rules.splice(0);
    const again = sessions.start({ cacheDirectory });
    const [, layer] = await again.open(`${proxy.host}/app:latest`);
    await expectFiles(layer, files);
  });

  const tar = tarOf(file('noise', noise(700_000)), file('last', 'last'));
  const zipped = gzipSync(tar, { level: 1 });
  const flipped = (bytes: Buffer, at: number) => {
    const copy = Buffer.from(bytes);
    copy[at]! ^= 0x40;
    return copy;
  };
  it.each<[string, Buffer, string]>([
    ['damaged gzip', flipped(zipped, 300_000), 'CORRUPT_LAYER'],
    ['a wrong CRC', flipped(zipped, zipped.length - 8), 'CORRUPT_LAYER'],
    ['gzip cut short', zipped.subarray(0, 400_000), 'CORRUPT_LAYER'],
    ['a tar cut short', gzipSync(tar.subarray(0, 500_000)), 'CORRUPT_LAYER'],
    ['a plain tar cut short', tar.subarray(0, 500_000), 'CORRUPT_LAYER'],
    ['bzip2', Buffer.concat([Buffer.from('BZh'), Buffer.from(noise(900_000))]), 'UNSUPPORTED'],
  ])('of a blob that was made so refuses it: %s', async (what, bytes, code) => {
    const tag = what.replaceAll(' ', '-').toLowerCase();
    await pushImage(registry, `app:${tag}`, {
      layers: [other, { bytes, diffId: `sha256:${'0'.repeat(64)}` }],
    });
    const { open, cacheDirectory, logged } = sessions.start();
    const failed = await open(`${registry.host}/app:${tag}`).catch((error) => error);
    const short = sha256(bytes).slice(0, 7 + 12);
    expect(failed).toMatchObject({
      code,
      message: expect.stringMatching(`^layer 2: indexing layer ${short}`),
    });
    // Which layer it is stands there once.
    expect(failed.message.split('sha256:')).toHaveLength(2);
    expect(kept(cacheDirectory, 'index', sha256(bytes))).toEqual([]);
    expect(logged).toEqual([]);
  });

  it('of one layer that fails ends the others', async () => {
    const proxy = await sessions.proxy(registry.url);
    proxy.rules.push({ method: 'GET', path: ofBlob, fault: status(404, {}, '{}') });
    proxy.rules.push({ method: 'GET', path: new RegExp(sha256(other)), fault: { ...status(503) } });
    const { open, session } = sessions.start();
    await expect(open(`${proxy.host}/app:latest`)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/^layer 2: reading layer sha256:/),
    });
    const requests = proxy.seen.length;
    await session.close();
    expect(proxy.seen).toHaveLength(requests);
  });
});

describe('a mount whose registry went away', () => {
  it('serves what is kept, fails the rest with a code, and works again when it is back', async () => {
    const door = await Door.open(registry.host);
    try {
      // Nothing is kept on disk, and two windows in memory.
      const { open } = sessions.start({ capBytes: 0 });
      const [, layer] = await open(`${door.host}/app:latest`);
      const row = rowOf(layer!, 'd/noise');
      const content = files['d/noise']!;
      const at = (offset: number) => content.subarray(offset, offset + 1000);
      expect([...(await layer!.read(row, 5000, 1000))]).toEqual([...at(5000)]);
      await door.close();
      expect([...(await layer!.read(row, 5000, 1000))]).toEqual([...at(5000)]);
      const began = performance.now();
      await expect(layer!.read(row, 1_200_000, 1000)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
      expect(performance.now() - began).toBeLessThan(55_000);
      await door.open();
      expect([...(await layer!.read(row, 1_200_000, 1000))]).toEqual([...at(1_200_000)]);
      await expectFiles(layer, files);
    } finally {
      await door.close();
    }
  });
});

describe('a read', () => {
  it.each<[string, Fault]>([
    ['is reset', resetAfter(1000)],
    ['is answered with the whole blob', ignoreRange()],
    ['brings a wrong byte', corruptAt(77)],
    ['is refused for a moment', status(502)],
  ])('whose request %s is right all the same', async (_, fault) => {
    const proxy = await sessions.proxy(registry.url);
    const { open } = sessions.start({ capBytes: 0 });
    const [, layer] = await open(`${proxy.host}/app:latest`);
    proxy.rules.push({ method: 'GET', path: ofBlob, nth: [1, 3], fault });
    await expectFiles(layer, files);
  });

  it('of bytes that are wrong twice fails, and is never wrong', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { open } = sessions.start({ capBytes: 0 });
    const [, layer] = await open(`${proxy.host}/app:latest`);
    proxy.rules.push({ method: 'GET', path: ofBlob, fault: corruptAt(5) });
    await expect(contentOf(layer!, 'd/noise')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    proxy.rules.splice(0);
    await expectFiles(layer, files);
  });

  it('here and there costs one request for the blocks that it needs', async () => {
    const noisy = noise(9_000_000, 3);
    const blob = gzipSync(tarOf(file('n', noisy)), { level: 1 });
    await pushImage(registry, 'noisy:latest', { layers: [blob] });
    const proxy = await sessions.proxy(registry.url);
    const { open } = sessions.start({ capBytes: 0 });
    const [layer] = await open(`${proxy.host}/noisy:latest`);
    const requests = () => proxy.requests(new RegExp(sha256(blob))).length;
    for (const at of [8.5e6, 1.2e6, 6.1e6, 0, 3.3e6, 4.65e6]) {
      const before = requests();
      const sent = sentFor(proxy, sha256(blob));
      expect(same(await layer!.read(0, at, 4096), noisy.subarray(at, at + 4096))).toBe(true);
      expect(requests() - before).toBe(1);
      // A span of what can't be compressed, in whole blocks.
      expect(sentFor(proxy, sha256(blob)) - sent).toBeLessThanOrEqual(18 * 65536);
    }
  });

  it('of a little fetches little', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { open, session } = sessions.start({ capBytes: 0 });
    const [, layer] = await open(`${proxy.host}/app:latest`);
    const before = session.metrics().bytesFetched;
    await contentOf(layer!, 'd/last');
    expect(session.metrics().bytesFetched - before).toBeLessThanOrEqual(4 * PAGE_SIZE);
  });
});
