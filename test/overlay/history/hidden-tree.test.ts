import { expect, it } from 'vitest';
import { hiddenTree } from '#src/overlay/history/hidden-tree.js';
import { file, layerWith, whiteout } from '../../support/entries.js';

it('counts the directories above hidden entries too: a path may have 2,000', () => {
  const tables = [layerWith(1, file(`d/${'d/'.repeat(98)}x`, '')), layerWith(2, whiteout('d'))];
  const layers = tables.map(({ entries }, i) => ({ number: i + 1, entries }));
  expect([...hiddenTree(layers, 101).children!.keys()]).toEqual(['d']);
  expect(() => hiddenTree(layers, 99)).toThrow('hide more than 99 entries');
});
