import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dir, file, hardlink, symlink, type TestEntry } from '../support/entries.js';
import { naiveMerge } from './naive-merge.js';
import { merge, type Stack, walk } from './trees.js';

// Few names, so that entries meet: a name is replaced, hidden, linked to and walked through all the time.
const plainName = fc.constantFrom('a', 'b', 'c');
const oddName = fc.constantFrom(
  '.',
  '..',
  '',
  '.wh.a',
  '.wh.b',
  '.wh..wh..opq',
  '.wh..wh.plnk',
  '.wh.',
  '.wh...',
  '.wh',
);
const anyName = fc.oneof({ weight: 9, arbitrary: plainName }, { weight: 2, arbitrary: oddName });
const path = fc.array(anyName, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
const linkTarget = fc
  .tuple(fc.boolean(), fc.array(fc.constantFrom('a', 'b', 'c', '..', '.'), { minLength: 1, maxLength: 3 }))
  .map(([absolute, names]) => (absolute ? '/' : '') + names.join('/'));

const entry: fc.Arbitrary<TestEntry> = fc.oneof(
  { weight: 4, arbitrary: path.map((name) => file(name, name)) },
  { weight: 3, arbitrary: path.map((name) => dir(`${name}/`)) },
  { weight: 2, arbitrary: fc.tuple(path, linkTarget).map(([name, target]) => symlink(name, target)) },
  { weight: 2, arbitrary: fc.tuple(path, path).map(([name, target]) => hardlink(name, target)) },
);
const stack: fc.Arbitrary<Stack> = fc.array(fc.array(entry, { maxLength: 10 }), {
  minLength: 1,
  maxLength: 4,
});

describe('mergeLayers and the naive merge', () => {
  it('show the same tree, whatever the layers', () => {
    fc.assert(
      fc.property(stack, (layers) => {
        const wanted = naiveMerge(layers);
        const { tree, warnings } = merge(layers);

        const inodes = new Map<object, number>();
        const got = new Map<string, string>();
        for (const { path: name, inode } of walk(tree)) {
          got.set(name, `${tree.kind(inode)} ${tree.layerOf(inode)}:${tree.rowOf(inode)}`);
          const node = wanted.names.get(name)?.node;
          if (node === undefined) continue; // told below, by the names
          if (!inodes.has(node)) inodes.set(node, inode);
          expect(inodes.get(node), `inode of ${name}`).toBe(inode);
        }
        expect([...got].sort()).toEqual([...wanted.names].map(([name, { what }]) => [name, what]).sort());
        expect(new Set(inodes.values()).size).toBe(inodes.size);
        expect(warnings.length).toBe(wanted.skipped.length);
      }),
      { numRuns: 4000 },
    );
  });

  it('gives the same numbers each time', () => {
    fc.assert(
      fc.property(stack, (layers) => {
        expect(walk(merge(layers).tree)).toEqual(walk(merge(layers).tree));
      }),
      { numRuns: 300 },
    );
  });
});
