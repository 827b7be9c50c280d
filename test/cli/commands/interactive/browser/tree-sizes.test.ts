import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TreeModel } from '#src/cli/commands/interactive/browser/tree/tree-model.js';
import { directorySizes } from '#src/cli/commands/interactive/browser/tree/tree-sizes.js';
import { joinPath, resolvePath } from '#src/overlay/resolve-path.js';
import { ROOT_INODE } from '#src/overlay/tree.js';
import { ALL_LAYERS, treeUsage } from '#src/overlay/usage/tree-usage.js';
import { usageRows } from '#src/overlay/usage/usage-rows.js';
import { randomTree } from './trees.js';

it('sums up directories as du does', async () => {
  await fc.assert(
    fc.asyncProperty(randomTree, async ({ tree: { view } }) => {
      const { tree } = view;
      const sizes = await directorySizes(tree, new AbortController().signal);
      const columns = treeUsage(tree, [{ inode: ROOT_INODE, names: [] }]);
      for (const { names, bytes, group } of usageRows(columns, 'name')) {
        expect(group).toBe(ALL_LAYERS);
        const found = resolvePath(tree, names, 'parents');
        if (found.kind !== 'found') throw new Error(`no ${joinPath(names)}`);
        expect(sizes[found.inode]).toBe(bytes);
      }
    }),
  );
});

it('orders entries by size, and each row is still found', async () => {
  await fc.assert(
    fc.asyncProperty(randomTree, async ({ tree }) => {
      await tree.sumUp(new AbortController().signal);
      const model = new TreeModel(tree);
      model.setBySize(true);
      const { rows } = model;
      for (let index = 0; index < rows.count; index++) rows.unfold(index);
      for (let index = 1; index < rows.count; index++) {
        const row = rows.at(index);
        expect(rows.reveal(row)).toBe(index);
        const next = index + 1 < rows.count ? rows.at(index + 1) : undefined;
        if (next && next.depth === row.depth)
          expect(tree.bytesOf(next.ref) ?? -1).toBeLessThanOrEqual(tree.bytesOf(row.ref) ?? -1);
      }
    }),
  );
});
