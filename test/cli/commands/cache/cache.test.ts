import { chownSync, existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '#src/base/log.js';
import { pageKey, pageRunKey } from '#src/blob/blocks/cached-pages.js';
import { ContentStore } from '#src/cache/content-store.js';
import { indexKey } from '#src/index/entry-table.js';
import { noise } from '../../../blob/bytes.js';
import { attempt } from '../../../support/child.js';
import { LayoutBuilder, writeDirectory } from '../../../support/local-images.js';
import { until, Workplace } from '../../../support/mounts.js';
import { pushImage, pushIndex, sha256, startRegistry, type TestRegistry } from '../../../support/registry.js';
import { file, tarOf } from '../../../support/tar.js';

const MIB = 1024 * 1024;
const OLD = `sha256:${'0d'.repeat(32)}`;
const NEW = `sha256:${'2e'.repeat(32)}`;

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.cleanUp());

const cache = (...args: string[]) => place.layerslayer(['cache', ...args], { cwd: place.scratch });
const json = async (...args: string[]) => JSON.parse((await cache(...args, '--json')).stdout);

/** Two layers, the second used a day after the first; a manifest. */
async function fill(): Promise<void> {
  const store = await ContentStore.open({ directory: place.cache, capBytes: 64 * MIB, log: SILENT_LOG });
  await store.write('page', pageRunKey(OLD, 0), new Uint8Array(3 * MIB));
  await store.write('page', pageKey(OLD, 99), new Uint8Array(MIB));
  await store.write('page', pageRunKey(NEW, 0), new Uint8Array(2 * MIB));
  await store.write('index', indexKey(1, NEW), new Uint8Array(3000));
  await store.write('states', indexKey(1, NEW), new Uint8Array(2000)); // a part of the index
  await store.write('manifest', OLD, new Uint8Array(700));
  await store.write('tree', 'ab', new Uint8Array(900));
  for (const { key, path } of await store.entries()) {
    const time = new Date(key.includes(NEW) ? '2026-01-02T10:20:59Z' : '2026-01-01T10:20:30Z');
    utimesSync(path, time, time);
  }
  await store.close();
}

describe('cache ls', () => {
  it('tells what is kept of each layer, the one used last first', async () => {
    await fill();
    expect(await json('ls', '--cache-size', '1GiB')).toEqual({
      directory: place.cache,
      capBytes: 1024 * MIB,
      totalBytes: 6 * MIB + 5000 + 700 + 900,
      images: [],
      layers: [
        { digest: NEW, indexBytes: 5000, pageBytes: 2 * MIB, images: 0, lastUsed: '2026-01-02T10:20Z' },
        { digest: OLD, indexBytes: 0, pageBytes: 4 * MIB, images: 0, lastUsed: '2026-01-01T10:20Z' },
      ],
      sharedBytes: 0,
      otherBytes: 6 * MIB + 5000,
      manifests: { count: 1, bytes: 700 },
      trees: { count: 1, bytes: 900 },
    });
    const { status, stdout, stderr } = await cache('ls');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      `LAYER${' '.repeat(68)}INDEX    PAGES    IMAGES  LAST USED`,
      `${NEW}  4.9 KiB  2.0 MiB  0       2026-01-02T10:20Z`,
      `${OLD}  -        4.0 MiB  0       2026-01-01T10:20Z`,
      '',
      `Directory:     ${place.cache}`,
      'Manifests:     1, 700 B',
      'Merged trees:  1, 900 B',
      'Images:        0',
      'Layers:        2',
      'Shared:        0 B of layers of several images',
      'Of no image:   6.0 MiB',
      'Total:         6.0 MiB of 4.0 GiB at most',
      '',
    ]);
  });

  it('lists the images that were opened, and how many of their layers are indexed', async () => {
    const layout = new LayoutBuilder();
    const layers = ['a', 'b'].map((name) => gzipSync(tarOf(file(name, name))));
    writeDirectory(join(place.scratch, 'img'), layout.top([layout.image(layers)]));
    const run = (...args: string[]) => place.layerslayer(args, { cwd: place.scratch });
    const reference = `oci:${place.scratch}/img`;
    const image = (indexedLayers: number) => ({
      reference,
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      platform: expect.stringMatching(/^linux\//),
      layers: 2,
      indexedLayers,
      ownBytes: expect.any(Number),
      sharedBytes: 0,
      lastUsed: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/),
    });
    expect(await run('peek', '--layer', '2', 'oci:img')).toMatchObject({ status: 0 });
    expect(await json('ls')).toMatchObject({ images: [image(1)] });
    expect(await run('index', 'oci:img')).toMatchObject({ status: 0 });
    expect((await json('ls')).images).toEqual([image(2)]);
    const { stdout } = await cache('ls');
    expect(stdout).toMatch(/^IMAGE +PLATFORM +LAYERS INDEXED +OWN +SHARED +LAST USED\n/);
    expect(stdout).toMatch(new RegExp(`^${reference} +linux/\\w+ +2 of 2 +\\d+ B +0 B +\\S+\n\nLAYER `, 'm'));
    expect(stdout).toContain('\nImages:        1\n');
    await cache('clear');
    expect((await json('ls')).images).toEqual([]);
  });

  it('makes nothing where nothing is', async () => {
    expect(await json('ls')).toMatchObject({ totalBytes: 0, images: [], layers: [] });
    expect(await cache('clear')).toMatchObject({ status: 0 });
    expect(await cache('prune')).toMatchObject({ status: 0 });
    expect(existsSync(place.cache)).toBe(false);
  });
});

