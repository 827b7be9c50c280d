import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '#src/base/log.js';
import { ContentStore } from '#src/cache/content-store.js';
import { Catalog } from '#src/catalog/catalog.js';
import { bySharedLayers } from '#src/catalog/image-order.js';
import { globMatcher } from '#src/catalog/search/glob-matcher.js';
import { TableReader } from '#src/catalog/table-reader.js';
import { listImageRecords } from '#src/engine/records/image-records.js';
import { OpenedImages } from '#src/image/opened-images.js';
import type { Digest } from '#src/oci/digest.js';
import { defaultPlatform } from '#src/oci/platform.js';
import { Sessions } from '../engine/sessions.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { file, tarOf, whiteout } from '../support/tar.js';

const SOURCES = { trust: 'exact', repository: undefined } as const;
const FILES = 2000;

const base = gzipSync(tarOf(...Array.from({ length: FILES }, (_, i) => file(`usr/lib/module-${i}.so`))));
const uppers = ['one', 'two', 'three'].map((name) => gzipSync(tarOf(file(`etc/${name}.pem`))));
const marked = { 'containerd.io/snapshot/stargz/toc.digest': `sha256:${'0'.repeat(64)}` };

const sessions = new Sessions();
let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
  for (const [i, upper] of uppers.entries())
    await pushImage(registry, `app${i}:1`, { layers: [base, upper] });
  const hiding = gzipSync(tarOf(whiteout('usr/lib/module-7.so'), file('stargz.index.json', '{}')));
  await pushImage(registry, 'hiding:1', { layers: [base, { bytes: hiding, annotations: marked }] });
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

/** A cache in which these images were opened. */
async function cached(...names: string[]): Promise<string> {
  const { session, cacheDirectory } = sessions.start();
  for (const name of names) {
    const image = await new OpenedImages(session).open(`${registry.host}/${name}`, defaultPlatform());
    await image.layers();
  }
  await session.close();
  return cacheDirectory;
}

async function found(directory: string, pattern: string, tableBytes?: number): Promise<string[]> {
  const matcher = globMatcher(pattern, { ignoresCase: false });
  const search = new Catalog(directory, SOURCES, tableBytes).search({
    matcher,
    filter: {},
    hiddenOnly: false,
  });
  const lines: string[] = [];
  for await (const { image, entries } of search)
    for await (const { path, hidden } of entries)
      lines.push(`${image.reference.split('/').at(-1)} ${path} ${hidden?.how ?? 'live'}`);
  return lines;
}

/** Each file below a directory, with its times and size. */
function state(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { mtimeMs, ctimeMs, size } = lstatSync(join(directory, name));
    return `${name} ${mtimeMs} ${ctimeMs} ${size}`;
  });
}

describe('the catalog', () => {
  it('finds entries of all images of the cache, and leaves no trace', async () => {
    const directory = await cached('app0:1', 'app1:1', 'hiding:1');
    const before = state(directory);
    expect(await found(directory, '{*.pem,module-7.so,stargz*}')).toEqual([
      'app0:1 /etc/one.pem live',
      'app0:1 /usr/lib/module-7.so live',
      'app1:1 /etc/two.pem live',
      'app1:1 /usr/lib/module-7.so live',
      'hiding:1 /usr/lib/module-7.so whiteout', // and no table of contents (rule O10)
    ]);
    expect(state(directory)).toEqual(before);
    expect(await found(join(directory, 'missing'), '*')).toEqual([]);
  });

  it('finds the same in little memory', async () => {
    const directory = await cached('app0:1', 'app1:1', 'app2:1');
    expect(await found(directory, '*.pem', 1)).toEqual(await found(directory, '*.pem'));
  });

  it('leaves out an image of which an index is gone', async () => {
    const directory = await cached('app0:1', 'app1:1');
    const indexes = join(directory, 'v2/index');
    for (const name of readdirSync(indexes, { recursive: true, encoding: 'utf8' }))
      if (name.includes('sha256') && lstatSync(join(indexes, name)).size > 5000) rmSync(join(indexes, name));
    expect(await found(directory, '*')).toEqual([]);
  });
});

describe('tables of layers', () => {
  it('are read once for images that follow each other, and dropped past the limit', async () => {
    const directory = await cached('app0:1', 'app1:1', 'app2:1');
    const store = ContentStore.forReading(directory, SILENT_LOG, { isUse: false });
    let reads = 0;
    const counting = new Proxy(store, {
      get(target, name) {
        if (name === 'openFd') reads++;
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const images = listImageRecords(store);
    const readAll = async (limit: number) => {
      reads = 0;
      const reader = new TableReader(counting, SOURCES, limit);
      for (const [i, { layers }] of images.entries())
        expect(await reader.read(layers, images[i + 1]?.layers ?? [])).toHaveLength(2);
      return reads;
    };
    expect(await readAll(64 * 1024 ** 2)).toBe(4); // the base, and three others
    expect(await readAll(1)).toBeGreaterThan(4);
  });
});

describe('the order of images', () => {
  it('is theirs, but those with the same lower layers follow each other', () => {
    const image = (name: string, ...layers: string[]) => ({
      name,
      layers: layers.map((digest) => ({ digest: digest as Digest })),
    });
    const ordered = bySharedLayers([
      image('a', 'debian', 'x'),
      image('b', 'alpine'),
      image('c', 'debian', 'y'),
      image('d', 'alpine', 'z'),
      image('e'),
      image('f', 'debian', 'x', 'w'),
    ]);
    expect(ordered.map(({ name }) => name)).toEqual(['e', 'a', 'f', 'c', 'b', 'd']);
  });
});
