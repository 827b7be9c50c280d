import { describe, expect, it } from 'vitest';
import { dir, file, hardlink, symlink, type TestEntry, whiteout } from '../../support/entries.js';
import { inodeAt, listing, merge, type Stack } from '../trees.js';

describe('rule 7: a hard link is the same inode as its target', () => {
  it.each<[string, Stack, string, string]>([
    ['in its layer', [[file('a', 'x', { mode: 0o600 }), hardlink('b', 'a', { mode: 0o777 })]], 'a', 'b'],
    ['in a lower layer', [[file('a', 'x', { mode: 0o600 })], [hardlink('d/b', '/a')]], 'a', 'd/b'],
    [
      'with an uncleaned target',
      [[file('d/a', 'x', { mode: 0o600 }), hardlink('b', './/d/../../d/a')]],
      'd/a',
      'b',
    ],
    [
      'behind a symlink of a lower layer',
      [[file('usr/a', 'x', { mode: 0o600 }), symlink('l', '/usr')], [hardlink('b', 'l/a')]],
      'usr/a',
      'b',
    ],
    [
      'behind a symlink that leaves the root',
      [[file('u/a', 'x', { mode: 0o600 }), symlink('l', '../../u'), hardlink('b', 'l/a')]],
      'u/a',
      'b',
    ],
    [
      'by way of another link',
      [[file('a', 'x', { mode: 0o600 }), hardlink('m', 'a'), hardlink('b', 'm')]],
      'a',
      'b',
    ],
  ])('%s', (_, stack, first, second) => {
    const { tree, warnings } = merge(stack);
    const inode = inodeAt(tree, first);
    expect(warnings).toEqual([]);
    expect(inode).not.toBe(0);
    expect(inodeAt(tree, second)).toBe(inode);
    expect(tree.mode(inode)).toBe(0o600);
    expect(tree.nlink(inode)).toBe(stack.flat().filter(({ kind }) => kind === 'hardlink').length + 1);
  });

  it('does not follow the last component', () => {
    const { tree } = merge([[file('f'), symlink('s', 'f'), hardlink('b', 's')]]);
    expect(inodeAt(tree, 'b')).toBe(inodeAt(tree, 's'));
    expect([tree.kind(inodeAt(tree, 'b')), tree.nlink(inodeAt(tree, 's'))]).toEqual(['symlink', 2]);
  });

  it.each<[string, Stack]>([
    ['later in the layer', [[file('a', 'old'), hardlink('b', 'a'), file('a', 'new')]]],
    ['in an upper layer', [[file('a', 'old'), hardlink('b', 'a')], [file('a', 'new')]]],
    [
      'in the layer that links to the lower one',
      [[file('a', 'old')], [hardlink('b', 'a'), file('a', 'new')]],
    ],
  ])('keeps the content when the target is replaced %s', (_, stack) => {
    const merged = merge(stack);
    expect(listing(merged)).toEqual(['a=new', 'b=old']);
    expect(merged.tree.nlink(inodeAt(merged.tree, 'b'))).toBe(1);
  });

  it('keeps it when the parents of the link take the place of the target', () => {
    const merged = merge([[file('a', 'x'), hardlink('a/b', 'a')]]);
    expect(listing(merged)).toEqual(['a/', 'a/b=x']);
    expect(merged.warnings).toEqual([]);
  });

  it('keeps it when the link takes the place of a directory around the target', () => {
    expect(listing(merge([[file('d/f', 'x'), file('d/g'), hardlink('d', 'd/f')]]))).toEqual(['d=x']);
  });

  it.each<[string, TestEntry[], string[]]>([
    ['deleting the target', [whiteout('a')], ['b=x', 'c=x']],
    ['deleting a link', [whiteout('c')], ['a=x', 'b=x']],
    ['replacing a link', [file('b', 'y')], ['a=x', 'b=y', 'c=x']],
    ['linking a name anew', [hardlink('b', 'a')], ['a=x', 'b=x', 'c=x']],
  ])('%s leaves the others, nlink counts the names left', (_, upper, shown) => {
    const merged = merge([[file('a', 'x'), hardlink('b', 'a'), hardlink('c', 'a')], upper]);
    expect(listing(merged)).toEqual(shown);
    const left = shown.filter((line) => line.endsWith('=x'));
    for (const line of left)
      expect(merged.tree.nlink(inodeAt(merged.tree, line.slice(0, 1)))).toBe(left.length);
  });

  it('goes with the directory that holds a name', () => {
    const { tree } = merge([[file('a', 'x'), hardlink('d/b', 'a')], [whiteout('d')]]);
    expect(tree.nlink(inodeAt(tree, 'a'))).toBe(1);
  });

  it.each<[string, TestEntry[], string]>([
    ['nothing', [hardlink('l', 'gone')], 'a hard link to nothing, "gone"'],
    ['nothing yet', [hardlink('l', 'later'), file('later')], 'a hard link to nothing, "later"'],
    ['nothing below a file', [hardlink('l', 'keep/x')], 'a hard link to nothing, "keep/x"'],
    [
      'nothing behind a symlink',
      [symlink('s', 'gone'), hardlink('l', 's/x')],
      'a hard link to nothing, "s/x"',
    ],
    [
      'what its own layer hides',
      [hardlink('l', 'hidden'), whiteout('hidden')],
      'a hard link to nothing, "hidden"',
    ],
    ['a marker', [whiteout('x'), hardlink('l', '.wh.x')], 'a hard link to nothing, ".wh.x"'],
    ['a directory', [dir('d'), hardlink('l', 'd')], 'a hard link to a directory, "d"'],
    ['the root', [hardlink('l', '/')], 'a hard link to a directory, "/"'],
    ['an empty target', [hardlink('l', '')], 'a hard link to a directory, ""'],
    ['itself', [hardlink('keep', 'keep')], 'a hard link to itself'],
    ['itself by another path', [symlink('s', '.'), hardlink('keep', 's/keep')], 'a hard link to itself'],
    [
      'what a loop of symlinks hides',
      [symlink('s', 's'), hardlink('l', 's/x')],
      'a hard link to "s/x": its path leads through more than 40 symlinks',
    ],
  ])('skips a link to %s', (_, upper, reason) => {
    const merged = merge([[file('keep', 'k'), file('hidden')], upper]);
    const link = upper.find(({ kind }) => kind === 'hardlink')!;
    expect(merged.warnings).toEqual([`layer 2: skipped "${Buffer.from(link.path)}": ${reason}`]);
    expect(listing(merged)).toContain('keep=k');
    expect(inodeAt(merged.tree, 'l')).toBe(0);
  });

  it('skips all links of a cycle', () => {
    const merged = merge([[hardlink('a', 'b'), hardlink('b', 'c'), hardlink('c', 'a')]]);
    expect(merged.warnings.length).toBe(3);
    expect(merged.tree.inodeCount).toBe(1);
  });

  it('makes no parents for a link that is skipped', () => {
    expect(listing(merge([[hardlink('p/q', 'gone')]]))).toEqual([]);
  });
});
