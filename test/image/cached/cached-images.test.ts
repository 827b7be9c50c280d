import { lstatSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '#src/base/log.js';
import { ContentStore } from '#src/cache/content-store.js';
import { CachedImages } from '#src/image/cached/cached-images.js';
import { OpenedImages } from '#src/image/opened-images.js';
import { defaultPlatform } from '#src/oci/platform.js';
import { Sessions } from '../../engine/sessions.js';
import { pushImage, startRegistry, type TestRegistry } from '../../support/registry.js';
import { dir, file, symlink, tarOf, whiteout } from '../../support/tar.js';

const NAME = Buffer.from([...Buffer.from('etc/not utf-8 '), 0xff]);
const tars = [
  tarOf(dir('etc/'), file('etc/gone', 'x'), file('etc/kept', 'x'), dir('usr/lib/'), file('usr/lib/x', 'x')),
  tarOf(whiteout('etc/gone'), file(NAME, 'x'), symlink('lib', 'usr/lib'), symlink('etc/link', '/usr')),
];

const sessions = new Sessions();
let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
  const layers = tars.map((tar) => gzipSync(tar));
  for (const name of ['app:one', 'app:two']) await pushImage(registry, name, { layers });
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

/** A cache after `app:one` was opened, with some of its layers indexed. */
async function cached(only?: readonly number[]) {
  const { session, cacheDirectory } = sessions.start();
  const image = await new OpenedImages(session).open(`${registry.host}/app:one`, defaultPlatform());
  await image.layers(only && { only });
  await session.close();
  return { directory: cacheDirectory, reference: image.resolved.reference };
}

const LIMITS = { limit: 100, tableBytes: 2 ** 20 };

function namesOf(directory: string, reference: string, path: string, prefix = '', limits = LIMITS) {
  const image = { reference, platform: defaultPlatform() };
  return new CachedImages(directory)
    .names(image, path, { prefix, ...limits })
    .map(({ name, isDirectory }) => name + (isDirectory ? '/' : ''))
    .sort();
}

/** Each file below a directory, with its times and size. */
function state(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { mtimeMs, ctimeMs, size } = lstatSync(join(directory, name));
    return `${name} ${mtimeMs} ${ctimeMs} ${size}`;
  });
}

describe('cached images', () => {
  it('have references, and names where all layers are indexed', async () => {
    const { directory, reference } = await cached();
    expect(new CachedImages(directory).references(10)).toEqual([`${registry.host}/app:one`]);
    expect(new CachedImages(directory).references(0)).toEqual([]);
    expect(namesOf(directory, reference, '/')).toEqual(['etc/', 'lib/', 'usr/']);
    expect(namesOf(directory, reference, 'etc')).toEqual(['kept', 'link/', 'not utf-8 \udcff']);
    expect(namesOf(directory, reference, '/lib/', 'x')).toEqual(['x']);
    expect(namesOf(directory, reference, '/etc/link/../usr/./lib')).toEqual(['x']);
    expect(namesOf(directory, reference, '/etc/kept')).toEqual([]);
    expect(namesOf(directory, reference, '/etc', '', { ...LIMITS, limit: 1 })).toHaveLength(1);
  });

  it('have no names if a layer is not indexed, or the tables are too large', async () => {
    const { directory, reference } = await cached([1]);
    expect(namesOf(directory, reference, '/')).toEqual([]);
    const whole = await cached();
    expect(namesOf(whole.directory, whole.reference, '/', '', { ...LIMITS, tableBytes: 50 })).toEqual([]);
    expect(namesOf(whole.directory, `${registry.host}/app:two`, '/')).toEqual([]);
    expect(namesOf(join(directory, 'missing'), reference, '/')).toEqual([]);
    expect(new CachedImages(join(directory, 'missing')).references(10)).toEqual([]);
  });

  it('are read without a trace: no file is touched, made or removed', async () => {
    const { directory, reference } = await cached();
    const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
    for (const name of names) utimesSync(join(directory, name), 1_000_000, 1_000_000);
    const indexes = names.filter((name) => name.startsWith('v2/index/') && name.includes('sha256'));
    writeFileSync(join(directory, indexes[0]!), 'damaged');
    const before = state(directory);
    expect(namesOf(directory, reference, '/')).toEqual([]);
    expect(new CachedImages(directory).references(10)).toHaveLength(1);
    const files = await ContentStore.forReading(directory, SILENT_LOG).entries();
    expect(new CachedImages(directory).images(files)).toMatchObject([
      { reference, layers: 2, indexedLayers: 2, usedMs: 1_000_000_000 },
    ]);
    expect(state(directory)).toEqual(before);
  });
});
