import { constants } from 'node:fs';
import type { Attributes } from '../fs/layer-fs.js';
import { EACCES, EROFS } from './errno.js';

const { W_OK, X_OK } = constants;

/**
 * What access(2) is answered when the kernel does not go by modes itself (no `default_permissions`): whoever is let in
 * reads everything, and executes what anybody may. The same rule as the kernel's own for execve(2) then.
 * @param mask as the program gave it
 * @returns 0 when allowed
 */
export function accessErrno(mask: number, { kind, mode }: Attributes): number {
  if (mask & W_OK) return EROFS;
  if (mask & X_OK && kind === 'file' && (mode & 0o111) === 0) return EACCES;
  return 0;
}