it('leaves a directory alone that is no cache, and says so', async () => {
  const notes = join(place.scratch, 'notes');
  mkdirSync(join(notes, 'own'), { recursive: true });
  for (const action of ['clear', 'prune', 'ls']) {
    const ended = await cache(action, '--cache-dir', notes);
    expect([ended.status, ended.stderr]).toEqual([0, `${notes}: no cache of layerslayer is there\n`]);
  }
  expect(await cache('rm', '--cache-dir', notes, 'nginx')).toMatchObject({ status: 10 });
  expect(await cache('clear', '-q', '--cache-dir', notes)).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(notes)).toEqual(['own']);
});

describe('cache prune', () => {
  it('keeps to the cap, what was used last and the indexes', async () => {
    await fill();
    expect(await cache('prune')).toMatchObject({
      stdout: `${place.cache}: 0 files, 0 B removed; 6.0 MiB kept\n`,
    });
    expect(await json('prune', '--cache-size', '3MiB')).toEqual({
      directory: place.cache,
      removedFiles: 2,
      removedBytes: 4 * MIB,
      totalBytes: 2 * MIB + 5000 + 700 + 900,
    });
    expect((await json('ls')).layers.map(({ digest }: { digest: string }) => digest)).toEqual([NEW]);
    await cache('prune', '--cache-size', '100KiB');
    expect(await json('ls')).toMatchObject({
      totalBytes: 5000 + 700 + 900,
      layers: [{ digest: NEW, indexBytes: 5000, pageBytes: 0 }],
    });
  });
});

describe('cache clear', () => {
  it('removes everything', async () => {
    await fill();
    expect(await cache('clear', '--cache-size', '1GiB')).toEqual({
      status: 0,
      signal: null,
      stdout: `${place.cache}: 7 files, 6.0 MiB removed; 0 B kept\n`,
      stderr: '',
    });
    for (const folder of ['pages', 'index', 'states', 'manifests', 'trees', 'tmp'])
      expect(
        readdirSync(join(place.cache, 'v2', folder), { recursive: true }).filter(
          (name) => !/^\d+$/.test(String(name)),
        ),
      ).toEqual([]);
  });

  it('touches no directory of another user', async () => {
    await fill();
    chownSync(join(place.cache, 'v2'), 65_534, 65_534);
    const { status, stdout, stderr } = await cache('clear');
    expect({ status, stdout }).toEqual({ status: 17, stdout: '' });
    expect(stderr).toMatch(/^layerslayer: the cache is not used: .* belongs to user 65534, not to user 0\n$/);
    expect(await json('ls')).toMatchObject({ totalBytes: 6 * MIB + 5000 + 700 + 900 });
  });

  it('follows no link out of the cache', async () => {
    await fill();
    const outside = join(place.scratch, 'outside');
    mkdirSync(join(outside, 'folder'), { recursive: true });
    symlinkSync(outside, join(place.cache, 'v2', 'pages', 'link'));
    expect(await cache('clear')).toMatchObject({ status: 0 });
    expect(readdirSync(outside)).toEqual(['folder']);
  });
});

