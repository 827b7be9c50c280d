import { expect, it } from 'vitest';
import { compareTrees } from '#src/overlay/compare/compare-trees.js';
import { directoryStats } from '#src/overlay/compare/directory-stats.js';
import { joinPath } from '#src/overlay/resolve-path.js';
import { dir, file, hardlink, type TestEntry } from '../../support/entries.js';
import { inodeAt, merge } from '../trees.js';

function stats(from: TestEntry[], to: TestEntry[], start = ''): (string | number)[][] {
  const [a, b] = [merge([from]).tree, merge([to]).tree];
  const names = start
    .split('/')
    .filter(Boolean)
    .map((name) => Buffer.from(name));
  const differences = compareTrees(
    { tree: a, inode: inodeAt(a, start) },
    { tree: b, inode: inodeAt(b, start) },
    names,
    { times: false, isSame: () => false, content: () => 'equal' },
  );
  return Array.from(directoryStats(differences, { from: a, to: b }, names), (one) => [
    joinPath(one.names).toString(),
    ...[one.added, one.removed, one.changed, one.errors, one.fromBytes, one.toBytes],
  ]);
}

it('are sums of a directory and all below it, two levels deep, the start last', () => {
  const from = [
    file('top', 'xx'),
    file('usr/lib/a/b/deep', '1'),
    file('usr/lib/gone', '22'),
    dir('etc/'),
    file('usr/m', ''),
  ];
  const to = [
    file('usr/lib/a/b/deep', '333'),
    dir('etc/'),
    file('etc/new', '1'),
    file('usr/m', '', { mode: 0o600 }),
  ];
  expect(stats(from, to)).toEqual([
    ['/etc', 1, 0, 0, 0, 0, 1],
    ['/usr/lib', 0, 1, 1, 0, 3, 3],
    ['/usr', 0, 1, 2, 0, 3, 3],
    ['/', 1, 2, 2, 0, 5, 4],
  ]);
  expect(stats(from, to, 'usr')).toEqual([
    ['/usr/lib/a', 0, 0, 1, 0, 1, 3],
    ['/usr/lib', 0, 1, 1, 0, 3, 3],
    ['/usr', 0, 1, 2, 0, 3, 3],
  ]);
  expect(stats(from, to, 'usr/lib/a/b/deep')).toEqual([['/usr/lib/a/b/deep', 0, 0, 1, 0, 1, 3]]);
});

it('count the bytes of hard links once', () => {
  const links = [file('a/f', '4444'), hardlink('b/g', 'a/f'), hardlink('b/h', 'a/f')];
  expect(stats(links, []).at(-1)).toEqual(['/', 0, 5, 0, 0, 4, 0]);
});

it('are none of equal trees', () => {
  expect(stats([file('a/b', 'x')], [file('a/b', 'x')])).toEqual([]);
});
