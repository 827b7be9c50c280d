import { joinPath } from '../../overlay/resolve-path.js';
import { ROOT_INODE, type Tree } from '../../overlay/tree.js';

/** The directory of each dentry, and the dentry of each directory: 4 bytes each. */
interface Parents {
  directories: Uint32Array; // by dentry
  dentries: Uint32Array; // by directory
}

const known = new WeakMap<Tree, Parents>();

/**
 * Returns the paths of an inode that is no directory, in data order.
 * @param most paths
 */
export function pathsOfInode(tree: Tree, inode: number, most: number): Uint8Array[] {
  const { directories, dentries } = parentsOf(tree);
  const paths: Uint8Array[] = [];
  for (let dentry = 0; dentry < directories.length && paths.length < most; dentry++) {
    if (tree.dentryInode(dentry) !== inode) continue;
    const names = [tree.dentryName(dentry)];
    for (let at = directories[dentry]!; at !== ROOT_INODE; at = directories[dentries[at]!]!)
      names.push(tree.dentryName(dentries[at]!));
    paths.push(joinPath(names.reverse()));
  }
  return paths;
}

function parentsOf(tree: Tree): Parents {
  let found = known.get(tree);
  if (found) return found;
  const directories = new Uint32Array(Math.max(0, tree.childEnd(tree.inodeCount)));
  const dentries = new Uint32Array(tree.inodeCount + 1);
  for (let inode = ROOT_INODE; inode <= tree.inodeCount; inode++) {
    for (let dentry = tree.childStart(inode); dentry < tree.childEnd(inode); dentry++) {
      directories[dentry] = inode;
      const child = tree.dentryInode(dentry);
      if (tree.kind(child) === 'dir') dentries[child] = dentry;
    }
  }
  found = { directories, dentries };
  known.set(tree, found);
  return found;
}