describe('cache rm', () => {
  const noisy = (seed: number) => gzipSync(tarOf(file(`noise-${seed}`, noise(300_000, seed))));
  const [BASE, ONE, TWO, ARM] = [noisy(1), noisy(2), noisy(3), noisy(4)] as const;
  const platform = (architecture: string) => ({ os: 'linux', architecture });
  let registry: TestRegistry;

  beforeAll(async () => {
    registry = await startRegistry();
    const image = (layers: Buffer[], architecture = 'amd64') =>
      pushImage(registry, 'test/app', { layers, config: { architecture } });
    const first = await image([BASE, ONE]);
    await pushIndex(registry, 'test/app:v1', [
      { image: first, platform: platform('amd64') },
      { image: await image([ARM], 'arm64'), platform: platform('arm64') },
    ]);
    await pushIndex(registry, 'test/app:v2', [
      { image: await image([BASE, TWO]), platform: platform('amd64') },
    ]);
    await pushIndex(registry, 'test/app:again', [{ image: first, platform: platform('amd64') }]);
  });
  afterAll(() => registry?.stop());

  const reference = (tag: string) => `${registry.host}/test/app:${tag}`;
  const run = (...args: string[]) => place.layerslayer(args, { cwd: place.scratch });
  const peek = (tag: string, architecture = 'amd64') =>
    run('peek', '--merged', '--platform', architecture, reference(tag));
  const files = async () =>
    (await ContentStore.forReading(place.cache, SILENT_LOG).entries())
      .map(({ kind, key }) => `${kind} ${key}`)
      .sort();
  const filesOf = async (layer: Buffer) => (await files()).filter((name) => name.includes(sha256(layer)));
  const pages = (layers: { digest: string; indexBytes: number; pageBytes: number }[], ...blobs: Buffer[]) =>
    layers
      .filter(({ digest }) => blobs.map(sha256).includes(digest))
      .reduce((sum, { indexBytes, pageBytes }) => sum + indexBytes + pageBytes, 0);

  it('leaves what was there before the image, and what others share with it', async () => {
    await peek('v2');
    const before = await files();
    await peek('v1');
    await peek('v1', 'arm64');
    const { images, layers, sharedBytes, otherBytes, totalBytes, ...groups } = await json('ls');
    expect(images.map((image: { reference: string }) => image.reference)).toEqual(
      expect.arrayContaining([reference('v1'), reference('v1'), reference('v2')]),
    );
    const [v2] = images.filter((image: { reference: string }) => image.reference === reference('v2'));
    expect(v2).toMatchObject({ ownBytes: pages(layers, TWO), sharedBytes: pages(layers, BASE) });
    expect(sharedBytes).toBe(pages(layers, BASE));
    expect(layers.find(({ digest }: { digest: string }) => digest === sha256(BASE))).toMatchObject({
      images: 2,
    });
    const own = images.reduce((sum: number, { ownBytes }: { ownBytes: number }) => sum + ownBytes, 0);
    expect([otherBytes, own + sharedBytes + groups.manifests.bytes + groups.trees.bytes]).toEqual([
      0,
      totalBytes,
    ]);

    const { status, stdout, stderr } = await cache('rm', reference('v1'));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(
      `${reference('v1')} (linux/amd64): removed; 2 layers, 1 kept for other images\n`,
    );
    expect(stdout).toContain(`${reference('v1')} (linux/arm64): removed; 1 layer\n`);
    expect(stdout).toMatch(/: \d+ files, \d+\.\d KiB removed; \d+\.\d KiB kept\n$/);
    expect(await files()).toEqual(before);
    expect(await cache('rm', reference('v2'))).toMatchObject({ status: 0 });
    expect(await files()).toEqual([]);
  });

  it('removes only the name if another has the same manifest', async () => {
    await peek('v1');
    await peek('again');
    const { ownBytes, sharedBytes } = (await json('ls')).images[0];
    expect([ownBytes, sharedBytes > 600_000]).toEqual([0, true]);
    const removed = await json('rm', reference('again'));
    expect(removed).toMatchObject({
      directory: place.cache,
      images: [{ reference: reference('again'), platform: 'linux/amd64', layers: 2, keptLayers: 2 }],
      removedFiles: 1, // the record: the cache does not know whose an image index is
    });
    expect((await json('ls')).images).toMatchObject([{ reference: reference('v1'), sharedBytes: 0 }]);
  });

  it('takes places on this machine and digests, and keeps the notes of refuted indexes', async () => {
    const layout = new LayoutBuilder();
    const layers = [tarOf(file('a', 'x'))];
    writeDirectory(join(place.scratch, 'img'), layout.top([layout.image(layers)]));
    await run('peek', 'oci:img');
    const { digest } = JSON.parse((await run('inspect', '--json', reference('v2'))).stdout);
    const pinned = `${registry.host}/test/app@${digest}`;
    await run('peek', pinned);
    const store = await ContentStore.open({ directory: place.cache, capBytes: 64 * MIB, log: SILENT_LOG });
    const note = `${sha256(TWO)}.0123456789abcdef`;
    await store.write('refutation', note, Buffer.from('why'));
    await store.close();
    expect(await cache('rm', 'oci:img', `docker://${pinned}`)).toMatchObject({ status: 0, stderr: '' });
    expect((await json('ls')).images).toEqual([]);
    expect(await filesOf(TWO)).toEqual([`refutation ${note}`]);
  });

  it('of an image that is not cached is NOT_FOUND, names the nearest, and removes the others', async () => {
    await peek('v1');
    await peek('v2');
    const { status, stdout, stderr } = await cache('rm', reference('v3'), 'nginx', reference('v1'));
    expect({ status, stderr }).toEqual({
      status: 10,
      stderr:
        `layerslayer: not in the cache: ${reference('v3')} (cached: ${reference('v1')}, ${reference('v2')})\n` +
        'layerslayer: not in the cache: docker.io/library/nginx:latest\n',
    });
    expect(stdout).toContain(`${reference('v1')} (linux/amd64): removed`);
    expect((await json('ls')).images).toMatchObject([{ reference: reference('v2') }]);
    expect((await cache('rm', `${reference('v2')}x`)).stderr).toContain(`(cached: ${reference('v2')})`);
  });

  it('does no harm to a mount', async () => {
    const mountpoint = await place.mount(reference('v1'));
    const read = () => attempt('sha256sum', [join(mountpoint, 'noise-1'), join(mountpoint, 'noise-2')]);
    const before = await read();
    expect(before.status).toBe(0);
    const records = join(place.cache, 'v2', 'images'); // a mount records its image a second later
    const isListed = () => existsSync(records) && readdirSync(records).length > 0;
    await until(isListed, 10_000, () => 'the image is not recorded');
    expect(await cache('rm', reference('v1'))).toMatchObject({ status: 0 });
    expect(await filesOf(ONE)).toEqual([]);
    expect(await read()).toEqual(before);
    expect(await peek('v1')).toMatchObject({ status: 0 });
  });

  it('makes no cache, and touches none of another user', async () => {
    expect(await cache('rm', 'nginx')).toMatchObject({ status: 10 });
    expect(existsSync(place.cache)).toBe(false);
    await peek('v1');
    chownSync(join(place.cache, 'v2'), 65_534, 65_534);
    expect(await cache('rm', reference('v1'))).toMatchObject({ status: 17, stdout: '' });
    expect((await json('ls')).images).toHaveLength(1);
  });

  it('and a larger cache than --cache-size by default is not pruned', async () => {
    await peek('v1');
    await peek('v2');
    await cache('rm', '--cache-size', '1KiB', reference('v1'));
    expect((await filesOf(TWO)).length).toBeGreaterThan(1);
  });
});

it.each([
  [['rm'], 'cache rm wants an IMAGE'],
  [['rm', 'NGINX:'], 'not an image reference'],
  [['ls', 'nginx'], 'cache ls takes no IMAGE: nginx'],
  [['clear', 'nginx'], 'cache clear takes no IMAGE: nginx'],
])('cache %j is wrong usage, said so', async (words, message) => {
  const { status, stderr } = await cache(...words);
  expect(status).toBe(2);
  expect(stderr).toContain(message);
});

it.each([['list'], ['']])('cache %j is wrong usage', async (action) => {
  expect(await cache(action)).toMatchObject({ status: 2, stdout: '' });
});
