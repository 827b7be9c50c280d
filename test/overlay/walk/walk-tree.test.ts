import { describe, expect, it } from 'vitest';
import { joinPath } from '#src/overlay/resolve-path.js';
import { ROOT_INODE } from '#src/overlay/tree.js';
import { type WalkOptions, walkTree } from '#src/overlay/walk/walk-tree.js';
import { dir, file, hardlink } from '../../support/entries.js';
import { merge } from '../trees.js';

describe('walkTree', () => {
  const tree = () => merge([[file('b/z'), file('b/y'), file('a'), hardlink('c', 'a'), dir('b/empty/')]]).tree;
  const paths = (options?: WalkOptions) =>
    [...walkTree(tree(), { inode: ROOT_INODE, names: [] }, options)].map(
      ({ names, depth }) => `${depth} ${joinPath(names)}`,
    );

  it('visits parents first, in data order, each name of an inode', () => {
    expect(paths()).toEqual(['0 /', '1 /b', '2 /b/z', '2 /b/y', '2 /b/empty', '1 /a', '1 /c']);
  });

  it('sorts by the bytes of names', () => {
    expect(paths({ order: 'name' })).toEqual([
      '0 /',
      '1 /a',
      '1 /b',
      '2 /b/empty',
      '2 /b/y',
      '2 /b/z',
      '1 /c',
    ]);
  });

  it('stays above what is not wanted', () => {
    expect(paths({ order: 'name', descends: ({ depth }) => depth < 1 })).toEqual([
      '0 /',
      '1 /a',
      '1 /b',
      '1 /c',
    ]);
  });
});
