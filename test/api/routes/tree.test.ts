import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LISTED_ENTRY, MISSING, STAT, TREE_PAGE } from '#src/api/schemas/entry.js';
import { IMAGE } from '#src/api/schemas/image.js';
import { dir, file, hardlink, opaque, symlink, tarOf, whiteout } from '../../support/tar.js';
import { Served } from '../served.js';

const LAYERS = [
  tarOf(
    dir('etc/'),
    file('etc/a', 'aaaa'),
    file('etc/b', 'b'),
    dir('old/'),
    file('old/x', 'xx'),
    dir('old/deep/'),
    file('old/deep/y', 'yyy'),
    dir('gone/'),
    file('gone/1', '1'),
    file('links/one', '0123456789'),
    hardlink('links/two', 'links/one'),
    hardlink('other/three', 'links/one'),
    file(Buffer.from('raw/\xff', 'latin1'), 'raw'),
  ),
  tarOf(
    file('etc/a', 'A, longer'),
    whiteout('etc/b'),
    dir('old/'),
    opaque('old/'),
    file('old/new', 'n'),
    whiteout('gone'),
    symlink('to-a', 'etc/a'),
    symlink('nowhere', 'missing'),
  ),
];

/** Layers that delete in parents that they do not name. */
const DELETING = [
  tarOf(
    dir('a/', { mode: 0o700 }),
    dir('a/b/', { mode: 0o711 }),
    file('a/b/c', 'ccc'),
    file('a/d', 'd'),
    file('a/e', 'e'),
    file('f', 'f'),
  ),
  tarOf(opaque('a/b/'), whiteout('a/d'), whiteout('no/such'), file('f', 'second')),
  tarOf(whiteout('a/e'), whiteout('f'), file('g', 'g')),
  tarOf(whiteout('a')),
];

const CONFIG = {
  history: [
    { created: '2020-01-01T00:00:00Z', created_by: 'COPY base' },
    { created: '2020-01-02T00:00:00Z', created_by: 'RUN change' },
  ],
};

let served: Served;
beforeAll(async () => {
  served = await Served.start({ t: LAYERS, three: DELETING, flat: [tarOf(file('a', 'a'))] }, {}, {});
});
afterAll(() => served.close());

const tree = (query: Record<string, string | number>) =>
  served.json('/api/v1/tree', { image: served.image('t'), ...query }, TREE_PAGE);

const shown = (
  entries: readonly { path: string; state: string; layer: number; hiddenBy?: number | undefined }[],
) =>
  entries.map(({ path, state, layer, hiddenBy }) =>
    state === 'live' ? `${path} ${layer}` : `${path} ${layer} ${state} ${hiddenBy}`,
  );

