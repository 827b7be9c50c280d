import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stack } from '../random-layers.js';
import { merge, walk } from '../trees.js';
import { naiveMerge } from './naive-merge.js';

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
