import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BrowsedTree, TreePlace } from '#src/cli/commands/interactive/browser/tree/browsed-tree.js';
import { ROOT_REF } from '#src/cli/commands/interactive/browser/tree/browsed-tree.js';
import { TreeRows } from '#src/cli/commands/interactive/browser/tree/tree-rows.js';
import { forEachHidden } from '#src/overlay/history/hidden-entries.js';
import { joinPath } from '#src/overlay/resolve-path.js';
import { ROOT_INODE } from '#src/overlay/tree.js';
import { walkTree } from '#src/overlay/walk/walk-tree.js';
import { dir, file, whiteout } from '../../../../support/entries.js';
import { browsedTree, randomTree } from './trees.js';

const text = (names: readonly Uint8Array[]) => joinPath(names).toString('latin1');

/** Unfolds everything. */
function unfoldAll(rows: TreeRows): TreeRows {
  for (let index = 0; index < rows.count; index++) rows.unfold(index);
  return rows;
}

const rowsOf = (rows: TreeRows) => Array.from({ length: rows.count }, (_, index) => rows.at(index));

/** The rows by a walk: every directory whose place is in `open` shows what is in it. */
function naiveRows(tree: BrowsedTree, open: ReadonlySet<string>): string[] {
  const found: string[] = [];
  const visit = (place: TreePlace) => {
    const isOpen = open.has(keyOf(place));
    found.push(`${keyOf(place)} ${place.names.length} ${isOpen}`);
    if (!isOpen) return;
    for (const ref of tree.children(place)) visit({ ref, names: [...place.names, tree.name(ref)] });
  };
  visit({ ref: ROOT_REF, names: [] });
  return found;
}

const keyOf = ({ names, ref }: TreePlace) => `${ref} ${text(names)}`;

describe('the rows of a tree', () => {
  it('are those of a walk, whatever was unfolded and folded', () => {
    fc.assert(
      fc.property(randomTree, fc.array(fc.tuple(fc.boolean(), fc.nat())), ({ tree }, steps) => {
        const rows = new TreeRows(tree);
        const open = new Set([keyOf(rows.at(0))]);
        for (const [unfolds, at] of steps) {
          const row = rows.at(at % rows.count);
          if (unfolds) {
            rows.unfold(row.index);
            if (tree.opens(row.ref)) open.add(keyOf(row));
          } else if (row.index > 0) {
            rows.fold(row.index);
            const below = `${text(row.names)}/`;
            for (const key of open)
              if (key === keyOf(row) || (row.isOpen && key.slice(key.indexOf('/')).startsWith(below)))
                open.delete(key);
          }
        }
        const shown = rowsOf(rows);
        expect(shown.map((row) => `${keyOf(row)} ${row.depth} ${row.isOpen}`)).toEqual(naiveRows(tree, open));
        for (const { index, names } of shown.slice(1)) {
          const parent = rows.parentOf(index)!;
          expect(parent).toBeLessThan(index);
          expect(text(shown[parent]!.names)).toBe(text(names.slice(0, -1)));
        }
        expect(rows.parentOf(0)).toBeUndefined();
      }),
    );
  });

  it('have each name of the view once, and each hidden entry once', () => {
    fc.assert(
      fc.property(randomTree, ({ tree }) => {
        const wanted = [...walkTree(tree.view.tree, { inode: ROOT_INODE, names: [] })].map(({ names }) =>
          text(names),
        );
        if (tree.showsHidden)
          forEachHidden(tree.view.layers, ({ layer, row, names, hiddenBy, how }) => {
            wanted.push(`${text(names)} ${layer}:${row} ${how}>${hiddenBy}`);
          });
        const shown = rowsOf(unfoldAll(new TreeRows(tree))).flatMap(({ ref, names }) => {
          if (tree.inodeOf(ref) !== 0) return [text(names)];
          const { layer, row, hiddenBy, how } = tree.hidden!.entry(-1 - ref);
          return row < 0 ? [] : [`${text(names)} ${layer}:${row} ${how}>${hiddenBy}`];
        });
        expect(shown.sort()).toEqual(wanted.sort());
      }),
    );
  });

  it('lead to each entry again', () => {
    fc.assert(
      fc.property(randomTree, ({ tree }) => {
        for (const place of rowsOf(unfoldAll(new TreeRows(tree)))) {
          const rows = new TreeRows(tree);
          expect(keyOf(rows.at(rows.reveal(place)))).toBe(keyOf(place));
        }
      }),
    );
  });

  it('keep what is unfolded when hidden entries come and go', () => {
    fc.assert(
      fc.property(randomTree, ({ tree }) => {
        tree.setHidden(false);
        const rows = unfoldAll(new TreeRows(tree));
        const before = rowsOf(rows).map(keyOf);
        tree.setHidden(true);
        rows.refresh();
        expect(rowsOf(rows).map(keyOf)).toEqual(expect.arrayContaining(before));
        unfoldAll(rows);
        tree.setHidden(false);
        rows.refresh();
        expect(rowsOf(rows).map(keyOf)).toEqual(before);
      }),
    );
  });

  it('cost nothing before they are shown', () => {
    let named = 0;
    const source = {
      isBySize: false,
      children: () => Int32Array.from({ length: 100_000 }, (_, i) => i),
      opens: () => true,
      name(ref: number) {
        named++;
        return Buffer.from(String(ref).padStart(6, '0'));
      },
    };
    const rows = new TreeRows(source);
    rows.unfold(50_000);
    rows.unfold(100_000);
    expect(rows.count).toBe(300_001);
    named = 0;
    const names = (index: number) => joinPath(rows.at(index).names).toString();
    expect([1, 50_000, 50_001, 100_000, 100_001, 200_001, 300_000].map(names)).toEqual([
      '/000000',
      '/049999',
      '/049999/000000',
      '/049999/049999',
      '/049999/049999/000000',
      '/049999/050000',
      '/099999',
    ]);
    expect(named).toBe(7);
  });

  it('show below a removed directory what was in it, also if no entry named it', () => {
    const tree = browsedTree([[dir('a/'), file('a/b/c'), file('z')], [whiteout('a')]]);
    tree.setHidden(true);
    const rows = rowsOf(unfoldAll(new TreeRows(tree)));
    expect(rows.map(({ names, depth }) => `${depth} ${text(names)}`)).toEqual([
      '0 /',
      '1 /a',
      '2 /a/b',
      '3 /a/b/c',
      '1 /z',
    ]);
    const [, a, b, c] = rows.map(({ ref }) => tree.place(ref).hidden);
    for (const hidden of [a, b, c]) expect(hidden).toEqual({ hiddenBy: 2, how: 'whiteout' });
    expect(tree.entry(rows[2]!.ref).kind).toBe('dir');
  });
});
