import { IMPLIED_DIRECTORY, type ListedEntry, shownEntry } from '../../../image/records/entry-record.js';
import type { EntryTable } from '../../../index/entry-table.js';
import type { HiddenNode, HiddenVersion } from '../../../overlay/history/hidden-tree.js';
import type { Tree } from '../../../overlay/tree.js';

/** One name of a listing: an entry of the merged tree, or one that upper layers hide. */
export interface ListedRow {
  name: Uint8Array; // as it is shown
  /** Where its attributes are; undefined: a directory that no entry names. */
  from: Tree | EntryTable | undefined;
  at: number; // inode of the tree, or row of the table
  layer: number;
  hidden: Pick<HiddenVersion, 'hiddenBy' | 'how'> | undefined;
}

export function entryOf({ from, at }: ListedRow): ListedEntry {
  return from ? shownEntry(from, at) : IMPLIED_DIRECTORY;
}

export function isDirectory({ from, at }: ListedRow): boolean {
  return !from || from.kind(at) === 'dir';
}

export function liveRow(tree: Tree, inode: number, name: Uint8Array): ListedRow {
  return { name, from: tree, at: inode, layer: tree.layerOf(inode), hidden: undefined };
}

/**
 * Returns a row for each hidden entry of a path, and one for a directory that only the hidden
 * entries below it imply.
 * @param isLiveDirectory the tree has a directory there
 */
export function hiddenRows(node: HiddenNode, name: Uint8Array, isLiveDirectory: boolean): ListedRow[] {
  const rows: ListedRow[] = node.versions.map((version) => ({
    name,
    from: version.entries,
    at: version.row,
    layer: version.layer,
    hidden: version,
  }));
  if (node.children && !isLiveDirectory && !rows.some(isDirectory)) rows.push(impliedRow(node, name));
  return rows;
}

/**
 * Returns the rows of a directory, unsorted.
 * @param inode 0: the tree does not have the directory
 * @param hidden what upper layers hide in it
 */
export function rowsOf(tree: Tree, inode: number, hidden: HiddenNode | undefined): ListedRow[] {
  const rows: ListedRow[] = [];
  const [start, end] = inode === 0 ? [0, 0] : [tree.childStart(inode), tree.childEnd(inode)];
  for (let dentry = start; dentry < end; dentry++)
    rows.push(liveRow(tree, tree.dentryInode(dentry), tree.dentryName(dentry)));
  for (const node of hidden?.children?.values() ?? []) {
    const isLiveDirectory = directoryNamed(tree, inode, node.name) !== 0;
    rows.push(...hiddenRows(node, node.name, isLiveDirectory));
  }
  return rows;
}

/** Returns the inode of a directory in a directory of the tree, 0 if there is none. */
export function directoryNamed(tree: Tree, parent: number, name: Uint8Array): number {
  const child = parent === 0 ? 0 : tree.lookup(parent, name);
  return child !== 0 && tree.kind(child) === 'dir' ? child : 0;
}

/**
 * The first hidden entry below the directory says when it was hidden, or which layer only hides
 * something below it.
 */
function impliedRow(node: HiddenNode, name: Uint8Array): ListedRow {
  let below = node;
  do below = below.children!.values().next().value!;
  while (below.versions.length === 0);
  const { layer, hiddenBy, how } = below.versions[0]!;
  const implied = { name, from: undefined, at: 0 };
  if (node.remains) return { ...implied, layer: hiddenBy, hidden: undefined };
  return { ...implied, layer, hidden: { hiddenBy, how } };
}
