import { readFile } from 'node:fs/promises';
import { procFault } from '../../base/process/proc.js';
import { textOfBytes } from '../../base/text/raw-text.js';

export const SUBTYPE = 'layerslayer';

/** Our type in /proc/mounts. It marks our mounts, and mount(8) and fstab use it. */
export const FILE_SYSTEM_TYPE = `fuse.${SUBTYPE}`;

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface MountEntry {
  id: number;
  parentId: number;
  device: string; // `major:minor`, st_dev of its files; differs between two mounts of one path
  mountpoint: string; // absolute, without symlinks
  options: string; // of this mount: `ro,nosuid,…`
  type: string; // `ext4`, `fuse.layerslayer`
  source: string;
  superOptions: string; // of the file system: `ro,user_id=0,…`
}

/**
 * Returns all mounts that this process sees, in the order of mounting. Of several on one path the
 * last is visible. Queries no file system, so dead or hung ones don't matter.
 * @throws LayerslayerError IO_FAILED without /proc
 */
export async function readMountTable(): Promise<MountEntry[]> {
  const table = readFile('/proc/self/mountinfo').catch((error: unknown) => Promise.reject(procFault(error)));
  return parseMountTable(await table);
}

/** Returns the mounts of one type. */
export async function findMounts(type: string): Promise<MountEntry[]> {
  return (await readMountTable()).filter((entry) => entry.type === type);
}

/** Returns the mount that a path shows if it is a mountpoint: the last one there. */
export function topmostAt(table: readonly MountEntry[], mountpoint: string): MountEntry | undefined {
  return table.findLast((entry) => entry.mountpoint === mountpoint);
}

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
  return table.findLast(({ type, mountpoint }) => REMOTE_TYPE.test(type) && isWithin(path, mountpoint));
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** Parses a mount table. Skips lines of another form than the documented one. */
export function parseMountTable(bytes: Uint8Array): MountEntry[] {
  // As latin1, so that each byte is one character until the escapes are decoded.
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1').split('\n');
  return lines.flatMap((line) => parseLine(line) ?? []);
}

/**
 * Parses `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`. The
 * fields before the dash vary.
 */
function parseLine(line: string): MountEntry | undefined {
  const fields = line.split(' ');
  const dash = fields.indexOf('-', 6);
  if (dash === -1 || fields.length < dash + 4) return undefined;
  const field = (index: number) => unescapeField(fields[index] ?? '');
  return {
    id: Number(fields[0]),
    parentId: Number(fields[1]),
    device: field(2),
    mountpoint: field(4),
    options: field(5),
    type: field(dash + 1),
    source: field(dash + 2),
    superOptions: field(dash + 3),
  };
}

/**
 * The kernel escapes space, tab, newline, backslash and # as \ooo. The rest are the name's bytes.
 */
function unescapeField(text: string): string {
  const bytes = text.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return textOfBytes(Buffer.from(bytes, 'latin1'));
}
