import type { InodeKind } from '../overlay/tree.js';

/** What `stat` shows; one object is filled again and again so that a getattr allocates nothing. */
export interface Attributes {
  inode: number;
  kind: InodeKind;
  mode: number; // 0 to 0o7777, without the type
  nlink: number;
  uid: number;
  gid: number;
  deviceMajor: number;
  deviceMinor: number;
  size: number; // bytes
  blocks: number; // 512-byte units
  mtimeSeconds: number; // also atime and ctime
  mtimeNanoseconds: number;
}

/** One to fill. */
export function newAttributes(): Attributes {
  return {
    inode: 0,
    kind: 'file',
    mode: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    size: 0,
    blocks: 0,
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
  };
}

export interface Statfs {
  blockSize: number; // 4096
  blocks: number; // of blockSize
  files: number;
  nameMax: number; // 255
}

/**
 * The read-only file system by inode: what every transport speaks. Expected misses are values; wrong use (an inode
 * that is not there, a readlink of a file) throws INVALID_ARGUMENT.
 */
export interface LayerFs {
  /** The inode of `name` in directory `parent`, 0 when there is none. `.` and `..` are the kernel's own business. */
  lookup(parent: number, name: Uint8Array): number;
  getattr(inode: number, into: Attributes): Attributes;
  readlink(inode: number): Uint8Array;
  /**
   * Visits the names of a directory from the cursor `offset` on (0: from the start), `.` and `..` first. `next` is
   * the cursor after this name: stable for the life of the mount. Stops when `visit` returns false.
   */
  readdir(
    directory: number,
    offset: number,
    visit: (name: Uint8Array, inode: number, kind: InodeKind, next: number) => boolean,
  ): void;
  /**
   * Bytes of a file from `offset`, at most `length`, fewer only at the end of the file.
   * @throws LayerslayerError: any network, digest or layer fault
   */
  read(inode: number, offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array>;
  /**
   * Where the next data, or the next hole, of a file begins at or after `offset` (lseek(2)); its end begins a hole too.
   * Undefined when there is none.
   */
  seek(inode: number, offset: number, what: 'data' | 'hole'): number | undefined;
  /** The attribute's value, undefined when the inode has none of that name. Answers `layerslayer.*` too. */
  getxattr(inode: number, name: Uint8Array): Uint8Array | undefined;
  /** Names of the image's own attributes, each ended by NUL. */
  listxattr(inode: number): Uint8Array;
  statfs(): Statfs;
}
