import type { EntryTable } from '../index/entry-table.js';
import type { EntryKind } from '../tar/entry.js';

/** The inode number of the root, as FUSE wants it (FUSE_ROOT_ID). */
export const ROOT_INODE = 1;

/** A symlink's mode is not the archive's: Linux has no other. (symlink(7)) */
export const SYMLINK_MODE = 0o777;

/** What an inode can be: hard links have become names of one inode. */
export type InodeKind = Exclude<EntryKind, 'hardlink'>;

/**
 * The merged tree: inodes (numbered 1 to inodeCount, ascending in data order) and dentries. Columns
 * inside; a getter allocates nothing unless it returns a view. Attributes that no layer gave
 * (implied parents) are the defaults of rule O1. The tree holds no file contents:
 * `layerOf` and `rowOf` say where they are.
 *
 * The layer (by its digest, or within an image its number) and the row identify an inode, so that
 * trees of two images can be compared: hard links are one inode, each other row is at most one.
 * Only implied directories have no row.
 */
export interface Tree {
  readonly inodeCount: number;
  /** Sum of 4 KiB blocks that file contents and directories take; for statfs. */
  readonly blocks: number;

  kind(inode: number): InodeKind;
  mode(inode: number): number; // 0 to 0o7777
  uid(inode: number): number;
  gid(inode: number): number;
  size(inode: number): number; // directories 4096, symlinks the target's length
  /** 512-byte units of data: ceil(size/512), of a sparse file its data only; 0 if no file. */
  blocks512(inode: number): number;
  mtimeSeconds(inode: number): number;
  mtimeNanoseconds(inode: number): number;
  deviceMajor(inode: number): number;
  deviceMinor(inode: number): number;
  nlink(inode: number): number; // of a directory 2 + its subdirectories
  /** Number of the inode's layer (1 is the base); 0: the root of an image without layers. */
  layerOf(inode: number): number;
  /** Row of the inode's entry in that layer's table; -1 when implied. */
  rowOf(inode: number): number;
  linkTarget(inode: number): Uint8Array; // symlinks only
  xattrs(inode: number): readonly { name: Uint8Array; value: Uint8Array }[];

  /** The inode that `name` is in directory `parent`, 0 when there is none. */
  lookup(parent: number, name: Uint8Array): number;
  /** A directory's parent (the root's is the root); else the directory of its first name. */
  parentOf(inode: number): number;
  /** Its children are the dentries `childStart(dir)` to `childEnd(dir) - 1`, in data order. */
  childStart(directory: number): number;
  childEnd(directory: number): number;
  dentryInode(dentry: number): number;
  dentryName(dentry: number): Uint8Array; // a view
}

/** What trees are merged from. */
export interface NumberedLayer {
  entries: EntryTable;
  number: number; // from 1, base first; numbers may be missing when only some layers are shown
  /** Its root's marker entries of eStargz and zstd:chunked are not shown. (rule O10) */
  hidesTableMarkers?: boolean | undefined;
}

/** Returns the attributes that trees and tables have alike. @param at an inode, or a row */
export function attributesOf(from: Tree | EntryTable, at: number) {
  return {
    mode: from.mode(at),
    uid: from.uid(at),
    gid: from.gid(at),
    size: from.size(at),
    mtimeSeconds: from.mtimeSeconds(at),
    mtimeNanoseconds: from.mtimeNanoseconds(at),
    deviceMajor: from.deviceMajor(at),
    deviceMinor: from.deviceMinor(at),
  };
}
