import fc from 'fast-check';
import { expect, it } from 'vitest';
import { listDirectories } from '#src/cli/commands/ls/list-directories.js';
import type { ListedRow } from '#src/cli/commands/ls/listed-row.js';
import { operandsOf } from '#src/cli/commands/ls/operands.js';
import { sortRows } from '#src/cli/commands/ls/row-order.js';
import { askedPaths } from '#src/image/paths/asked-path.js';
import { DeletionHints } from '#src/image/paths/deletion-hint.js';
import { forEachHidden } from '#src/overlay/history/hidden-entries.js';
import { hiddenTree } from '#src/overlay/history/hidden-tree.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { joinPath } from '#src/overlay/resolve-path.js';
import { ROOT_INODE } from '#src/overlay/tree.js';
import { walkTree } from '#src/overlay/walk/walk-tree.js';
import { stack } from '../../../overlay/random-layers.js';
import type { Stack } from '../../../overlay/trees.js';
import { dir, entriesOf, file, whiteout } from '../../../support/entries.js';

/** `ls -R --deleted` of a path: a line for each row, and the headings. */
async function listed(layers: Stack, path: string, keepsDirectories = false) {
  const numbered = layers.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 }));
  const tree = mergeLayers(numbered);
  const rows: string[] = [];
  const headings: string[] = [];
  const add = (row: ListedRow, names: readonly Uint8Array[]) => {
    const where = row.hidden ? `${row.layer}:${row.at} ${row.hidden.how} by ${row.hidden.hiddenBy}` : 'live';
    if (row.from) rows.push(`${joinPath(names)} ${where}`);
  };
  const operands = operandsOf(askedPaths([path])[0]!, {
    view: { tree, layers: numbered },
    hidden: hiddenTree(numbered),
    hints: new DeletionHints(),
    where: undefined,
    keepsLinks: keepsDirectories, // as with -d
    keepsDirectories,
  });
  for (const operand of operands) if (!operand.contents) add(operand, operand.names);
  await listDirectories(
    {
      async block(heading, block, namesOf) {
        headings.push(Buffer.from(heading!).toString());
        for (const row of block) add(row, namesOf(row));
      },
    },
    operands.flatMap(({ contents }) => contents ?? []),
    {
      tree,
      isRecursive: true,
      hasHeadings: true,
      sort: (block) => sortRows(block, 'name', false),
    },
  );
  return { rows, headings, tree, numbered };
}

it('shows each live name and each hidden entry once, and each directory once', async () => {
  const check = async (layers: Stack) => {
    const { rows, headings, tree, numbered } = await listed(layers, '/');
    const wanted: string[] = [];
    for (const { names, depth } of walkTree(tree, { inode: ROOT_INODE, names: [] }))
      if (depth > 0) wanted.push(`${joinPath(names)} live`);
    forEachHidden(numbered, ({ names, layer, row, how, hiddenBy }) => {
      if (names.length > 0) wanted.push(`${joinPath(names)} ${layer}:${row} ${how} by ${hiddenBy}`);
    });
    expect(rows.toSorted()).toEqual(wanted.toSorted());
    expect(new Set(headings).size).toBe(headings.length);
  };
  await fc.assert(fc.asyncProperty(stack, check), { numRuns: 300 });
});

it('finds each hidden entry by its own path', async () => {
  const check = async (layers: Stack) => {
    const numbered = layers.map((entries, i) => ({ entries: entriesOf(...entries), number: i + 1 }));
    const hidden: { path: string; line: string }[] = [];
    forEachHidden(numbered, ({ names, layer, row, how, hiddenBy }) => {
      const path = joinPath(names).toString();
      hidden.push({ path, line: `${path} ${layer}:${row} ${how} by ${hiddenBy}` });
    });
    const tree = mergeLayers(numbered);
    for (const { path, line } of hidden.slice(0, 5)) {
      // Where the tree has a symlink on the way now, the path leads through it.
      const names = path.split('/').slice(1);
      let inode = ROOT_INODE;
      const isLinked = names.slice(0, -1).some((name) => {
        inode = inode === 0 || tree.kind(inode) !== 'dir' ? 0 : tree.lookup(inode, Buffer.from(name));
        return inode !== 0 && tree.kind(inode) === 'symlink';
      });
      if (isLinked) continue;
      expect((await listed(layers, `/${names.join('/')}`, true)).rows).toContain(line);
    }
  };
  await fc.assert(fc.asyncProperty(stack, check), { numRuns: 200 });
});

it('lists more directories, and more hidden ones, than a call takes arguments', async () => {
  const many = Array.from({ length: 130_000 }, (_, i) => i);
  const halves = [many.slice(0, many.length / 2), many.slice(many.length / 2)]; // a layer takes as many
  const shown = halves.map((half) => half.map((i) => dir(`d/${i}/`)));
  expect((await listed(shown, '/d')).headings).toHaveLength(many.length + 1);
  const hidden = halves.map((half) => half.map((i) => file(`gone/${i}`, '')));
  expect((await listed([...hidden, [whiteout('gone')]], '/gone/*')).rows).toHaveLength(many.length);
});
