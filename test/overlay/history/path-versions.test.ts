import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathVersions } from '#src/overlay/history/path-versions.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { resolvePath, splitPath } from '#src/overlay/resolve-path.js';
import { dir, entriesOf, file, hardlink, opaque, symlink, whiteout } from '../../support/entries.js';
import { stack } from '../random-layers.js';
import type { Stack } from '../trees.js';

const layersOf = (layers: Stack) =>
  layers.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 }));

const told = (layers: Stack, path: string) =>
  pathVersions(layersOf(layers), splitPath(Buffer.from(path))).map(
    ({ layer, entry }) => `${layer}: ${entry ? `${entry.layer}/${entry.row}` : '-'}`,
  );

/** By a merge of each prefix of the layers. */
function naive(layers: Stack, path: string): string[] {
  let last = '-';
  return layersOf(layers).flatMap(({ number }, i, all) => {
    const tree = mergeLayers(all.slice(0, i + 1));
    const resolved = resolvePath(tree, splitPath(Buffer.from(path)), 'none');
    const now =
      resolved.kind === 'found' ? `${tree.layerOf(resolved.inode)}/${tree.rowOf(resolved.inode)}` : '-';
    if (now === last) return [];
    last = now;
    return [`${number}: ${now}`];
  });
}

describe('pathVersions', () => {
  it.each<[string, Stack, string, string[]]>([
    ['never there', [[file('a')]], 'b', []],
    ['added, left alone', [[file('a')], [file('b')]], 'a', ['1: 1/0']],
    [
      'changed, removed, added',
      [[file('a')], [file('a')], [whiteout('a')], [file('a')]],
      'a',
      ['1: 1/0', '2: 2/0', '3: -', '4: 4/0'],
    ],
    ['removed with its directory', [[file('d/a')], [whiteout('d')]], 'd/a', ['1: 1/0', '2: -']],
    ['hidden by an opaque directory', [[file('d/a')], [opaque('d')]], 'd/a', ['1: 1/0', '2: -']],
    ['its directory is replaced', [[file('d/a')], [file('d')]], 'd/a', ['1: 1/0', '2: -']],
    [
      'written through a link',
      [
        [dir('d/'), file('d/a'), symlink('l', 'd')],
        [symlink('l', 'd'), file('l/a')],
      ],
      'd/a',
      ['1: 1/1', '2: 2/1'],
    ],
    ['a link of another file', [[file('b'), hardlink('a', 'b')], [file('b')]], 'a', ['1: 1/0']],
    ['an implied directory, then its entry', [[file('d/a')], [dir('d/')]], 'd', ['1: 1/-1', '2: 2/0']],
    ['the root', [[file('a')], [dir('./')]], '/', ['1: 1/-1', '2: 2/0']],
  ])('%s', (_, layers, path, wanted) => {
    expect(told(layers, path)).toEqual(wanted);
    expect(naive(layers, path)).toEqual(wanted);
  });

  it('is what merges of each prefix show', () => {
    const path = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }).map((names) => names.join('/'));
    fc.assert(
      fc.property(stack, path, (layers, asked) => {
        expect(told(layers, asked)).toEqual(naive(layers, asked));
      }),
      { numRuns: 2000 },
    );
  });
});
