import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SoleEntries } from '#dist/carve/sole-entries.js';
import type { WantedFile } from '#dist/carve/wanted-file.js';
import { mergeLayers } from '#dist/overlay/merge.js';
import { resolvePath } from '#dist/overlay/resolve-path.js';
import { randomEntry } from '../overlay/random-layers.js';
import {
  dir,
  entriesOf,
  file,
  hardlink,
  opaque,
  symlink,
  type TestEntry,
  whiteout,
} from '../support/entries.js';
import { asked, asTarEntry } from './searched-stack.js';

const fewNames = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 });
const fewPaths = fewNames.map((names) => names.join('/'));
/** Links, and files that may stand behind them: what a look at paths alone does not see. */
const linkedEntry = fc.oneof(
  fewPaths.map((path) => file(path)),
  fc
    .tuple(fc.constantFrom(symlink, hardlink), fewPaths, fewPaths, fc.boolean())
    .map(([link, path, target, absolute]) => link(path, absolute ? `/${target}` : target)),
);

/** The row that the entries say it is found with, after all of them. */
function soleRow(entries: readonly TestEntry[], wanted: WantedFile): number | undefined {
  const soles = new SoleEntries([wanted]);
  let row: number | undefined;
  for (const [i, entry] of entries.entries()) if (soles.see(asTarEntry(entry, 0), i)) row = i;
  return soles.has(wanted) ? row : undefined;
}

describe('an entry that is the only one of its name', () => {
  const cases: { name: string; entries: TestEntry[]; path?: string; row: number | undefined }[] = [
    { name: 'a file', entries: [file('x/a'), file('x/q'), file('x/b')], row: 1 },
    { name: 'written otherwise', entries: [file('./x//./q')], row: 0 },
    { name: 'with directories on the way', entries: [dir('x/'), file('x/q'), dir('x/')], row: 1 },
    { name: 'whiteouts and opaque ones', entries: [whiteout('x/q'), opaque('x'), file('x/q')], row: 2 },
    { name: 'a name that begins alike', entries: [file('x/qq'), file('x/q'), file('q.x')], row: 1 },
    { name: 'a second time', entries: [file('x/q'), file('x/q')], row: undefined },
    { name: 'its name elsewhere', entries: [file('y/q'), file('x/q'), dir('q/')], row: 1 },
    {
      name: 'its name elsewhere, by a link',
      entries: [symlink('y', 'z'), file('y/q'), file('x/q')],
      row: undefined,
    },
    {
      name: 'its name where a link will be',
      entries: [file('y/q'), file('x/q'), symlink('y', 'z')],
      row: 1,
    },
    { name: 'an entry below it', entries: [file('x/q'), file('x/q/a')], row: undefined },
    { name: 'a directory', entries: [dir('x/q/')], row: undefined },
    { name: 'a link', entries: [file('a'), hardlink('x/q', 'a')], row: undefined },
    { name: 'a link to it', entries: [file('x/q'), symlink('l', '/x/q')], row: 0 },
    {
      name: 'an entry below a link to it',
      entries: [file('x/q'), symlink('l', '/x/q'), file('l/a')],
      row: undefined,
    },
    {
      name: 'an entry below what may be a link to it',
      entries: [file('x/q'), hardlink('h', 'lower'), file('h/a')],
      row: undefined,
    },
    {
      name: 'its name below a link that a link has placed',
      entries: [file('x/q'), symlink('l', 'y'), symlink('l/m', '/x'), file('y/m/q')],
      row: undefined,
    },
    {
      name: 'entries below a directory that becomes a link',
      entries: [symlink('l', 'y'), file('d/a'), symlink('d', 'x'), file('x/q'), file('d/q')],
      row: undefined,
    },
    { name: 'a link in its way', entries: [symlink('x', 'y'), file('x/q')], row: undefined },
    { name: 'a file in its way, later', entries: [file('x/q'), file('x')], row: undefined },
    { name: 'something like its parent elsewhere', entries: [file('x/q'), symlink('y/x', 'z')], row: 0 },
    { name: 'and by a link', entries: [file('x/q'), hardlink('y', 'a'), file('y/x')], row: undefined },
    {
      name: 'a link in its way that has to be cleaned',
      entries: [file('x/q'), symlink('x/y/..', 'z')],
      row: undefined,
    },
    { name: 'a path with `..`', entries: [file('y/../x/q')], row: 0 },
    { name: 'a wanted marker', entries: [file('x/.wh.q')], path: 'x/.wh.q', row: undefined },
    { name: 'a wanted path with `..`', entries: [file('q')], path: 'x/../q', row: undefined },
  ];
  it.each(cases)('$name', ({ entries, path = 'x/q', row }) => {
    expect(soleRow(entries, asked(path))).toBe(row);
  });

  it('is what the merged tree has at its path, whatever lies below', () => {
    const entries = fc.array(fc.oneof(randomEntry, linkedEntry), { maxLength: 6 });
    let found = 0;
    fc.assert(
      fc.property(entries, entries, fewPaths, fc.nat(6), (lower, others, path, at) => {
        const wanted = asked(path);
        const upper = others.toSpliced(at, 0, file(path, 'wanted'));
        const row = soleRow(upper, wanted);
        if (row === undefined) return;
        found++;
        const tree = mergeLayers([
          { entries: entriesOf(...lower), number: 1 },
          { entries: entriesOf(...upper), number: 2 },
        ]);
        const resolved = resolvePath(tree, wanted.path);
        expect(
          resolved.kind === 'found' && [tree.layerOf(resolved.inode), tree.rowOf(resolved.inode)],
        ).toEqual([2, row]);
      }),
      { numRuns: 20_000 },
    );
    expect(found).toBeGreaterThan(1000);
  });
});
