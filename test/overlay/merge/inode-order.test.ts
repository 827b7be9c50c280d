import { describe, expect, it } from 'vitest';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { dir, entriesOf, file, hardlink, opaque, whiteout } from '../../support/entries.js';
import { inodeAt, merge, walk } from '../trees.js';

const order = (merged: ReturnType<typeof merge>) => walk(merged.tree).map(({ path }) => path);

describe('inode numbers and directory order', () => {
  it('ascend in data order; directories come before what is below them', () => {
    const { tree } = merge([
      [file('z/1'), file('a/2'), file('z/3')],
      [file('b/4'), file('a/5')],
    ]);
    const paths = ['', 'z', 'z/1', 'a', 'a/2', 'z/3', 'b', 'b/4', 'a/5'];
    expect(paths.map((path) => inodeAt(tree, path))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('make a walk read the layers forward', () => {
    const merged = merge([
      [file('z/1'), file('y/2'), file('x/3')],
      [file('w/4'), file('y/5')],
    ]);
    expect(order(merged)).toEqual(['', 'z', 'z/1', 'y', 'y/2', 'y/5', 'x', 'x/3', 'w', 'w/4']);
  });

  it('put a directory where its first data is, not where it is named', () => {
    const merged = merge([[dir('late'), dir('early'), file('early/1'), file('late/2')]]);
    expect(order(merged)).toEqual(['', 'early', 'early/1', 'late', 'late/2']);
  });

  it('put a file that was replaced where its new data is', () => {
    const merged = merge([[file('a'), file('b')], [file('a')]]);
    expect(order(merged)).toEqual(['', 'b', 'a']);
  });

  it('put directories before a file of theirs that also has a name nearer to the root', () => {
    const { tree } = merge([[file('top'), hardlink('d/e/f', 'top')]]);
    expect(['d', 'd/e', 'd/e/f', 'top'].map((path) => inodeAt(tree, path))).toEqual([2, 3, 4, 4]);
  });

  it('leave no gaps for what is hidden', () => {
    const { tree } = merge([
      [file('a/1'), file('b/2'), file('c')],
      [whiteout('a'), opaque('b'), file('b/3')],
    ]);
    expect(
      walk(tree)
        .map(({ inode }) => inode)
        .sort(),
    ).toEqual([1, 2, 3, 4]);
    expect(tree.inodeCount).toBe(4);
  });

  it('keep layer numbers that are not in a row', () => {
    const tree = mergeLayers([
      { entries: entriesOf(file('a')), number: 3 },
      { entries: entriesOf(file('b')), number: 7 },
    ]);
    expect([tree.layerOf(inodeAt(tree, 'a')), tree.layerOf(inodeAt(tree, 'b'))]).toEqual([3, 7]);
  });
});

describe('lookup', () => {
  it('finds nothing that is not there', () => {
    const { tree } = merge([[file('d/a'), file('f')]]);
    for (const name of ['', '.', '..', 'a', 'd/a', 'f\0', 'x'.repeat(1000)]) {
      expect(tree.lookup(1, Buffer.from(name)), name).toBe(0);
    }
    expect(tree.lookup(inodeAt(tree, 'f'), Buffer.from('a'))).toBe(0);
  });
});
