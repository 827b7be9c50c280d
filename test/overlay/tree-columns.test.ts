import { expect, it } from 'vitest';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { sharedTree, treeColumns, treeOfColumns } from '#src/overlay/tree-columns.js';
import { dir, entriesOf, file, hardlink, symlink } from '../support/entries.js';
import { walk } from './trees.js';

const LAYERS = [
  { number: 1, entries: entriesOf(dir('a/'), file('a/x', '1'), file('a/y', '22'), symlink('l', 'a/x')) },
  { number: 3, entries: entriesOf(file('a/.wh.x'), hardlink('a/z', 'a/y'), file('implied/f', '333')) },
];

it('is the same tree in another thread, by lookups too', () => {
  const tree = mergeLayers(LAYERS);
  const columns = structuredClone(sharedTree(tree));
  expect(columns.inodes.kinds.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(columns.names!.slots.buffer).toBeInstanceOf(SharedArrayBuffer);
  const same = treeOfColumns(columns, LAYERS);
  expect(walk(same)).toEqual(walk(tree));
  const name = Buffer.from('implied');
  expect(same.lookup(1, name)).toBe(tree.lookup(1, name));
  expect(same.lookup(1, name)).toBeGreaterThan(0);
});

it('takes the key of its hashes along', () => {
  const columns = sharedTree(mergeLayers(LAYERS));
  const other = { ...columns.names!, key: { low: 1, high: 2 } };
  const names = ['a', 'l', 'implied'].map((name) => Buffer.from(name));
  const lookups = (tree: ReturnType<typeof treeOfColumns>) => names.map((name) => tree.lookup(1, name));
  expect(lookups(treeOfColumns(columns, LAYERS))).not.toContain(0);
  expect(lookups(treeOfColumns({ ...columns, names: other }, LAYERS))).toContain(0);
});

it('has no table of names unless that is built', () => {
  expect(treeColumns(mergeLayers(LAYERS)).names).toBeUndefined();
});