describe('/tree', () => {
  it('lists a directory by name', async () => {
    const { entries } = await tree({ path: '/etc' });
    expect(shown(entries)).toEqual(['/etc/a 2']);
    expect(shown((await tree({})).entries)).toEqual([
      '/etc 1',
      '/links 1',
      '/nowhere 2',
      '/old 2',
      '/other 1',
      '/raw 1',
      '/to-a 2',
    ]);
  });

  it('has the sums of directories, each inode once', async () => {
    const { entries } = await tree({ depth: 2 });
    const sums = Object.fromEntries(
      entries.flatMap(({ path, bytes, entries: count, layers }) =>
        bytes === undefined ? [] : [[path, { bytes, count, layers }]],
      ),
    );
    expect(sums['/links']).toEqual({ bytes: 10, count: 1, layers: [1] });
    expect(sums['/other']).toEqual({ bytes: 10, count: 1, layers: [1] });
    expect(sums['/etc']).toEqual({ bytes: 9, count: 1, layers: [2] });
    const root = await served.json('/api/v1/stat', { image: served.image('t'), path: '/' }, STAT);
    // a 9, links 10, new 1, raw 3, targets of symlinks 5 and 7
    expect(root.entry.bytes).toBe(9 + 10 + 1 + 3 + 5 + 7);
  });

  it('sorts by size', async () => {
    const { entries } = await tree({ sort: 'size' });
    expect(entries.map(({ path }) => path)).toEqual([
      '/links',
      '/other',
      '/etc',
      '/raw',
      '/old',
      '/nowhere',
      '/to-a',
    ]);
  });

  it('merges what upper layers hide into the listing', async () => {
    const all = await served.lines(
      '/api/v1/tree',
      { image: served.image('t'), deleted: 1, depth: 9 },
      LISTED_ENTRY,
    );
    expect(shown(all).filter((line) => !/^\/(links|other|raw|to-a|nowhere)/.test(line))).toEqual([
      '/etc 1',
      '/etc/a 2',
      '/etc/a 1 overridden 2',
      '/etc/b 1 deleted 2',
      '/gone 1 deleted 2',
      '/gone/1 1 deleted 2',
      '/old 2',
      '/old/deep 1 deleted 2',
      '/old/deep/y 1 deleted 2',
      '/old/new 2',
      '/old/x 1 deleted 2',
    ]);
    const { entries } = await tree({ deleted: 1, path: '/gone' });
    expect(shown(entries)).toEqual(['/gone/1 1 deleted 2']);
  });

  it.each([
    { depth: 9 },
    { depth: 9, deleted: 1 },
    { depth: 1, sort: 'size', deleted: 1 },
    { depth: 1, path: '/etc', deleted: 1 },
  ])('continues behind each page: %j', async (query) => {
    const whole = await tree(query);
    for (const limit of [1, 2, 3, 5]) {
      const paged: unknown[] = [];
      let after: string | undefined;
      do {
        const page = await tree({ ...query, limit, ...(after !== undefined && { after }) });
        expect(page.entries.length).toBeLessThanOrEqual(limit);
        paged.push(...page.entries);
        after = page.next;
      } while (after !== undefined);
      expect(paged).toEqual(whole.entries);
    }
  });

  it("shows one layer's own tree", async () => {
    const { entries } = await tree({ layer: 2, depth: 2 });
    expect(shown(entries)).toContain('/etc/a 2');
    expect(shown(entries).some((line) => line.endsWith(' 1'))).toBe(false);
  });

  it('shows with a layer of its own what it hides of those below it, and nothing else', async () => {
    const query = { image: served.image('three'), deleted: 1, depth: 9 };
    const of = async (layer: number) =>
      shown(await served.lines('/api/v1/tree', { ...query, layer }, LISTED_ENTRY));
    expect(await of(1)).toEqual(['/a 1', '/a/b 1', '/a/b/c 1', '/a/d 1', '/a/e 1', '/f 1']);
    expect(await of(2)).toEqual([
      '/a 2', // the layer does not name it: it stands above what is deleted
      '/a/b 2',
      '/a/b/c 1 deleted 2',
      '/a/d 1 deleted 2',
      '/f 2',
      '/f 1 overridden 2',
    ]);
    expect(await of(3)).toEqual(['/a 3', '/a/e 1 deleted 3', '/f 2 deleted 3', '/g 3']);
    expect(await of(4)).toEqual(['/a 1 deleted 4', '/a/b 1 deleted 4']);
    const [above, parent, gone] = (await tree({ ...query, layer: 2 })).entries;
    expect(above).toMatchObject({ state: 'live', kind: 'dir', mode: '0755', mtime: 0, implied: true });
    expect(parent).toMatchObject({ path: '/a/b', state: 'live' });
    expect(gone).toMatchObject({ how: 'opaque', size: 3, layerDigest: expect.stringMatching(/^sha256:/) });
  });

  it('lists what a layer hides below a directory that it does not name, page by page', async () => {
    const query = { image: served.image('three'), deleted: 1, layer: 2 };
    expect(shown((await tree({ ...query, path: '/a' })).entries)).toEqual(['/a/b 2', '/a/d 1 deleted 2']);
    expect(shown((await tree({ ...query, sort: 'size' })).entries)).toEqual([
      '/f 2',
      '/f 1 overridden 2',
      '/a 2',
    ]);
    const whole = await tree({ ...query, depth: 9 });
    const paged: unknown[] = [];
    let after: string | undefined;
    do {
      const page = await tree({ ...query, depth: 9, limit: 2, ...(after !== undefined && { after }) });
      paged.push(...page.entries);
      after = page.next;
    } while (after !== undefined);
    expect(paged).toEqual(whole.entries);
    for (const path of ['/a/e', '/missing'])
      expect(await served.fault('/api/v1/tree', { ...query, path })).toMatch(/^404 NOT_FOUND/);
  });

  it('indexes the layers below one of which it shows what it hides', async () => {
    const fresh = await Served.start({ three: DELETING });
    try {
      const query = { image: fresh.image('three'), layer: 3, deleted: 1, depth: 9 };
      const lines = await fresh.lines('/api/v1/tree', query, LISTED_ENTRY);
      expect(shown(lines)).toEqual(['/a 3', '/a/e 1 deleted 3', '/f 2 deleted 3', '/g 3']);
      const image = await fresh.json('/api/v1/image', { image: fresh.image('three') }, IMAGE);
      expect(image.layers.map(({ indexed }) => indexed)).toEqual([true, true, true, true]);
    } finally {
      await fresh.close();
    }
  });

  it('streams a layer that has no index yet as its pass finds it', async () => {
    const fresh = await Served.start({ t: LAYERS });
    try {
      const query = { image: fresh.image('t'), layer: 1, depth: 9 };
      const streamed = await fresh.lines('/api/v1/tree', query, LISTED_ENTRY);
      expect(streamed.map(({ path }) => path).slice(0, 3)).toEqual(['/etc', '/etc/a', '/etc/b']);
      expect(streamed.every((entry) => entry.layer === 1 && entry.bytes === undefined)).toBe(true);
      // Now it has an index: the same by name, with the directories that no entry names.
      const listed = await fresh.lines('/api/v1/tree', query, LISTED_ENTRY);
      const implied = ['/links', '/other', '/raw'];
      expect(
        listed
          .map(({ path }) => path)
          .filter((path) => !implied.includes(path))
          .sort(),
      ).toEqual(streamed.map(({ path }) => path).sort());
      const missing = { ...query, layer: 2, path: '/missing' };
      const init = { headers: { Accept: 'application/x-ndjson' } };
      expect(await fresh.fault('/api/v1/tree', missing, init)).toMatch(/^404 NOT_FOUND/);
    } finally {
      await fresh.close();
    }
  });

  it.each([
    [{ path: '/missing' }, /^404 NOT_FOUND/],
    [{ path: '/etc/b' }, /^404 NOT_FOUND/],
    [{ path: '/etc/a' }, /^400 INVALID_ARGUMENT path is no directory/],
    [{ deleted: 1, path: '/etc/b' }, /^400 INVALID_ARGUMENT path is no directory/],
    [{ limit: 0 }, /^400 INVALID_ARGUMENT parameter limit: want 1 or more/],
    [{ limit: 10_001 }, /^400 INVALID_ARGUMENT parameter limit: want 10000 or less/],
    [{ limit: 'x' }, /^400 INVALID_ARGUMENT parameter limit: want a number/],
    [{ bogus: 1 }, /^400 INVALID_ARGUMENT unknown parameter "bogus"/],
    [{ sort: 'date' }, /^400 INVALID_ARGUMENT parameter sort: want name, size/],
    [{ sort: 'size', depth: 2 }, /^400 INVALID_ARGUMENT sort=size needs depth=1/],
    [{ after: 'x' }, /^400 INVALID_ARGUMENT after is of another image/],
    [{ layer: 3 }, /^404 NOT_FOUND/],
    [{ layer: 'x' }, /^400 INVALID_ARGUMENT layer is a number/],
  ])('refuses %j', async (query, expected) => {
    expect(await served.fault('/api/v1/tree', { image: served.image('t'), ...query })).toMatch(expected);
  });

  it('takes a forged place for some other place, or for the end', async () => {
    const { digest } = await tree({});
    for (const place of ['0', '999999999', '3.0.0.0', '0.999', '6.6.6']) {
      const after = Buffer.from(`${digest} name/live/9/ ${place}`).toString('base64url');
      const page = await tree({ depth: 9, after });
      expect(page.entries.length).toBeLessThan(20);
    }
  });
});

