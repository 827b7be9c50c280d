import type { Tree } from '../tree.js';

/** What can differ between two entries of one name. */
export type DifferentField =
  | 'kind'
  | 'mode'
  | 'owner' // uid or gid
  | 'size' // of files: of others it follows from the kind or the target
  | 'content'
  | 'target'
  | 'device'
  | 'xattrs'
  | 'mtime';

/** An inode of a tree. */
export interface TreeInode {
  tree: Tree;
  inode: number;
}

/**
 * Returns what differs between two inodes, without the contents of files of the same size: only
 * their bytes can tell. Hard links are not compared, each name is the file that it leads to.
 * @param times whether modification times count
 */
export function differentFields(from: TreeInode, to: TreeInode, times: boolean): DifferentField[] {
  const fields: DifferentField[] = [];
  const differs = (get: 'kind' | 'mode' | 'uid' | 'gid' | 'size' | 'mtimeSeconds' | 'mtimeNanoseconds') =>
    from.tree[get](from.inode) !== to.tree[get](to.inode);
  const kind = differs('kind') ? undefined : from.tree.kind(from.inode);
  if (kind === undefined) fields.push('kind');
  if (differs('mode')) fields.push('mode');
  if (differs('uid') || differs('gid')) fields.push('owner');
  if (kind === 'file' && differs('size')) fields.push('size', 'content');
  if (kind === 'symlink' && !sameBytes(from.tree.linkTarget(from.inode), to.tree.linkTarget(to.inode)))
    fields.push('target');
  if ((kind === 'char' || kind === 'block') && !sameDevice(from, to)) fields.push('device');
  if (!sameXattrs(from, to)) fields.push('xattrs');
  if (times && (differs('mtimeSeconds') || differs('mtimeNanoseconds'))) fields.push('mtime');
  return fields;
}

function sameDevice(from: TreeInode, to: TreeInode): boolean {
  return (
    from.tree.deviceMajor(from.inode) === to.tree.deviceMajor(to.inode) &&
    from.tree.deviceMinor(from.inode) === to.tree.deviceMinor(to.inode)
  );
}

/** The order of attributes has no meaning. */
function sameXattrs(from: TreeInode, to: TreeInode): boolean {
  const [some, others] = [from.tree.xattrs(from.inode), to.tree.xattrs(to.inode)];
  if (some.length !== others.length) return false;
  if (some.length === 0) return true;
  const values = new Map(others.map(({ name, value }) => [keyOf(name), value]));
  return some.every(({ name, value }) => {
    const other = values.get(keyOf(name));
    return other !== undefined && sameBytes(value, other);
  });
}

const keyOf = (name: Uint8Array) => Buffer.from(name).toString('latin1');

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}
