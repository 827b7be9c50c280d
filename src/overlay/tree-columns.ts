import { mapColumns, shared } from '../base/columns.js';
import { LayerslayerError } from '../base/errors.js';
import { type DentryColumns, type InodeColumns, MergedTree, type NameSlots } from './merged-tree.js';
import type { NumberedLayer, Tree } from './tree.js';

/** A merged tree as a message carries it: without the tables of its layers. */
export interface TreeColumns {
  inodes: Omit<InodeColumns, 'tables'>;
  dentries: Omit<DentryColumns, 'heaps'>;
  spareNames: Uint8Array; // the heap that is of no layer
  blocks: number;
  names: NameSlots | undefined; // if they are built
}

/** Returns the columns of a tree that a merge made, or that was loaded. Views. */
export function treeColumns(tree: Tree): TreeColumns {
  if (!(tree instanceof MergedTree)) throw new LayerslayerError('INTERNAL', 'a tree without columns');
  const { tables: _, ...inodes } = tree.inodes;
  const { heaps, ...dentries } = tree.dentries;
  return { inodes, dentries, spareNames: heaps.at(-1)!, blocks: tree.blocks, names: tree.builtNames };
}

/**
 * Returns the columns of a tree in memory that threads share, with all that its first lookup would
 * build.
 */
export function sharedTree(tree: MergedTree): TreeColumns {
  tree.prepareLookups();
  const { inodes, dentries, spareNames, blocks, names } = treeColumns(tree);
  const { layerNumbers, ...inodeColumns } = inodes;
  return {
    inodes: { ...mapColumns(inodeColumns, shared), layerNumbers },
    dentries: mapColumns(dentries, shared),
    spareNames: shared(spareNames),
    blocks,
    names: names && { ...names, slots: shared(names.slots) },
  };
}

/** @param layers that the tree was merged from */
export function treeOfColumns(
  { inodes, dentries, spareNames, blocks, names }: TreeColumns,
  layers: readonly NumberedLayer[],
): Tree {
  const tables = layers.map(({ entries }) => entries);
  const heaps = [...tables.map(({ pathHeap }) => pathHeap), spareNames];
  return new MergedTree({ ...inodes, tables }, { ...dentries, heaps }, { blocks, names });
}
