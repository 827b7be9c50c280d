import { constants } from 'node:fs';
import type { Attributes } from '../fs/layer-fs.js';
import type { InodeKind } from '../overlay/tree.js';
import { EACCES, EROFS } from './errno.js';

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

/**
 * Returns the result of access(2) where the kernel does not check modes itself (no
 * `default_permissions`). A user that is let in reads all files, and executes those with any x bit.
 * The kernel then applies the same rule to execve(2).
 * @param mask the program's argument
 * @returns 0 if allowed
 */
export function accessErrno(mask: number, { kind, mode }: Attributes): number {
  if (mask & constants.W_OK) return EROFS;
  if (mask & constants.X_OK && kind === 'file' && (mode & 0o111) === 0) return EACCES;
  return 0;
}
