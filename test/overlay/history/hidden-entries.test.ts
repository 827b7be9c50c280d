import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forEachHidden } from '#src/overlay/history/hidden-entries.js';
import { joinPath } from '#src/overlay/resolve-path.js';
import { dir, entriesOf, file, hardlink, opaque, symlink, whiteout } from '../../support/entries.js';
import { naiveMerge } from '../merge/naive-merge.js';
import { randomEntry, stack } from '../random-layers.js';
import type { Stack } from '../trees.js';
import { naiveForEachHidden } from './naive-hidden-entries.js';

/** `path kind layer:row how>layer` of each. */
function hidden(layers: Stack): string[] {
  const found: string[] = [];
  const numbered = layers.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 }));
  forEachHidden(numbered, ({ layer, entries, row, names, hiddenBy, how }) => {
    const what = `${entries.kind(row)} ${layer}:${row}`;
    found.push(`${joinPath(names).toString('latin1')} ${what} ${how}>${hiddenBy}`);
  });
  return found;
}

/** The same, by a merge for each layer. */
function naivelyHidden(layers: Stack): string[] {
  const found: string[] = [];
  const numbered = layers.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 }));
  naiveForEachHidden(numbered, ({ tree, inode, names, hiddenBy, how }) => {
    const what = `${tree.kind(inode)} ${tree.layerOf(inode)}:${tree.rowOf(inode)}`;
    found.push(`${joinPath(names).toString('latin1')} ${what} ${how}>${hiddenBy}`);
  });
  return found;
}

describe('what upper layers hide', () => {
  const base = [dir('etc/'), file('etc/a', '1'), file('etc/b'), dir('lib/'), file('lib/x'), file('z')];
  const cases: { name: string; layers: Stack; says: string[] }[] = [
    { name: 'nothing in one layer', layers: [[file('a'), file('a')]], says: [] },
    { name: 'nothing that is only listed again', layers: [base, [dir('etc/'), file('etc/c')]], says: [] },
    { name: 'a whiteout', layers: [base, [whiteout('z')]], says: ['/z file 1:5 whiteout>2'] },
    { name: 'a whiteout of nothing', layers: [base, [whiteout('none')]], says: [] },
    {
      name: 'a whiteout of a directory, with all that is in it',
      layers: [base, [whiteout('lib')]],
      says: ['/lib dir 1:3 whiteout>2', '/lib/x file 1:4 whiteout>2'],
    },
    {
      name: 'a directory that is taken away and made anew',
      layers: [base, [whiteout('lib'), dir('lib/'), file('lib/y')]],
      says: ['/lib/x file 1:4 whiteout>2'],
    },
    {
      name: 'an opaque directory',
      layers: [base, [dir('etc/'), opaque('etc'), file('etc/b', 'new')]],
      says: ['/etc/a file 1:1 opaque>2', '/etc/b file 1:2 opaque>2'],
    },
    { name: 'an opaque root', layers: [[file('a')], [opaque('')]], says: ['/a file 1:0 opaque>2'] },
    {
      name: 'another file in its place',
      layers: [base, [file('etc/a', '2')], [file('etc/a', '3')]],
      says: ['/etc/a file 1:1 replaced>2', '/etc/a file 2:0 replaced>3'],
    },
    {
      name: 'a symlink in the place of a directory',
      layers: [base, [symlink('lib', 'usr/lib')]],
      says: ['/lib dir 1:3 replaced>2', '/lib/x file 1:4 replaced>2'],
    },
    {
      name: 'one name of a file that keeps the other',
      layers: [[file('a'), hardlink('b', 'a')], [whiteout('a')]],
      says: ['/a file 1:0 whiteout>2'],
    },
  ];
  it.each(cases)('tells of $name', ({ layers, says }) => {
    expect(hidden(layers).sort()).toEqual(says);
  });

  it('is what is in one tree and not in the next, whatever the layers', () => {
    fc.assert(
      fc.property(stack, (layers) => {
        const wanted: string[] = [];
        for (let top = 2; top <= layers.length; top++) {
          const before = naiveMerge(layers.slice(0, top - 1)).names;
          const after = naiveMerge(layers.slice(0, top)).names;
          for (const [path, { what }] of before) {
            const now = after.get(path)?.what;
            const isKept = what.startsWith('dir ') ? now?.startsWith('dir ') : now === what;
            if (path !== '' && !isKept && !what.endsWith(':-1')) wanted.push(`/${path} ${what} >${top}`);
          }
        }
        const got = hidden(layers).map((line) => line.replace(/\w+>(\d+)$/, '>$1'));
        expect(got.sort()).toEqual(wanted.sort());
      }),
      { numRuns: 3000 },
    );
  });

  // Many layers, so that a directory's order changes again and again.
  const tallStack = fc.array(fc.array(randomEntry, { maxLength: 6 }), { minLength: 3, maxLength: 12 });

  it('is told in the same order as by a merge for each layer', () => {
    const ways = new Map<string, number>();
    fc.assert(
      fc.property(fc.oneof(stack, tallStack), (layers) => {
        const got = hidden(layers);
        expect(got).toEqual(naivelyHidden(layers));
        for (const line of got) {
          const way = / (\w+)>\d+$/.exec(line)![1]!;
          ways.set(way, (ways.get(way) ?? 0) + 1);
        }
      }),
      { numRuns: 3000 },
    );
    for (const way of ['whiteout', 'opaque', 'replaced']) expect(ways.get(way)).toBeGreaterThan(300);
  });
});
