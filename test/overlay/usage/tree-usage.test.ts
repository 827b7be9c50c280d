import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinPath, resolvePath, splitPath } from '#src/overlay/resolve-path.js';
import type { Tree } from '#src/overlay/tree.js';
import { type TreeUsageOptions, treeUsage } from '#src/overlay/usage/tree-usage.js';
import { type UsageOrder, usageRows } from '#src/overlay/usage/usage-rows.js';
import { char, dir, file, hardlink, sparseFile, symlink, whiteout } from '../../support/entries.js';
import { stack } from '../random-layers.js';
import { inodeAt, merge, type Stack, walk } from '../trees.js';

interface Asked extends TreeUsageOptions {
  order?: UsageOrder;
}

/** `bytes entries path`, and by layer `@layer`. */
function rowsOf(tree: Tree, paths: readonly string[], { order = 'name', ...options }: Asked = {}): string[] {
  const starts = paths.map((path) => {
    const names = splitPath(Buffer.from(path, 'latin1'));
    const resolved = resolvePath(tree, names, 'none');
    if (resolved.kind !== 'found') throw new Error(`no ${path}`);
    return { inode: resolved.inode, names };
  });
  const columns = treeUsage(tree, starts, options);
  return Array.from(usageRows(columns, order), ({ bytes, entries, names, group }) => {
    const layer = options.byLayer ? ` @${group}` : '';
    return `${bytes} ${entries} ${joinPath(names).toString('latin1')}${layer}`;
  });
}

const layers: Stack = [
  [
    dir('bin/'),
    file('bin/a', '1'.repeat(10)),
    hardlink('bin/b', 'bin/a'),
    dir('usr/'),
    dir('usr/lib/'),
    hardlink('usr/lib/c', 'bin/a'),
    file('usr/lib/d', '2'.repeat(200)),
    sparseFile('usr/lib/hole', '\0'.repeat(3000), [2990, 10]),
    symlink('usr/link', 'lib/d'),
    char('usr/null', 1, 3),
    file('old', 'old'),
  ],
  [whiteout('old'), dir('usr/'), file('usr/new', '3'.repeat(40)), dir('usr.d/')],
];

describe('sizes of directories', () => {
  const { tree } = merge(layers);

  it('are those of du -b without the directories’ own, and the entries those of du --inodes', () => {
    expect(rowsOf(tree, ['/'])).toEqual([
      '10 2 /bin',
      '3200 3 /usr/lib',
      '3245 7 /usr',
      '0 1 /usr.d',
      '3255 11 /',
    ]);
  });

  it('count a hard link at its first name below what is asked for', () => {
    expect(rowsOf(tree, ['/usr/lib'])).toEqual(['3210 4 /usr/lib']);
    expect(rowsOf(tree, ['/usr/lib/c', '/bin'])).toEqual(['0 1 /bin', '10 1 /usr/lib/c']);
  });

  it('have rows of files too, but not of further names of a file', () => {
    expect(rowsOf(tree, ['/bin'], { files: true })).toEqual(['10 1 /bin/a', '10 2 /bin']);
    expect(rowsOf(tree, ['/usr/link', '/usr/null'])).toEqual(['5 1 /usr/link', '0 1 /usr/null']);
  });

  it('end at a depth, without losing what is below', () => {
    expect(rowsOf(tree, ['/'], { depth: 0 })).toEqual(['3255 11 /']);
    expect(rowsOf(tree, ['/'], { depth: 1, files: true })).toEqual([
      '10 2 /bin',
      '3245 7 /usr',
      '0 1 /usr.d',
      '3255 11 /',
    ]);
  });

  it('are ordered by size, what was asked for last', () => {
    expect(rowsOf(tree, ['/'], { order: 'size' })).toEqual([
      '3245 7 /usr',
      '3200 3 /usr/lib',
      '10 2 /bin',
      '0 1 /usr.d',
      '3255 11 /',
    ]);
  });

  it('are told by the layer that brings them', () => {
    expect(rowsOf(tree, ['/'], { byLayer: true, depth: 1 })).toEqual([
      '10 2 /bin @1',
      '3205 5 /usr @1',
      '40 2 /usr @2',
      '0 1 /usr.d @2',
      '3215 8 / @1',
      '40 3 / @2',
    ]);
  });

  it('count what is asked for twice once', () => {
    expect(rowsOf(tree, ['/usr', '/usr', '/usr/lib'], { depth: 0 })).toEqual(['3255 8 /usr']);
  });

  /** Walks all names, and adds each inode that comes first to all paths above it. */
  function naively(tree: Tree, start: string, byLayer: boolean): string[] {
    const names = walk(tree).map(({ path, inode }) => ({ path: `/${path}`, inode }));
    const below = start === '/' ? '/' : `${start}/`;
    const listed = names.filter(({ path }) => path === start || path.startsWith(below));
    const isSeen = new Set<number>();
    const sums = new Map<string, [number, number]>();
    for (const { path, inode } of listed) {
      if (isSeen.has(inode)) continue;
      isSeen.add(inode);
      const isDirectory = tree.kind(inode) === 'dir';
      for (const { path: above, inode: directory } of listed) {
        const isAbove = above === path || above === '/' || path.startsWith(`${above}/`);
        if (!isAbove || (tree.kind(directory) !== 'dir' && above !== start)) continue;
        const key = byLayer ? `${above} @${tree.layerOf(inode)}` : above;
        const [bytes, entries] = sums.get(key) ?? [0, 0];
        sums.set(key, [bytes + (isDirectory ? 0 : tree.size(inode)), entries + 1]);
      }
    }
    return [...sums].map(([path, [bytes, entries]]) => `${bytes} ${entries} ${path}`).sort();
  }

  it('are those of a naive sum, whatever the layers', () => {
    fc.assert(
      fc.property(stack, fc.constantFrom('/', '/a', '/a/b'), fc.boolean(), (random, start, byLayer) => {
        const { tree } = merge(random);
        fc.pre(inodeAt(tree, start) > 0);
        for (const order of ['name', 'size'] as const)
          expect(rowsOf(tree, [start], { byLayer, order }).sort()).toEqual(naively(tree, start, byLayer));
      }),
      { numRuns: 300 },
    );
  });
});
