import { expect, it } from 'vitest';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { ROOT_INODE } from '#src/overlay/tree.js';
import { columnTable } from './column-table.js';

const ENTRIES = 500_000;
const PER_DIRECTORY = 20; // with the directory's own entry
const MODULES = 100; // directories of a package

it('merges 500,000 entries', (context) => {
  const directoryOf = (row: number) => {
    const directory = Math.floor(row / PER_DIRECTORY);
    return `usr/lib/python3/package-${Math.floor(directory / MODULES)}/module-${directory % MODULES}`;
  };
  const entries = columnTable(ENTRIES, (row) =>
    row % PER_DIRECTORY === 0
      ? { kind: 'dir', path: `./${directoryOf(row)}/` }
      : { kind: 'file', path: `./${directoryOf(row)}/some_name_${row}.py` },
  );
  const before = process.memoryUsage().arrayBuffers;
  const started = performance.now();
  const tree = mergeLayers([{ entries, number: 1 }]);
  const ms = performance.now() - started;
  // Before garbage is collected: what the draft and the tree take together.
  const megabytes = (process.memoryUsage().arrayBuffers - before) / 1e6;
  context.annotate(`${ms.toFixed(0)} ms, ${megabytes.toFixed(1)} MB of columns at most`);

  const packages = ENTRIES / PER_DIRECTORY / MODULES;
  expect(tree.inodeCount).toBe(ENTRIES + packages + 4); // the root, usr, lib, python3 and the packages are implied
  for (let row = 0; row < ENTRIES; row += 9973) {
    const path = row % PER_DIRECTORY === 0 ? directoryOf(row) : `${directoryOf(row)}/some_name_${row}.py`;
    const inode = path.split('/').reduce((at, name) => tree.lookup(at, Buffer.from(name)), ROOT_INODE);
    expect(tree.rowOf(inode)).toBe(row);
  }
  let last = -1;
  let backward = 0;
  for (let inode = 1; inode <= tree.inodeCount; inode++) {
    if (tree.kind(inode) !== 'file') continue;
    if (tree.rowOf(inode) <= last) backward++;
    last = tree.rowOf(inode);
  }
  expect(backward).toBe(0);
});
