import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinPath } from '#src/overlay/resolve-path.js';
import type { Tree } from '#src/overlay/tree.js';
import { largestFirst } from '#src/overlay/walk/largest-first.js';
import { dir, file, hardlink, symlink } from '../../support/entries.js';
import { stack } from '../random-layers.js';
import { merge, walk } from '../trees.js';

const listed = (tree: Tree) =>
  Array.from(largestFirst(tree), ({ inode, names }) => ({ path: joinPath(names).toString('latin1'), inode }));

describe('names by size', () => {
  it('begin with the largest files, and end with what is no file, in data order', () => {
    const { tree } = merge([
      [
        symlink('link', 'x'.repeat(100)),
        file('a', '1'),
        dir('d/'),
        file('d/e', '333'),
        hardlink('d/f', 'a'),
        file('z', '22'),
        file('empty'),
      ],
    ]);
    expect(listed(tree).map(({ path }) => path)).toEqual([
      '/d/e',
      '/z',
      '/a',
      '/d/f',
      '/empty',
      '/',
      '/link',
      '/d',
    ]);
  });

  it('are there for a tree of nothing, and of files only', () => {
    expect(listed(merge([]).tree).map(({ path }) => path)).toEqual(['/']);
    expect(listed(merge([[file('a', '1')]]).tree).map(({ path }) => path)).toEqual(['/a', '/']);
  });

  it('are all names of the tree, in descending order, whatever the layers', () => {
    fc.assert(
      fc.property(stack, (layers) => {
        const { tree } = merge(layers);
        const names = listed(tree);
        const key = ({ path, inode }: { path: string; inode: number }) => `${path} ${inode}`;
        const wanted = walk(tree).map(({ path, inode }) => key({ path: `/${path}`, inode }));
        expect(names.map(key).sort()).toEqual(wanted.sort());
        const sizes = names.map(({ inode }) => (tree.kind(inode) === 'file' ? tree.size(inode) : -1));
        expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
      }),
      { numRuns: 300 },
    );
  });
});
