import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fileVersions } from '#src/api/analysis/file-versions.js';
import {
  type HiddenColumns,
  hiddenColumns,
  hiddenName,
  hiddenNodeAt,
  NO_NODE,
} from '#src/api/analysis/hidden-columns.js';
import { treeSums } from '#src/api/analysis/tree-sums.js';
import { hiddenByLast, hiddenTree } from '#src/overlay/history/hidden-tree.js';
import { pathVersions } from '#src/overlay/history/path-versions.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { resolvePath, splitPath } from '#src/overlay/resolve-path.js';
import { treeUsage } from '#src/overlay/usage/tree-usage.js';
import { walkTree } from '#src/overlay/walk/walk-tree.js';
import { dir, entriesOf, file, hardlink, symlink } from '../support/entries.js';

const PATHS = ['a', 'b', 'a/x', 'a/y', 'a/x/z', 'b/x'];
const MARKERS = ['.wh.a', '.wh.b', 'a/.wh.x', 'a/.wh..wh..opq', '.wh..wh..opq'];
const anyPath = fc.constantFrom(...PATHS);
const anyEntry = fc.oneof(
  fc.tuple(anyPath, fc.string({ maxLength: 5 })).map(([path, content]) => file(path, content)),
  anyPath.map((path) => dir(path)),
  fc.constantFrom(...MARKERS).map((path) => file(path)),
  fc.tuple(anyPath, anyPath).map(([path, target]) => hardlink(path, target)),
  fc.tuple(anyPath, anyPath).map(([path, target]) => symlink(path, target)),
);
const anyLayers = fc
  .array(fc.array(anyEntry, { maxLength: 6 }), { minLength: 1, maxLength: 5 })
  .map((layers) => layers.map((entries, i) => ({ number: i + 1, entries: entriesOf(...entries) })));

it('has the versions of files without a merge, as a merge has them', () => {
  let answered = 0;
  fc.assert(
    fc.property(anyLayers, (layers) => {
      const tree = mergeLayers(layers);
      const hidden = hiddenColumns(hiddenTree(layers));
      const tables = new Map(layers.map(({ number, entries }) => [number, entries]));
      for (const text of PATHS) {
        const names = splitPath(Buffer.from(text));
        const found = resolvePath(tree, names, 'none');
        const live =
          found.kind === 'found'
            ? { layer: tree.layerOf(found.inode), row: tree.rowOf(found.inode) }
            : undefined;
        const versions = fileVersions({ tables, hidden, live }, names);
        if (!versions) continue;
        answered++;
        expect(versions, text).toEqual(pathVersions(layers, names));
      }
    }),
    { numRuns: 500 },
  );
  expect(answered).toBeGreaterThan(500);
});

/** Returns the rows of columns: path, layer, row, hider, way. */
function rowsOf(columns: HiddenColumns): string[] {
  const rows: string[] = [];
  const visit = (node: number, path: string) => {
    for (let at = columns.versionStarts[node]!; at < columns.versionStarts[node + 1]!; at++) {
      const { layers, rows: tableRows, hiders, hows } = columns;
      rows.push([path, layers[at], tableRows[at], hiders[at], hows[at]].join(' '));
    }
    for (let child = columns.childStarts[node]!; child < columns.childEnds[node]!; child++)
      visit(child, `${path}/${Buffer.from(hiddenName(columns, child)).toString()}`);
  };
  visit(0, '');
  return rows;
}

it('has of one layer what it hides of those below, and which directories it leaves', () => {
  let hidden = 0;
  fc.assert(
    fc.property(anyLayers, (layers) => {
      const all = rowsOf(hiddenColumns(hiddenTree(layers)));
      for (const { number } of layers) {
        const upTo = layers.slice(0, number);
        const columns = hiddenColumns(hiddenByLast(upTo));
        expect(rowsOf(columns)).toEqual(all.filter((row) => row.split(' ')[3] === String(number)));
        hidden += rowsOf(columns).length;
        const tree = mergeLayers(upTo);
        for (const path of PATHS) {
          const node = hiddenNodeAt(columns, splitPath(Buffer.from(path)));
          if (node === NO_NODE) continue;
          const there = resolvePath(tree, splitPath(Buffer.from(path)), 'none');
          const isDirectory = there.kind === 'found' && tree.kind(there.inode) === 'dir';
          expect(columns.remains[node], path).toBe(isDirectory ? 1 : 0);
        }
      }
    }),
    { numRuns: 500 },
  );
  expect(hidden).toBeGreaterThan(500);
});

it('sums up directories as du does', () => {
  fc.assert(
    fc.property(anyLayers, (layers) => {
      const tree = mergeLayers(layers);
      const sums = treeSums(tree);
      for (const { inode, names } of walkTree(tree, { inode: 1, names: [] })) {
        if (tree.kind(inode) !== 'dir') continue;
        const { bytes, entries } = treeUsage(tree, [{ inode, names }]).total();
        expect([sums.bytes[inode], sums.entries[inode]]).toEqual([bytes, entries]);
      }
    }),
    { numRuns: 500 },
  );
});
