import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TREE_PAGE } from '#src/api/schemas/entry.js';
import { IMAGE } from '#src/api/schemas/image.js';
import { IMAGES, MOUNTS } from '#src/api/schemas/local.js';
import { DIFFERENCE_LINE, FIND_LINE, REFERRERS, TAGS } from '#src/api/schemas/results.js';
import { dir, file, symlink, tarOf, whiteout } from '../../support/tar.js';
import { Served } from '../served.js';

const LAYERS = [
  tarOf(
    dir('etc/'),
    file('etc/key.pem', 'secret'),
    file('etc/keep', 'same'),
    file('bin/su', 'su', { mode: 0o4755 }),
  ),
  tarOf(whiteout('etc/key.pem'), symlink('link', 'etc/keep'), file('etc/new', 'new\n')),
];
const OTHER = [LAYERS[0]!, tarOf(file('etc/new', 'newer\n'), file('added', '+'))];

let served: Served;
beforeAll(async () => {
  served = await Served.start({ t: LAYERS, u: OTHER, alone: [tarOf(file('x', 'x'))] });
});
afterAll(() => served.close());

const paths = (lines: readonly object[]) =>
  lines.flatMap((line) => ('path' in line ? [`${line.path} ${'state' in line ? line.state : ''}`] : []));

describe('/find', () => {
  const find = (query: Record<string, string | number>) =>
    served.lines('/api/v1/find', { image: served.image('t'), ...query }, FIND_LINE);

  it.each([
    [{ pattern: '*.pem' }, ['/etc/key.pem deleted']],
    [{ pattern: '*', mode: 'u+s' }, ['/bin/su live']],
    [{ pattern: '/etc/*', kind: 'file' }, ['/etc/keep live', '/etc/new live', '/etc/key.pem deleted']],
    [{ pattern: '*', deleted: 1 }, ['/etc/key.pem deleted']],
    [{ pattern: '/key[.]p', regex: 1 }, ['/etc/key.pem deleted']],
    [{ pattern: 'LINK', ignoreCase: 1 }, ['/link live']],
    [{ pattern: '*', layer: 2, kind: 'symlink' }, ['/link live']],
    [{ pattern: 'nothing' }, []],
  ])('%j', async (query, expected) => {
    const lines = await find(query);
    expect(paths(lines)).toEqual(expected);
    expect(lines.at(-1)).toEqual({ complete: true, searched: 1, incomplete: 0, found: expected.length });
  });

  it('searches the images of the cache', async () => {
    await served.json('/api/v1/tree', { image: served.image('u') }, TREE_PAGE);
    // Only opened: its layers have no index.
    await served.get('/api/v1/image', { image: served.image('alone') });
    const find = () => served.lines('/api/v1/find', { pattern: 'new' }, FIND_LINE);
    // Records of opened images are written a little later.
    await expect
      .poll(async () => (await find()).at(-1), { timeout: 10_000 })
      .toMatchObject({ complete: false, incomplete: 1, found: 2 });
    expect(paths(await find())).toEqual(['/etc/new live', '/etc/new live']);
  });

  it.each([
    [{}, /^400 INVALID_ARGUMENT parameter pattern is missing/],
    [{ pattern: '' }, /^400 INVALID_ARGUMENT parameter pattern: is empty/],
    [{ pattern: '(', regex: 1 }, /^400 INVALID_ARGUMENT not a regular expression/],
    [{ pattern: 'x', size: 'much' }, /^400 INVALID_ARGUMENT not a size/],
    [{ pattern: 'x', mode: '9' }, /^400 INVALID_ARGUMENT not mode bits/],
    [{ pattern: 'x', kind: 'door' }, /^400 INVALID_ARGUMENT not a kind/],
    [{ pattern: 'x', newer: '2026-02-30' }, /^400 INVALID_ARGUMENT not a date/],
    [{ pattern: 'x', deleted: 1, layer: 1 }, /^400 INVALID_ARGUMENT/],
  ])('refuses %j', async (query, expected) => {
    expect(await served.fault('/api/v1/find', { image: served.image('t'), ...query })).toMatch(expected);
  });
});

