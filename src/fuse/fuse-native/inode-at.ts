import { Attributes, type LayerFs } from '../../fs/layer-fs.js';
import { type PathTree, resolvePath, splitPath } from '../../overlay/resolve-path.js';
import { ENAMETOOLONG, ENOENT, ENOTDIR } from '../errno.js';
import { NAME_MAX } from '../kernel-numbers.js';

/** Returns the file system in the form that paths are resolved in. */
export function pathTreeOf(fs: LayerFs): PathTree {
  const attributes = new Attributes();
  return {
    kind: (inode) => fs.getattr(inode, attributes).kind,
    lookup: (directory, name) => fs.lookup(directory, name),
    linkTarget: (inode) => fs.readlink(inode),
  };
}

/**
 * Finds the inode of a path that libfuse asks for. The kernel has resolved its symlinks.
 * @param path from the root of the mount: `/`, `/etc/name`
 * @returns the inode, or a negative errno
 */
export function inodeAt(tree: PathTree, path: string): number {
  const resolved = resolvePath(tree, splitPath(Buffer.from(path)), 'none');
  if (resolved.kind === 'found') return resolved.inode;
  if (resolved.kind === 'missing') return resolved.name.length > NAME_MAX ? -ENAMETOOLONG : -ENOENT;
  return -ENOTDIR;
}
