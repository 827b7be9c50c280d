import { type SearchedLayer, searchedLayers } from '../../catalog/search/search-image.js';
import type { ImageView } from '../../image/opened-image.js';
import { type LoadedTree, type TreeColumns, treeColumns, treeOfColumns } from '../../overlay/open-tree.js';
import type { NumberedLayer, Tree } from '../../overlay/tree.js';
import { type GivenLayer, givenLayer, layerOf } from './given-layer.js';

/** A view as a message carries it: an analysis needs no merge. */
export interface GivenView {
  layers: readonly GivenLayer[];
  tree: TreeColumns;
}

/** A merged tree as a message carries it. */
export interface GivenTree {
  columns: TreeColumns;
  warnings: readonly string[]; // of its merge
}

/** A view in a thread that was given it. */
export interface HeldView {
  layers: readonly ReturnType<typeof layerOf>[];
  tree: Tree;
  searched: readonly SearchedLayer[];
}

/** @throws LayerslayerError INTERNAL for entries or a tree that are no columns */
export function givenView({ layers, tree }: ImageView): GivenView {
  return { layers: layers.map(givenLayer), tree: treeColumns(tree) };
}

/** Returns the view in the thread that was given it. */
export function heldView({ layers, tree }: GivenView): HeldView {
  const held = layers.map(layerOf);
  return { layers: held, tree: treeOfColumns(tree, held), searched: searchedLayers(held) };
}

/** Returns the tree in the thread that was given it. */
export function treeOfGiven({ columns, warnings }: GivenTree, layers: readonly NumberedLayer[]): LoadedTree {
  return { tree: treeOfColumns(columns, layers), warnings };
}
