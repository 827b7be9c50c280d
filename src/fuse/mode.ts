import type { InodeKind } from '../overlay/tree.js';

/** S_IFMT bits of each kind (inode(7)). DT_* is the same number shifted right by 12. */
const TYPE_BITS: Record<InodeKind, number> = {
  fifo: 0o010000,
  char: 0o020000,
  dir: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
};

export function typeBits(kind: InodeKind): number {
  return TYPE_BITS[kind];
}

/** DT_* of readdir(3). */
export function direntType(kind: InodeKind): number {
  return TYPE_BITS[kind] >>> 12;
}

/**
 * Returns a device number in the kernel's encoding, new_encode_dev: 12 bits of major, 20 bits of
 * minor whose upper 12 are above the major. No Linux kernel has more bits; a tar header's are cut.
 */
export function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}
