import { chownSync, existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '#src/base/log.js';
import { pageKey, pageRunKey } from '#src/blob/blocks/cached-pages.js';
import { ContentStore } from '#src/cache/content-store.js';
import { indexKey } from '#src/index/entry-table.js';
import { LayoutBuilder, writeDirectory } from '../support/local-images.js';
import { Workplace } from '../support/mounts.js';
import { file, tarOf } from '../support/tar.js';

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
        { digest: NEW, indexBytes: 5000, pageBytes: 2 * MIB, lastUsed: '2026-01-02T10:20Z' },
        { digest: OLD, indexBytes: 0, pageBytes: 4 * MIB, lastUsed: '2026-01-01T10:20Z' },
      ],
      manifests: { count: 1, bytes: 700 },
      trees: { count: 1, bytes: 900 },
    });
    const { status, stdout, stderr } = await cache('ls');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      `LAYER${' '.repeat(68)}INDEX    PAGES    LAST USED`,
      `${NEW}  4.9 KiB  2.0 MiB  2026-01-02T10:20Z`,
      `${OLD}  -        4.0 MiB  2026-01-01T10:20Z`,
      '',
      `Directory:     ${place.cache}`,
      'Manifests:     1, 700 B',
      'Merged trees:  1, 900 B',
      'Images:        0',
      'Layers:        2',
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
      lastUsed: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/),
    });
    expect(await run('peek', '--layer', '2', 'oci:img')).toMatchObject({ status: 0 });
    expect(await json('ls')).toMatchObject({ images: [image(1)] });
    expect(await run('index', 'oci:img')).toMatchObject({ status: 0 });
    expect((await json('ls')).images).toEqual([image(2)]);
    const { stdout } = await cache('ls');
    expect(stdout).toMatch(/^IMAGE +PLATFORM +LAYERS INDEXED +LAST USED\n/);
    expect(stdout).toMatch(new RegExp(`^${reference} +linux/\\w+ +2 of 2 +\\S+\n\nLAYER `, 'm'));
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

it.each([['list'], ['']])('cache %j is wrong usage', async (action) => {
  expect(await cache(action)).toMatchObject({ status: 2, stdout: '' });
});
