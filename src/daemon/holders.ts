import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { textOfBytes } from '../base/text/raw-text.js';

/** A process that keeps a mount busy, and by what. */
export interface Holder {
  pid: number;
  command: string;
  by: 'working directory' | 'root directory' | 'open file' | 'mapped file' | 'program';
}

/**
 * Returns the processes that hold files below `mountpoint`, as far as this user may see. Reads only
 * links and maps in /proc, whose texts the kernel makes without a request to the mount. So a hung
 * daemon can't hang us, as it can fuser(1) by its stat.
 */
export function findHolders(mountpoint: string): Holder[] {
  const holders: Holder[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const by = holdsBy(`/proc/${pid}`, mountpoint);
    if (by !== undefined) holders.push({ pid, by, command: commandOf(pid) });
  }
  return holders;
}

function holdsBy(proc: string, mountpoint: string): Holder['by'] | undefined {
  const isBelow = (path: string) => path === mountpoint || path.startsWith(`${mountpoint}/`);
  if (isBelow(linkOf(`${proc}/cwd`))) return 'working directory';
  if (isBelow(linkOf(`${proc}/root`))) return 'root directory';
  if (isBelow(linkOf(`${proc}/exe`))) return 'program';
  const fds = orElse([], () => readdirSync(`${proc}/fd`));
  if (fds.some((fd) => isBelow(linkOf(`${proc}/fd/${fd}`)))) return 'open file';
  for (const line of textOf(`${proc}/maps`).split('\n')) {
    const path = line.indexOf('/'); // addresses, rights, offset, device, inode, then the path
    if (path !== -1 && isBelow(line.slice(path))) return 'mapped file';
  }
  return undefined;
}

function commandOf(pid: number): string {
  return textOf(`/proc/${pid}/comm`).trim() || '?';
}

function linkOf(path: string): string {
  return orElse('', () => textOfBytes(readlinkSync(path, 'buffer')));
}

function textOf(path: string): string {
  return orElse('', () => readFileSync(path, 'utf8'));
}

/** Processes that ended meanwhile, or belong to another user, have nothing that we can read. */
function orElse<T>(fallback: T, read: () => T): T {
  try {
    return read();
  } catch {
    return fallback;
  }
}
