import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathPattern } from '#src/overlay/pattern/path-pattern.js';
import { joinPath, splitPath } from '#src/overlay/resolve-path.js';
import { type HiddenUsageOptions, hiddenGroup, hiddenUsage } from '#src/overlay/usage/hidden-usage.js';
import { usageRows } from '#src/overlay/usage/usage-rows.js';
import {
  dir,
  entriesOf,
  file,
  hardlink,
  opaque,
  sparseFile,
  symlink,
  whiteout,
} from '../../support/entries.js';
import { naiveMerge } from '../merge/naive-merge.js';
import { stack } from '../random-layers.js';
import { merge, type Stack } from '../trees.js';

/** `bytes entries path layer how>hiddenBy` of each row. */
function hidden(layers: Stack, path = '/', options: Omit<HiddenUsageOptions, 'paths'> = {}): string[] {
  const numbered = layers.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 }));
  const paths = PathPattern.parse(Buffer.from(path)) ?? splitPath(Buffer.from(path));
  const columns = hiddenUsage(numbered, merge(layers).tree, { paths, ...options });
  return Array.from(usageRows(columns, 'name'), ({ bytes, entries, names, group }) => {
    const { layer, hiddenBy, how } = hiddenGroup(group);
    return `${bytes} ${entries} ${joinPath(names).toString('latin1')} ${layer} ${how}>${hiddenBy}`;
  });
}

const base = [
  dir('etc/'),
  file('etc/a', '1'),
  file('etc/b', '22'),
  dir('lib/'),
  dir('lib/deep/'),
  file('lib/deep/x', 'x'.repeat(100)),
  file('z', 'zzz'),
];

