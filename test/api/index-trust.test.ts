import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { IMAGES } from '#src/api/schemas/local.js';
import { FIND_LINE } from '#src/api/schemas/results.js';
import type { IndexTrust } from '#src/index/cached-indexes.js';
import { estargz } from '../support/estargz.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { file, tarOf } from '../support/tar.js';
import { Served } from './served.js';

let registry: TestRegistry;
let table: string; // an image whose layer is opened by its table
let plain: string;
let first: Served;
const others: Served[] = [];

beforeAll(async () => {
  registry = await startRegistry();
  const layers = { table: [estargz([{ path: 'by-table', content: 't' }])], plain: [gzipped('by-pass')] };
  for (const [name, given] of Object.entries(layers))
    await pushImage(registry, `${name}:1`, { layers: given });
  table = `${registry.host}/table:1`;
  plain = `${registry.host}/plain:1`;
  first = await serve('exact');
  for (const image of [table, plain]) {
    const answer = await first.get('/api/v1/tree', { image });
    expect(answer.status, await answer.text()).toBe(200);
  }
  // Records of images are written a second after an opening.
  const indexed = async () =>
    (await first.json('/api/v1/images', {}, IMAGES)).map((one) => one.indexedLayers);
  await vi.waitFor(async () => expect(await indexed()).toEqual([1, 1]), { timeout: 5_000, interval: 200 });
});
afterEach(async () => {
  for (const one of others.splice(0)) await one.close();
});
afterAll(async () => {
  await first?.close();
  await registry?.stop();
});

function gzipped(path: string): Uint8Array {
  return gzipSync(tarOf(file(path, 'x')));
}

/** A server as `serve --index TRUST` starts it, over the cache of the first one. */
async function serve(trust: IndexTrust): Promise<Served> {
  return Served.start(
    {},
    {
      registries: [registry.host],
      indexSources: { trust },
      session: { indexTrust: trust },
      ...(first && { cacheDirectory: `${first.scratch}/cache` }),
    },
  );
}

/** A server over the same cache, which ends with the test. */
async function another(trust: IndexTrust): Promise<Served> {
  const served = await serve(trust);
  others.push(served);
  return served;
}

const textOf = async (served: Served, path: string) => (await served.get(path)).text();

/** What routes without an image show of the two images. */
async function shown(served: Served) {
  const found = await served.lines('/api/v1/find', { pattern: 'by-*' }, FIND_LINE);
  const search = await textOf(served, '/fslog-search?q=by-');
  const history = await textOf(served, '/history');
  const images = await served.json('/api/v1/images', {}, IMAGES);
  return {
    find: found.flatMap((line) => ('path' in line ? [line.path] : [])).sort(),
    complete: found.map((line) => ('complete' in line ? line.complete : undefined)).at(-1),
    search: [...search.matchAll(/ \/(by-\w+) /g)].map(([, name]) => name).sort(),
    history: [...history.matchAll(/\| (table|plain) /g)].map(([, name]) => name).sort(),
    indexed: Object.fromEntries(images.map((one) => [one.reference, one.indexedLayers])),
  };
}

describe('routes without an image', () => {
  it('show what the table of a layer says, if --index admits it', async () => {
    expect(await shown(await another('exact'))).toEqual({
      find: ['/by-pass', '/by-table'],
      complete: true,
      search: ['by-pass', 'by-table'],
      history: ['plain', 'table'],
      indexed: { [table]: 1, [plain]: 1 },
    });
  });

  it('show of such a layer nothing with --index none', async () => {
    expect(await shown(await another('none'))).toEqual({
      find: ['/by-pass'],
      complete: false,
      search: ['by-pass'],
      history: ['plain'],
      indexed: { [table]: 0, [plain]: 1 },
    });
  });
});
