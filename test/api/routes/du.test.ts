import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { USAGE_LINE } from '#src/api/schemas/results.js';
import { dir, file, tarOf, whiteout } from '../../support/tar.js';
import { Served } from '../served.js';

let served: Served;
beforeAll(async () => {
  const layers = [
    tarOf(dir('a/'), file('a/1', 'x'.repeat(100)), file('a/2', 'x'.repeat(30)), file('b', 'bb')),
    tarOf(whiteout('a/1'), file('a/3', '333')),
  ];
  served = await Served.start({ t: layers });
});
afterAll(() => served.close());

const du = (query: Record<string, string | number>) =>
  served.lines('/api/v1/du', { image: served.image('t'), ...query }, USAGE_LINE);

describe('/du', () => {
  it('sums up directories, with the total last', async () => {
    expect(await du({})).toEqual([
      { path: '/a', bytes: 33, entries: 3 },
      { path: '/', bytes: 35, entries: 5 },
      { total: { bytes: 35, entries: 5, layerBytes: 135, percent: (35 / 135) * 100 } },
    ]);
  });

  it('lists files by size, or what each layer brings', async () => {
    expect((await du({ files: 1, sort: 'size', path: '/a' })).slice(0, 2)).toMatchObject([
      { path: '/a/2', bytes: 30 },
      { path: '/a/3', bytes: 3 },
    ]);
    expect((await du({ layers: 1, depth: 0 })).slice(0, 2)).toMatchObject([
      { path: '/', layer: 1, bytes: 32 },
      { path: '/', layer: 2, bytes: 3 },
    ]);
    expect((await du({ layer: 2, depth: 0 }))[0]).toMatchObject({ path: '/', bytes: 3 });
  });

  it('shows what upper layers hide, by layer', async () => {
    expect(await du({ hidden: 1, depth: 0 })).toMatchObject([
      { path: '/', layer: 1, hiddenBy: 2, how: 'whiteout', bytes: 100, entries: 1 },
      { total: { bytes: 100, layerBytes: 135 } },
    ]);
    expect(await du({ hidden: 1, layer: 2, depth: 0 })).toMatchObject([
      { total: { bytes: 0, layerBytes: 3 } },
    ]);
    expect((await du({ hidden: 1, files: 1, path: '/a/1' }))[0]).toMatchObject({ path: '/a/1', bytes: 100 });
  });

  it.each([
    [{ path: '/missing' }, /^404 NOT_FOUND/],
    [{ path: '/a/1' }, /^404 NOT_FOUND/],
    [{ layers: 1, hidden: 1 }, /^400 INVALID_ARGUMENT layers or hidden/],
    [{ layers: 1, layer: 1 }, /^400 INVALID_ARGUMENT layers or layer/],
    [{ depth: 5_000 }, /^400 INVALID_ARGUMENT parameter depth: want 4096 or less/],
  ])('refuses %j', async (query, expected) => {
    expect(await served.fault('/api/v1/du', { image: served.image('t'), ...query })).toMatch(expected);
  });

  it('has lines only', async () => {
    const init = { headers: { Accept: 'application/json' } };
    expect(await served.fault('/api/v1/du', { image: served.image('t') }, init)).toMatch(
      /^406 NOT_ACCEPTABLE want application\/x-ndjson/,
    );
  });
});
