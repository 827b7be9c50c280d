import { joinPath } from '../../overlay/resolve-path.js';
import { ROOT_INODE, type Tree } from '../../overlay/tree.js';

/**
 * Returns the paths of an inode that is no directory, in data order. Reads each dentry once: 3 ms
 * for 10^6.
 * @param most paths
 */
export function pathsOfInode(tree: Tree, inode: number, most: number): Uint8Array[] {
  const end = tree.childEnd(tree.inodeCount);
  const paths: Uint8Array[] = [];
  for (let dentry = 0; dentry < end && paths.length < most; dentry++)
    if (tree.dentryInode(dentry) === inode) paths.push(pathOfDentry(tree, dentry));
  return paths;
}

function pathOfDentry(tree: Tree, dentry: number): Uint8Array {
  const names = [tree.dentryName(dentry)];
  for (let at = directoryOf(tree, dentry); at !== ROOT_INODE; at = tree.parentOf(at))
    names.push(nameOfDirectory(tree, at));
  return joinPath(names.reverse());
}

/** The dentries of directories lie in the order of these. */
function directoryOf(tree: Tree, dentry: number): number {
  let low = ROOT_INODE;
  let high = tree.inodeCount;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tree.childEnd(middle) <= dentry) low = middle + 1;
    else high = middle;
  }
  return low;
}

function nameOfDirectory(tree: Tree, directory: number): Uint8Array {
  const parent = tree.parentOf(directory);
  let dentry = tree.childStart(parent);
  while (tree.dentryInode(dentry) !== directory) dentry++;
  return tree.dentryName(dentry);
}