describe('what is hidden, summed up', () => {
  const cases: { name: string; layers: Stack; says: string[] }[] = [
    { name: 'nothing of one layer', layers: [base], says: [] },
    { name: 'nothing of a directory that is listed again', layers: [base, [dir('etc/')]], says: [] },
    { name: 'a file', layers: [base, [whiteout('z')]], says: ['3 1 / 1 whiteout>2'] },
    {
      name: 'a directory and all below it, directories as entries without bytes',
      layers: [base, [whiteout('lib')]],
      says: ['100 2 /lib/deep 1 whiteout>2', '100 3 /lib 1 whiteout>2', '100 3 / 1 whiteout>2'],
    },
    {
      name: 'older contents, each time they are replaced',
      layers: [base, [file('z', 'new')], [file('z', 'newest')]],
      says: ['3 1 / 1 replaced>2', '3 1 / 2 replaced>3'],
    },
    {
      name: 'what an opaque directory hides',
      layers: [base, [dir('etc/'), opaque('etc'), file('etc/b', 'new')]],
      says: ['3 2 /etc 1 opaque>2', '3 2 / 1 opaque>2'],
    },
    {
      name: 'not a file that lives on under another name',
      layers: [[file('a', '1'), hardlink('b', 'a')], [whiteout('a')]],
      says: [],
    },
    {
      name: 'not a file that an upper layer gave another name',
      layers: [[file('a', '1')], [hardlink('b', 'a')], [whiteout('a')]],
      says: [],
    },
    {
      name: 'a file with several names once, where the last one was hidden',
      layers: [[file('d/a', '1'), hardlink('e/b', 'd/a')], [whiteout('d/a')], [whiteout('e/b')]],
      says: ['1 1 /e 1 whiteout>3', '1 1 / 1 whiteout>3'],
    },
    {
      name: 'a file whose names one layer hides once',
      layers: [
        [file('d/a', '1'), hardlink('e/b', 'd/a')],
        [whiteout('d/a'), whiteout('e/b')],
      ],
      says: ['1 1 /d 1 whiteout>2', '1 1 / 1 whiteout>2'],
    },
    {
      name: 'symlinks as entries without bytes, and of a sparse file its data',
      layers: [
        [symlink('l', 'target'), sparseFile('s', '\0'.repeat(1000), [990, 10])],
        [whiteout('l'), whiteout('s')],
      ],
      says: ['10 2 / 1 whiteout>2'],
    },
  ];
  it.each(cases)('has $name', ({ layers, says }) => {
    expect(hidden(layers)).toEqual(says);
  });

  const layers: Stack = [base, [whiteout('lib'), whiteout('z'), file('etc/b', 'new')], [whiteout('etc/b')]];

  it('ends at a depth, and has files if they are wanted', () => {
    expect(hidden(layers, '/', { depth: 0 })).toEqual([
      '103 4 / 1 whiteout>2',
      '2 1 / 1 replaced>2',
      '3 1 / 2 whiteout>3',
    ]);
    expect(hidden(layers, '/', { depth: 2, files: true, layer: 1 })).toEqual([
      '2 1 /etc/b 1 replaced>2',
      '2 1 /etc 1 replaced>2',
      '100 2 /lib/deep 1 whiteout>2',
      '100 3 /lib 1 whiteout>2',
      '3 1 /z 1 whiteout>2',
      '103 4 / 1 whiteout>2',
      '2 1 / 1 replaced>2',
    ]);
  });

  it('is of one path, of the matches of a pattern, of one layer', () => {
    expect(hidden(layers, '/lib/deep')).toEqual(['100 2 /lib/deep 1 whiteout>2']);
    expect(hidden(layers, '/etc/b')).toEqual(['2 1 /etc/b 1 replaced>2', '3 1 /etc/b 2 whiteout>3']);
    expect(hidden(layers, '/**/[bx]')).toEqual([
      '2 1 /etc/b 1 replaced>2',
      '3 1 /etc/b 2 whiteout>3',
      '100 1 /lib/deep/x 1 whiteout>2',
    ]);
    expect(hidden(layers, '/none')).toEqual([]);
    expect(hidden(layers, '/', { layer: 2, depth: 0 })).toEqual(['3 1 / 2 whiteout>3']);
  });

  it('finds each of many names again', () => {
    const names = Array.from({ length: 500 }, (_, i) => `d${i % 50}/f${i}`);
    const many = names.map((name) => file(name, 'x'));
    const gone = hidden([many, many, names.map(whiteout)], '/', { files: true });
    expect(gone).toHaveLength(2 * (500 + 50 + 1));
    expect(gone.filter((row) => /^10 10 \/d\d+ /.test(row))).toHaveLength(100);
    expect(gone.slice(-2)).toEqual(['500 500 / 1 replaced>2', '500 500 / 2 whiteout>3']);
  });

  /** By the merged trees of the first layers: which inode is in one and in none after it. */
  function naively(layers: Stack): string[] {
    const trees = layers.map((_, i) => naiveMerge(layers.slice(0, i + 1)).names);
    const identities = trees.map((names) => new Set([...names.values()].map(({ what }) => what)));
    const sums = new Map<string, [number, number]>();
    for (const [i, names] of trees.entries()) {
      const after = trees[i + 1];
      if (!after) break;
      const counted = new Set<string>();
      for (const [path, { what }] of names) {
        const [kind, place = ''] = what.split(' ');
        const [layer, row] = place.split(':').map(Number);
        if (counted.has(what) || row === -1) continue;
        const isGone =
          kind === 'dir'
            ? !after.get(path)?.what.startsWith('dir ')
            : !identities.slice(i + 1).some((set) => set.has(what));
        if (!isGone || path === '') continue;
        counted.add(what);
        const key = `${layer} >${i + 2}`;
        const [bytes, entries] = sums.get(key) ?? [0, 0];
        const size = kind === 'file' ? layers[layer! - 1]![row!]!.content.length : 0;
        sums.set(key, [bytes + size, entries + 1]);
      }
    }
    return [...sums].map(([key, [bytes, entries]]) => `${bytes} ${entries} ${key}`).sort();
  }

  it('is what a merge for each layer loses, whatever the layers', () => {
    let found = 0;
    fc.assert(
      fc.property(stack, (random) => {
        const sums = new Map<string, [number, number]>();
        for (const row of hidden(random, '/', { depth: 0 })) {
          const [bytes, entries, , layer, way] = row.split(' ');
          const key = `${layer} ${way!.replace(/^\w+/, '')}`;
          const [b, e] = sums.get(key) ?? [0, 0];
          sums.set(key, [b + Number(bytes), e + Number(entries)]);
        }
        const got = [...sums].map(([key, [bytes, entries]]) => `${bytes} ${entries} ${key}`).sort();
        expect(got).toEqual(naively(random));
        found += got.length;
      }),
      { numRuns: 500 },
    );
    expect(found).toBeGreaterThan(150);
  });
});
