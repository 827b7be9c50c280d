import { ROOT_INODE, type Tree } from '../tree.js';

/**
 * Lists every name of a tree: the largest files first, then the rest, both in data order where they
 * are alike. Holds 28 bytes a name.
 */
export function* largestFirst(
  tree: Tree,
): Generator<{ inode: number; names: readonly Uint8Array[] }, void, undefined> {
  const { parents, ownDentries } = parentColumns(tree);
  const sizes = Float64Array.from(parents, (_, dentry) => sizeForOrder(tree, tree.dentryInode(dentry)));
  const order = Uint32Array.from(parents.keys()).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  let isRootListed = false;
  for (const dentry of order) {
    const inode = tree.dentryInode(dentry);
    // The root has no dentry. It is the first of the rest.
    if (!isRootListed && tree.kind(inode) !== 'file') {
      isRootListed = true;
      yield { inode: ROOT_INODE, names: [] };
    }
    const names = [tree.dentryName(dentry)];
    for (let at = parents[dentry]!; at !== ROOT_INODE; at = parents[ownDentries[at]!]!)
      names.push(tree.dentryName(ownDentries[at]!));
    yield { inode, names: names.reverse() };
  }
  if (!isRootListed) yield { inode: ROOT_INODE, names: [] };
}

/** Anything but a file comes after the empty files. */
function sizeForOrder(tree: Tree, inode: number): number {
  return tree.kind(inode) === 'file' ? tree.size(inode) : -1;
}

/** The directory of each dentry, and the dentry of each directory. */
function parentColumns(tree: Tree): { parents: Uint32Array; ownDentries: Uint32Array } {
  let count = 0;
  for (let inode = ROOT_INODE; inode <= tree.inodeCount; inode++)
    count = Math.max(count, tree.childEnd(inode));
  const parents = new Uint32Array(count);
  const ownDentries = new Uint32Array(tree.inodeCount + 1);
  for (let inode = ROOT_INODE; inode <= tree.inodeCount; inode++) {
    for (let dentry = tree.childStart(inode); dentry < tree.childEnd(inode); dentry++) {
      parents[dentry] = inode;
      const child = tree.dentryInode(dentry);
      if (tree.kind(child) === 'dir') ownDentries[child] = dentry;
    }
  }
  return { parents, ownDentries };
}