describe('/diff', () => {
  const diff = (query: Record<string, string | number> = {}) =>
    served.lines(
      '/api/v1/diff',
      { image: served.image('t'), other: served.image('u'), ...query },
      DIFFERENCE_LINE,
    );
  const changes = (lines: readonly object[]) =>
    lines.flatMap((line) =>
      'path' in line && line.path !== null && 'change' in line ? [`${line.path} ${line.change}`] : [],
    );

  it('lists paths by name, and the total last', async () => {
    const lines = await diff({ content: 1 });
    expect(changes(lines)).toEqual([
      '/added added',
      '/etc/key.pem added',
      '/etc/new changed',
      '/link removed',
    ]);
    expect(lines.at(-1)).toEqual({ total: { added: 2, removed: 1, changed: 1, errors: 0 } });
    const changed = lines.find((line) => 'path' in line && line.path === '/etc/new');
    expect(changed).toMatchObject({ fields: expect.arrayContaining(['content']), content: { kind: 'text' } });
  });

  it('compares a path, or single layers', async () => {
    expect(changes(await diff({ path: '/etc' }))).toEqual(['/etc/key.pem added', '/etc/new changed']);
    expect(changes(await diff({ layer: 1, otherLayer: 1 }))).toEqual([]);
  });

  it.each([
    [{ path: '/missing' }, /^404 NOT_FOUND/],
    [{ otherLayer: 1 }, /^400 INVALID_ARGUMENT otherLayer needs layer/],
    [{ other: 'oci:/etc:x' }, /^403 FORBIDDEN/],
  ])('refuses %j', async (query, expected) => {
    const both = { image: served.image('t'), other: served.image('u'), ...query };
    expect(await served.fault('/api/v1/diff', both)).toMatch(expected);
  });
});

describe('/tar', () => {
  async function members(query: Record<string, string | number>): Promise<string[]> {
    const response = await served.get('/api/v1/tar', { image: served.image('t'), ...query });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/x-tar']);
    const names: string[] = [];
    const archive = extract();
    Readable.from([Buffer.from(await response.arrayBuffer())]).pipe(archive);
    for await (const entry of archive) {
      names.push(entry.header.name);
      entry.resume();
    }
    return names.sort();
  }

  it('is a directory with all below it, or a file', async () => {
    expect(await members({ path: '/etc' })).toEqual(['etc/', 'etc/keep', 'etc/new']);
    expect(await members({ path: '/link' })).toEqual(['keep']);
    expect(await members({ path: '/etc', layer: 1 })).toEqual(['etc/', 'etc/keep', 'etc/key.pem']);
    expect(await members({})).toContain('bin/su');
  });

  it('refuses what is not there', async () => {
    const query = { image: served.image('t'), path: '/etc/key.pem' };
    expect(await served.fault('/api/v1/tar', query)).toMatch(/^404 NOT_FOUND/);
  });
});

describe('what registries and this machine list', () => {
  it('lists the names of a layout', async () => {
    expect(await served.json('/api/v1/tags', { image: served.image('t') }, TAGS)).toEqual([
      't',
      'u',
      'alone',
    ]);
  });

  it('lists no referrers of an image of this machine', async () => {
    expect(await served.json('/api/v1/referrers', { image: served.image('t') }, REFERRERS)).toEqual([]);
  });

  it('lists mounts and cached images', async () => {
    await served.json('/api/v1/mounts', {}, MOUNTS);
    // What was opened just now is there at once.
    const opened = await Promise.all(
      ['t', 'u', 'alone'].map((tag) => served.json('/api/v1/image', { image: served.image(tag) }, IMAGE)),
    );
    const images = await served.json('/api/v1/images', {}, IMAGES);
    expect(images.map(({ digest }) => digest).sort()).toEqual(opened.map(({ digest }) => digest).sort());
  });

  it('shows neither cache nor mounts if it must not', async () => {
    const other = await Served.start({ t: LAYERS }, { showsLocal: false });
    try {
      for (const [path, query] of [
        ['/api/v1/mounts', {}],
        ['/api/v1/images', {}],
        ['/api/v1/find', { pattern: 'x' }],
      ] as const)
        expect(await other.fault(path, query)).toMatch(/^403 FORBIDDEN .*--show-local/);
    } finally {
      await other.close();
    }
  });

  it('counts answers for Prometheus', async () => {
    await served.fault('/api/v1/tree', { image: served.image('t'), path: '/missing' });
    const text = await (await served.get('/metrics')).text();
    expect(text).toMatch(/^layerslayer_requests_total\{route="\/api\/v1\/tree",status="404"\} \d+$/m);
    expect(text).toMatch(/^layerslayer_open_images [1-9]/m);
    expect(text).toMatch(/^layerslayer_sent_bytes_total [1-9]/m);
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) layerslayer_\w+ .+|layerslayer_\w+(\{[^}]+\})? [\d.e+]+)$/);
  });
});

describe('a layout that is not allowed', () => {
  it('is refused', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'layerslayer-outside-'));
    try {
      expect(await served.fault('/api/v1/image', { image: `oci:${outside}:t` })).toMatch(/^403 FORBIDDEN/);
      const up = `oci:${served.scratch}/layout/../../../etc:t`;
      expect(await served.fault('/api/v1/image', { image: up })).toMatch(/^403 FORBIDDEN/);
    } finally {
      rmSync(outside, { recursive: true });
    }
  });
});
