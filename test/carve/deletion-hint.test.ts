import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeletionHints, findHidden } from '#src/image/paths/deletion-hint.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { hasPath, splitPath } from '#src/overlay/resolve-path.js';
import { UpperLayers } from '#src/overlay/upper-layers/upper-layers.js';
import { askedPath, stack } from '../overlay/random-layers.js';
import { merge, type Stack } from '../overlay/trees.js';
import { dir, entriesOf, file, opaque, symlink, whiteout } from '../support/entries.js';
import { SearchedStack } from './searched-stack.js';

const split = (path: string) => splitPath(Buffer.from(path));
const numbered = (layers: Stack) =>
  layers.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 }));

describe('a path that an upper layer deletes', () => {
  const base = [file('etc/x', '1'), file('etc/y')];
  it.each([
    ['a whiteout', [base, [file('etc/x', '2')], [], [whiteout('etc/x')]], 2, 4],
    ['a whiteout of a directory', [base, [whiteout('etc')], [file('z')]], 1, 2],
    ['an opaque directory', [base, [], [opaque('etc')]], 1, 3],
    ['a file in the place of a directory', [base, [], [], [file('etc')], []], 1, 4],
    ['another whiteout further up', [base, [whiteout('etc/x')], [file('etc/x')], [whiteout('etc/x')]], 3, 4],
    ['a whiteout of a symlink to nothing', [[symlink('etc/x', 'none')], [whiteout('etc/x')]], 1, 2],
  ])('is found: %s', (_, layers, layer, deletedBy) => {
    expect(findHidden(numbered(layers), split('/etc/x'))).toEqual({ layer, deletedBy });
  });

  it.each([
    ['in no layer', [base, [whiteout('etc/none')]], '/etc/none'],
    ['there', [base, [whiteout('etc/y')]], '/etc/x'],
    ['no layers', [], '/etc/x'],
  ])('is not found: %s', (_, layers: Stack, path) => {
    expect(findHidden(numbered(layers), split(path))).toBeUndefined();
  });

  it('is what merges of the layers in between say, whatever the layers', () => {
    let found = 0;
    fc.assert(
      fc.property(stack, askedPath, (layers, path) => {
        const all = numbered(layers);
        const shows = (from: number, to: number) => hasPath(mergeLayers(all.slice(from, to + 1)), path);
        const at = all.findLastIndex((_, i) => i < all.length - 1 && shows(i, i));
        const by = all.findIndex((_, i) => at >= 0 && i > at && !shows(at, i));
        const wanted = by === -1 ? undefined : { layer: at + 1, deletedBy: by + 1 };
        expect(findHidden(all, path)).toEqual(wanted);
        if (wanted) found++;
      }),
      { numRuns: 3000 },
    );
    expect(found).toBeGreaterThan(50);
  });

  it('names only known layers when the layers below are large', async () => {
    const layers = [base, [file('etc/z')], [whiteout('etc/x')], [dir('etc')]];
    const hint = async (path: string, layerSize: number) => {
      const source = new SearchedStack(layers, new Set(), 1, layerSize);
      const upper = numbered(layers).slice(2);
      const view = new UpperLayers(upper, false);
      const resolved = view.resolve(split(path));
      const searched = { image: source.image, lower: [1, 2], upper, view };
      const text = await new DeletionHints().search(split(path), resolved, searched);
      return [text, source.opened.size];
    };
    expect(await hint('/etc/x', 1000)).toEqual(['layer 1 has it, layer 3 deletes it: --layer 1', 2]);
    expect(await hint('/etc/x', 100_000_000)).toEqual(['layer 3 deletes it', 0]);
    expect(await hint('/etc', 1000)).toEqual([undefined, 0]);
  });
});

describe('a path in a tree', () => {
  const { tree } = merge([[file('a/b'), symlink('l', 'a'), symlink('n', 'none'), symlink('o', 'o')]]);
  it.each([
    ['/', true],
    ['/a', true],
    ['/l/b', true],
    ['/n', true],
    ['/o', true],
    ['/a/..', true],
    ['/a/b/c', false],
    ['/a/c', false],
    ['/n/x', false],
    ['/o/x', false],
  ])('%s: %s', (path, isThere) => {
    expect(hasPath(tree, split(path))).toBe(isThere);
  });
});
