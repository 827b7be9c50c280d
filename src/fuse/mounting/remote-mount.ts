import type { MountEntry } from './mount-table.js';

/**
 * Types whose files another process or machine serves, which may be dead or hung. `autofs` waits
 * for the mount behind it.
 */
const REMOTE_TYPE =
  /^(?:fuse|nfs|cifs|smb|9p|ceph|afs|autofs|virtiofs|vboxsf|lustre|gpfs|beegfs|orangefs|coda|ocfs2|gfs2)/;

/**
 * Returns the innermost remote file system that a path is on or passes, undefined if all are local.
 */
export function remoteMountOf(table: readonly MountEntry[], path: string): MountEntry | undefined {
  return table.findLast((entry) => REMOTE_TYPE.test(entry.type) && isWithin(path, entry.mountpoint));
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}
