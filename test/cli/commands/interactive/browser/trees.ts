import fc from 'fast-check';
import {
  type BrowsedTree as Browsed,
  BrowsedTree,
} from '#src/cli/commands/interactive/browser/tree/browsed-tree.js';
import type { OpenedLayer } from '#src/image/opened-image.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { stack } from '../../../../overlay/random-layers.js';
import type { Stack } from '../../../../overlay/trees.js';
import { layerWith } from '../../../../support/entries.js';

/** A tree to browse, of layers as lists of entries. */
export function browsedTree(layers: Stack): Browsed {
  const opened = layers.map((entries, i): OpenedLayer => {
    const layer = layerWith(i + 1, ...entries);
    return { number: i + 1, layer, entries: layer.entries };
  });
  const byNumber = new Map(opened.map(({ number, layer }) => [number, layer]));
  return new BrowsedTree({ tree: mergeLayers(opened), layers: opened, byNumber });
}

/** Random layers, and whether hidden entries are shown. */
export const randomTree = fc.tuple(stack, fc.boolean()).map(([layers, showsHidden]) => {
  const tree = browsedTree(layers);
  tree.setHidden(showsHidden);
  return { layers, tree };
});
