import type { InodeKind } from '../overlay/tree.js';

/** What `stat` shows. One object is filled again and again, so that a getattr allocates nothing. */
export class Attributes {
  inode = 0;
  kind: InodeKind = 'file';
  mode = 0; // 0 to 0o7777, without the type
  nlink = 0;
  uid = 0;
  gid = 0;
  deviceMajor = 0;
  deviceMinor = 0;
  size = 0; // bytes
  blocks = 0; // 512-byte units
  mtimeSeconds = 0; // also atime and ctime
  mtimeNanoseconds = 0;
}

export interface Statfs {
  blockSize: number; // 4096
  blocks: number; // of blockSize
  files: number;
  nameMax: number; // 255
}

/** Bytes of a file: at once from memory, or later from the network. */
export type FileBytes = Uint8Array | Promise<Uint8Array>;

/** @param next the cursor after the name. @returns false to stop */
export type VisitName = (name: Uint8Array, inode: number, kind: InodeKind, next: number) => boolean;

/**
 * The read-only file system by inode, which all transports serve. Expected misses are values. Wrong
 * use (a missing inode, a readlink of a file) throws INVALID_ARGUMENT.
 */
export interface LayerFs {
  /** Returns the inode of `name` in `parent`; 0 if none. The kernel handles `.` and `..`. */
  lookup(parent: number, name: Uint8Array): number;
  getattr(inode: number, into: Attributes): Attributes;
  /** Returns a path of the inode from the root, for messages: the first of several names. */
  pathOf(inode: number): Uint8Array;
  readlink(inode: number): Uint8Array;
  /**
   * Calls `visit` for the names of a directory from the cursor `offset` (0: the start), `.` and
   * `..` first. Cursors are stable for the life of the mount.
   */
  readdir(directory: number, offset: number, visit: VisitName): void;
  /**
   * Bytes of a file from `offset`, at most `length`, fewer only at the end of the file.
   * @throws LayerslayerError: any network, digest or layer fault
   */
  read(inode: number, offset: number, length: number, signal?: AbortSignal): FileBytes;
  /**
   * Returns the start of the next data, or hole, of a file at or after `offset` (lseek(2));
   * undefined if there is none. A file's end begins a hole.
   */
  seek(inode: number, offset: number, what: 'data' | 'hole'): number | undefined;
  /** Returns the attribute's value, also of `layerslayer.*`; undefined if there is none. */
  getxattr(inode: number, name: Uint8Array): Uint8Array | undefined;
  /** Names of the image's own attributes, each ended by NUL. */
  listxattr(inode: number): Uint8Array;
  statfs(): Statfs;
}

const DOT = 0x2e;

/** Returns whether the name is `.` or `..`. */
export function isDotOrDotDot(name: Uint8Array): boolean {
  return name[0] === DOT && (name.length === 1 || (name.length === 2 && name[1] === DOT));
}