it('/tree is another answer by Accept: caches must know', async () => {
  for (const accept of ['application/json', 'application/x-ndjson']) {
    const answer = await served.get('/api/v1/tree', { image: served.image('t') }, { headers: { accept } });
    expect([answer.headers.get('vary'), answer.headers.get('cache-control')]).toEqual(['Accept', 'no-cache']);
    await answer.text();
  }
  const missing = await served.get('/api/v1/tree', { image: served.image('t'), path: '/no' });
  expect([missing.status, missing.headers.get('cache-control')]).toEqual([404, 'no-store']);
});

describe('/stat', () => {
  const stat = (path: string) => served.json('/api/v1/stat', { image: served.image('t'), path }, STAT);

  it('has a file, and what it hides', async () => {
    const found = await stat('/etc/a');
    expect(found.entry).toMatchObject({ path: '/etc/a', layer: 2, size: 9, state: 'live' });
    expect(shown(found.hides)).toEqual(['/etc/a 1 overridden 2']);
    expect(found.versions.map(({ layer, change }) => [layer, change])).toEqual([
      [1, 'added'],
      [2, 'changed'],
    ]);
    expect(found.versions[0]!.entry).toEqual(found.hides[0]);
  });

  it('has a path that only hidden entries have', async () => {
    const found = await stat('/gone/1');
    expect(found.entry).toMatchObject({ state: 'deleted', hiddenBy: 2, how: 'whiteout', layer: 1 });
    expect(found.nlink).toBe(0);
    expect(found.versions.map(({ layer, change }) => [layer, change])).toEqual([
      [1, 'added'],
      [2, 'removed'],
    ]);
    expect(found.versions[0]!.entry).toEqual({ ...found.entry });
  });

  it("has a path of one layer's own tree", async () => {
    const inLayer = (path: string, layer: number) =>
      served.json('/api/v1/stat', { image: served.image('t'), path, layer }, STAT);
    const root = (await inLayer('/', 2)).entry;
    const merged = (await stat('/')).entry;
    expect([root.layer, root.layers]).toEqual([2, [2]]);
    expect(root.bytes).toBeLessThan(merged.bytes!);
    expect(root.entries).toBeLessThan(merged.entries!);
    const old = await inLayer('/etc/a', 1);
    expect([old.entry.state, old.entry.layer, old.versions.length]).toEqual(['live', 1, 1]);
    const query = { image: served.image('t'), path: '/gone/1', layer: 2 };
    expect(await served.fault('/api/v1/stat', query)).toMatch(/^404 NOT_FOUND/);
  });

  it('answers with missing=1 that nothing is there, as no fault', async () => {
    const query = { image: served.image('t'), path: '/gone/1', missing: 1 };
    const { missing, digest } = await served.json('/api/v1/stat', { ...query, layer: 2 }, MISSING);
    expect([missing, digest]).toEqual([true, (await stat('/')).digest]);
    expect((await served.json('/api/v1/stat', { ...query, layer: 1 }, STAT)).entry.path).toBe('/gone/1');
    expect(await served.fault('/api/v1/stat', { ...query, layer: 99 })).toMatch(/^404 NOT_FOUND/);
  });

  it('marks directories that no entry names', async () => {
    const { entry, versions } = await stat('/links');
    expect([entry.implied, versions[0]!.entry!.implied]).toEqual([true, true]);
    expect((await stat('/etc')).entry.implied).toBeUndefined();
  });

  it('tells where a symlink leads', async () => {
    expect((await stat('/to-a')).leadsTo).toEqual({ path: '/etc/a', kind: 'file' });
    expect((await stat('/nowhere')).leadsTo).toBeUndefined();
  });

  it('lists the other names of an inode', async () => {
    const found = await stat('/links/two');
    expect(found.nlink).toBe(3);
    expect(found.names.map(({ path }) => path).sort()).toEqual(['/links/one', '/other/three']);
  });

  it('takes and shows paths that are not UTF-8', async () => {
    const found = await stat('/raw/\udcff');
    expect(found.entry.pathBase64).toBe(Buffer.from('/raw/\xff', 'latin1').toString('base64'));
  });

  it.each([
    ['/missing', /^404 NOT_FOUND/],
    ['/etc/a/below', /^404 NOT_FOUND/],
    ['../../etc/a/../b/c', /^404 NOT_FOUND/],
  ])('refuses %s', async (path, expected) => {
    expect(await served.fault('/api/v1/stat', { image: served.image('t'), path })).toMatch(expected);
  });

  it('has build steps', async () => {
    const other = await Served.start({ t: LAYERS }, {}, CONFIG);
    try {
      const query = { image: other.image('t'), path: '/gone' };
      const found = await other.json('/api/v1/stat', query, STAT);
      expect([found.step, found.hiddenStep]).toEqual(['COPY base', 'RUN change']);
    } finally {
      await other.close();
    }
  });
});
