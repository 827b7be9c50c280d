/** `/diff` compares in a thread of its own: what it answers, and what it does not do here. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { TREE_PAGE } from '#src/api/schemas/entry.js';
import { DIFFERENCE_LINE } from '#src/api/schemas/results.js';
import { MergedTree } from '#src/overlay/merged-tree.js';
import { dir, file, hardlink, symlink, tarOf } from '../../support/tar.js';
import { Served } from '../served.js';

const LARGE = 'x'.repeat(700_000);
const many = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => file(`many/f${from + i}`, `content ${from + i}`));

const OLD = [
  dir('etc/'),
  file('etc/same', 'same bytes\n'),
  file('etc/other', 'one\ntwo\nthree\n'),
  file('large-same', LARGE),
  file('large-other', LARGE),
  file('sparse-end', `${LARGE}a`),
  file('empty', ''),
  hardlink('etc/link', 'etc/other'),
  symlink('to', 'etc/same'),
  ...many(0, 300),
];
/** The same files in another order, so that both sides are hashed. */
const NEW = [
  ...many(0, 300).reverse().slice(1),
  file('many/f299', 'CONTENT 299'),
  file('etc/other', 'one\n2!!\nthree\n'),
  hardlink('etc/link', 'etc/other'),
  file('sparse-end', `${LARGE}b`),
  file('large-other', `y${LARGE.slice(1)}`),
  file('large-same', LARGE),
  file('empty', ''),
  file('etc/same', 'same bytes\n'),
  symlink('to', 'etc/same'),
  dir('etc/'),
];

let served: Served;
beforeAll(async () => {
  served = await Served.start({ old: [tarOf(...OLD)], new: [tarOf(...NEW)] });
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => served.close());

const diff = (query: Record<string, string | number> = {}) =>
  served.lines(
    '/api/v1/diff',
    { image: served.image('old'), other: served.image('new'), ...query },
    DIFFERENCE_LINE,
  );

it('compares the bytes of files of one size', async () => {
  const lines = await diff({ content: 1 });
  const paths = lines.flatMap((line) =>
    'path' in line && line.path !== null ? [`${line.path} ${'fields' in line ? line.fields : ''}`] : [],
  );
  expect(paths).toEqual([
    '/etc/link content',
    '/etc/other content',
    '/large-other content',
    '/many/f299 content',
    '/sparse-end content',
  ]);
  expect(lines.at(-1)).toEqual({ total: { added: 0, removed: 0, changed: 5, errors: 0 } });
  const other = lines.find((line) => 'path' in line && line.path === '/etc/other');
  expect(other).toMatchObject({
    content: { kind: 'text', diff: expect.stringContaining('-two\n+2!!\n three\n') },
  });
});

it('walks no tree on the thread that answers', async () => {
  for (const tag of ['old', 'new'])
    await served.json('/api/v1/tree', { image: served.image(tag) }, TREE_PAGE);
  const walks = (['kind', 'dentryName', 'dentryInode', 'lookup', 'size'] as const).map((method) =>
    vi.spyOn(MergedTree.prototype, method),
  );
  await diff();
  expect(walks.map((walk) => walk.mock.calls.length)).toEqual([0, 0, 0, 0, 0]);
  // The spies do see what this thread does.
  await served.json('/api/v1/tree', { image: served.image('old') }, TREE_PAGE);
  expect(walks[0]!.mock.calls.length).toBeGreaterThan(0);
});
