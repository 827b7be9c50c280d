/**
 * Layouts and constants of linux/fuse.h, under its names. Each struct has its size and the byte
 * offsets of the fields that are used here. All integers are in host byte order; structs are padded
 * to 8 bytes.
 */

/** The version of the header that this transport was written from. */
export const FUSE_KERNEL_VERSION = 7;
export const FUSE_KERNEL_MINOR_VERSION = 38;

export const FUSE_IN_HEADER = { len: 0, opcode: 4, unique: 8, nodeid: 16, pid: 32, SIZE: 40 } as const;
export const FUSE_OUT_HEADER = { len: 0, error: 4, unique: 8, SIZE: 16 } as const;

export const FUSE_INIT_IN = { major: 0, minor: 4, max_readahead: 8, flags: 12, SIZE: 16 } as const;
export const FUSE_INIT_OUT = {
  major: 0,
  minor: 4,
  max_readahead: 8,
  flags: 12,
  max_background: 16,
  congestion_threshold: 18,
  max_write: 20,
  time_gran: 24,
  max_pages: 28,
  SIZE: 64,
} as const;

export const FUSE_ATTR = {
  ino: 0,
  size: 8,
  blocks: 16,
  atime: 24,
  mtime: 32,
  ctime: 40,
  atimensec: 48,
  mtimensec: 52,
  ctimensec: 56,
  mode: 60,
  nlink: 64,
  uid: 68,
  gid: 72,
  rdev: 76,
  blksize: 80,
  flags: 84,
  SIZE: 88,
} as const;

export const FUSE_ENTRY_OUT = {
  nodeid: 0,
  generation: 8,
  entry_valid: 16,
  attr_valid: 24,
  entry_valid_nsec: 32,
  attr_valid_nsec: 36,
  attr: 40,
  SIZE: 128,
} as const;

export const FUSE_ATTR_OUT = { attr_valid: 0, attr: 16, SIZE: 104 } as const;

export const FUSE_DIRENT = { ino: 0, off: 8, namelen: 16, type: 20, name: 24 } as const;

export const FUSE_OPEN_OUT = { open_flags: 8, SIZE: 16 } as const;

/** Also the argument of READDIR and READDIRPLUS. */
export const FUSE_READ_IN = { offset: 8, size: 16, SIZE: 40 } as const;

/** Also the argument of LISTXATTR; for GETXATTR the name follows, ended by NUL. */
export const FUSE_GETXATTR_IN = { size: 0, SIZE: 8 } as const;
export const FUSE_GETXATTR_OUT = { size: 0, SIZE: 8 } as const;

export const FUSE_STATFS_OUT = {
  blocks: 0,
  files: 24,
  bsize: 40,
  namelen: 44,
  frsize: 48,
  SIZE: 80,
} as const;

export const FUSE_ACCESS_IN = { mask: 0, SIZE: 8 } as const;

export const FUSE_LSEEK_IN = { offset: 8, whence: 16, SIZE: 24 } as const;
export const FUSE_LSEEK_OUT = { offset: 0, SIZE: 8 } as const;

export const FUSE_INTERRUPT_IN = { unique: 0, SIZE: 8 } as const;

/** Flags of INIT. */
export const FUSE_ASYNC_READ = 1 << 0;
export const FUSE_EXPORT_SUPPORT = 1 << 4;
export const FUSE_DO_READDIRPLUS = 1 << 13;
export const FUSE_NO_OPEN_SUPPORT = 1 << 17;
export const FUSE_PARALLEL_DIROPS = 1 << 18;
export const FUSE_MAX_PAGES = 1 << 22;
export const FUSE_CACHE_SYMLINKS = 1 << 23;
export const FUSE_NO_OPENDIR_SUPPORT = 1 << 24;

/** Flags of the reply to OPEN and OPENDIR. */
/** Written to the device unasked, as `error` of an out header without a request's number. */
export const FUSE_NOTIFY_INVAL_INODE = 2;
export const FUSE_NOTIFY_INVAL_INODE_OUT = { ino: 0, off: 8, len: 16, SIZE: 24 } as const;

export const FOPEN_KEEP_CACHE = 1 << 1;
export const FOPEN_CACHE_DIR = 1 << 3;
