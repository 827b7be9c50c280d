import { constants } from 'node:fs';
import type { Attributes } from '../fs/layer-fs.js';
import { EACCES, EROFS } from './errno.js';

const { W_OK, X_OK } = constants;

/**
 * Returns the result of access(2) where the kernel does not check modes itself (no
 * `default_permissions`). A user that is let in reads all files, and executes those with any x bit.
 * The kernel then applies the same rule to execve(2).
 * @param mask the program's argument
 * @returns 0 if allowed
 */
export function accessErrno(mask: number, { kind, mode }: Attributes): number {
  if (mask & W_OK) return EROFS;
  if (mask & X_OK && kind === 'file' && (mode & 0o111) === 0) return EACCES;
  return 0;
}
