import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerPaths } from '#src/catalog/search/layer-paths.js';
import { stack as oddStack } from '../../overlay/random-layers.js';
import type { Stack } from '../../overlay/trees.js';
import {
  dir,
  entriesOf,
  file,
  hardlink,
  opaque,
  symlink,
  type TestEntry,
  whiteout,
} from '../../support/entries.js';
import { found, foundByMerge, layersOf, queryOf } from './searches.js';

const name = fc.constantFrom('a', 'b', 'ab', 'c', '.d');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
const mode = fc.constantFrom(0o644, 0o4755, 0o1777, 0o600);
const entry: fc.Arbitrary<TestEntry> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(path, mode).map(([one, bits]) => file(one, one, { mode: bits })) },
  { weight: 3, arbitrary: fc.tuple(path, mode).map(([one, bits]) => dir(`${one}/`, { mode: bits })) },
  { weight: 1, arbitrary: fc.tuple(path, path).map(([one, to]) => symlink(one, to)) },
  { weight: 1, arbitrary: fc.tuple(path, path).map(([one, to]) => hardlink(one, to)) },
  { weight: 2, arbitrary: path.map(whiteout) },
  { weight: 1, arbitrary: fc.oneof(fc.constant(''), path).map(opaque) },
);

/** Nothing is below what is no directory: such layers need no merge of all rows. */
const straight = fc.array(entry, { maxLength: 10 }).map((entries) => {
  const text = (one: TestEntry) => Buffer.from(one.path).toString().replace(/\/$/, '');
  return entries.filter((one, i) => {
    const isBelow = (upper: TestEntry, lower: TestEntry) =>
      upper.kind !== 'dir' && text(lower).startsWith(`${text(upper)}/`);
    return !entries.slice(0, i).some((other) => isBelow(one, other) || isBelow(other, one));
  });
});
const straightStack: fc.Arbitrary<Stack> = fc.array(straight, { minLength: 1, maxLength: 5 });

const component = fc.constantFrom('a', 'b', 'a*', '*b', '?', '[ab]', '*', '.d', '**', '{a,c}');
const pattern = fc
  .tuple(fc.constantFrom('', '/'), fc.array(component, { minLength: 1, maxLength: 3 }))
  .map(([start, names]) => start + names.join('/'));
const query = fc
  .record({
    pattern,
    hiddenOnly: fc.boolean(),
    modeBits: fc.constantFrom(undefined, undefined, 0o4000, 0o1022),
  })
  .map(({ pattern: text, hiddenOnly, modeBits }) => queryOf(text, { hiddenOnly, filter: { modeBits } }));

describe('a search of an image', () => {
  it('finds what one merge of all rows shows and hides', async () => {
    let excerpts = 0;
    await fc.assert(
      fc.asyncProperty(straightStack, query, async (stack, wanted) => {
        if (layersOf(stack).every(({ table }) => !table.paths().isCrooked)) excerpts++;
        expect(await found(stack, wanted)).toEqual(foundByMerge(stack, wanted));
      }),
      { numRuns: 1500 },
    );
    expect(excerpts).toBeGreaterThan(500);
  });

  it('finds the same in layers with any odd entries', async () => {
    await fc.assert(
      fc.asyncProperty(oddStack, query, async (stack, wanted) => {
        expect(await found(stack, wanted)).toEqual(foundByMerge(stack, wanted));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the paths of a layer', () => {
  it('are crooked where only a merge of all rows can tell where an entry is', () => {
    const isCrooked = (...entries: TestEntry[]) => new LayerPaths(entriesOf(...entries)).isCrooked;
    expect(isCrooked(dir('./'), dir('./usr/'), file('./usr/x'), file('/abs'), file('.hidden/..x'))).toBe(
      false,
    );
    for (const odd of ['a/../b', 'a//b', 'a/./b', '../a', 'a/..', `${'n'.repeat(256)}`, 'nul\0', 'a/.'])
      expect(isCrooked(file(odd)), odd).toBe(true);
    expect(isCrooked(symlink('lib', 'usr/lib'), file('lib/x'))).toBe(true);
    expect(isCrooked(file('lib/x'), symlink('lib', 'usr/lib'))).toBe(true);
    expect(isCrooked(hardlink('only/link', 'a'))).toBe(true);
    expect(isCrooked(dir('only/'), hardlink('only/link', 'a'))).toBe(false);
  });
});
