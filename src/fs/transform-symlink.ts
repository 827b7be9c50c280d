import { ROOT_INODE, type Tree } from '../overlay/tree.js';
import { MAX_LINK_TARGET_LENGTH } from '../tar/limits.js';

const SLASH = 0x2f;

/**
 * Returns the target of a symlink, an absolute one redirected below the mountpoint: `/etc/x` in
 * `/a/b` becomes `../etc/x`. So it also works in a bind mount (sshfs, `transform_symlinks`). A link
 * with several names may need different relative targets, so it gets the mountpoint as prefix
 * instead. A target that would exceed 4095 bytes is unchanged.
 */
export function transformSymlink(tree: Tree, inode: number, mountpoint: string): Uint8Array {
  const target = tree.linkTarget(inode);
  if (target[0] !== SLASH) return target;
  const below = belowRoot(target);
  const prefix =
    tree.nlink(inode) === 1 ? '../'.repeat(depthOf(tree, tree.parentOf(inode))) : `${mountpoint}/`;
  const transformed = Buffer.concat([Buffer.from(below.length > 0 ? prefix : prefix.slice(0, -1)), below]);
  if (transformed.length > MAX_LINK_TARGET_LENGTH) return target;
  return transformed.length > 0 ? transformed : Buffer.from('.');
}

/** Strips the slashes, `.` and `..` before an absolute target's first name: all mean the root. */
function belowRoot(target: Uint8Array): Uint8Array {
  const text = Buffer.from(target).toString('latin1');
  return target.subarray(/^(?:\/+(?:\.{1,2}(?=\/|$))?)*/.exec(text)![0].length);
}

function depthOf(tree: Tree, directory: number): number {
  let depth = 0;
  for (let at = directory; at !== ROOT_INODE; at = tree.parentOf(at)) depth++;
  return depth;
}
