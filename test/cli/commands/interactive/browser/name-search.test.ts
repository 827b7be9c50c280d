import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BrowsedTree } from '#src/cli/commands/interactive/browser/tree/browsed-tree.js';
import { findName, NamePattern } from '#src/cli/commands/interactive/browser/tree/name-search.js';
import { TreeModel } from '#src/cli/commands/interactive/browser/tree/tree-model.js';
import { TreeRows } from '#src/cli/commands/interactive/browser/tree/tree-rows.js';
import { joinPath } from '#src/overlay/resolve-path.js';
import { file } from '../../../../support/entries.js';
import { browsedTree, randomTree } from './trees.js';

const matches = (pattern: string, name: string | Uint8Array) =>
  NamePattern.parse(pattern)!.matches(Buffer.from(name));

describe('NamePattern', () => {
  it.each([
    ['readme', 'README.md', true],
    ['Readme', 'README.md', false],
    ['md', 'README.md', true],
    ['é', 'café', true],
    ['é', 'CAFÉ', false],
    ['.', 'a.b', true],
    ['*', 'a', false],
    ['ã', '\u3aff', false], // the same bytes in lower case of latin1
  ])('%j in %j: %j', (pattern, name, wanted) => expect(matches(pattern, name)).toBe(wanted));

  it('is nothing without a text', () => expect(NamePattern.parse('')).toBeUndefined());

  it('finds names that are not UTF-8', () => {
    expect(matches('b', Uint8Array.of(0xff, 0x62))).toBe(true);
    expect(matches('ÿ', Uint8Array.of(0xff))).toBe(false);
  });
});

describe('a text with a slash', () => {
  const tree = browsedTree([[file('etc/group'), file('etc/group-'), file('usr/etc/group.d/a')]]);
  it.each([
    ['/etc/group', '/etc/group'],
    ['etc/group', '/etc/group'],
    ['tc/group-', '/etc/group-'],
    ['r/ETC', undefined],
    ['r/etc', '/usr/etc'],
    ['etc/', '/etc'],
    ['group.d/', '/usr/etc/group.d'],
  ])('%s is part of a path: %s', (text, wanted) => {
    const model = new TreeModel(tree);
    expect(model.search(text, 'next')).toBe(wanted === undefined ? 'none' : 'found');
    if (wanted !== undefined) expect(joinPath(model.current.names).toString()).toBe(wanted);
  });
});

describe('a search', () => {
  /** All matching rows of the whole tree, in the order of the screen. */
  function wantedOf(tree: BrowsedTree, pattern: NamePattern) {
    const rows = new TreeRows(tree);
    for (let index = 0; index < rows.count; index++) rows.unfold(index);
    return Array.from({ length: rows.count - 1 }, (_, i) => rows.at(i + 1)).filter(({ ref }) =>
      pattern.matches(tree.name(ref)),
    );
  }

  it.each(['next', 'previous'] as const)('visits what matches in order, and goes around: %s', (direction) => {
    fc.assert(
      fc.property(randomTree, fc.constantFrom('a', 'b', '.wh'), ({ tree }, text) => {
        const pattern = NamePattern.parse(text)!;
        const wanted = wantedOf(tree, pattern);
        if (direction === 'previous') wanted.reverse();
        const model = new TreeModel(tree);
        for (const [i, place] of [...wanted, ...wanted.slice(0, 1)].entries()) {
          const isFirst = direction === 'next' ? i === wanted.length : i === 0 || i === wanted.length;
          expect(model.search(i === 0 ? text : undefined, direction)).toBe(isFirst ? 'around' : 'found');
          expect(model.current.ref).toBe(place.ref);
          expect(joinPath(model.current.names)).toEqual(joinPath(place.names));
        }
        if (wanted.length === 0) expect(findName(tree, pattern, model.current, direction)).toBeUndefined();
      }),
    );
  });

  it('finds nothing without a text, and stays', () => {
    const model = new TreeModel(browsedTree([[file('a/b')]]));
    model.moveTo(1);
    expect(model.search(undefined, 'next')).toBe('none');
    expect(model.search('x', 'next')).toBe('none');
    expect(model.cursor).toBe(1);
  });
});
