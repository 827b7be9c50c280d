import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Bytes of a name after its leading NUL: all that `sun_path` holds (unix(7)). Node 20 pads shorter names with NULs to
 * the end of `sun_path`, later versions don't, and the two would never meet: a full name is the same for both.
 */
const NAME_LENGTH = 107;

/** A name of the abstract socket namespace, without its leading NUL: one for each user and `name`. */
export function abstractSocketName(name: string, user: number): string {
  const prefix = `layerslayer-${user}-`;
  const hash = createHash('sha512').update(name).digest('hex');
  return (prefix + hash).slice(0, NAME_LENGTH);
}

/**
 * Whether a process of `user` holds the socket. Anyone on the machine may bind any abstract name, and Node cannot ask the
 * kernel whose it is; but a user's processes show their descriptors to that user, and only to them and root.
 * @returns undefined when it changed hands meanwhile, or /proc cannot tell
 */
export async function isHeldByUser(socketName: string, user: number): Promise<boolean | undefined> {
  const inode = inodeOf(socketName);
  if (inode === undefined) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (holds(`/proc/${pid}`, inode, user)) return true;
    await nextTurn(); // a process may have thousands of descriptors; a machine has many processes
  }
  return inodeOf(socketName) === inode ? false : undefined;
}

/**
 * Whether the process `pid` is of `user` and holds the socket: what it says there about itself is true then.
 * @returns undefined when /proc cannot tell
 */
export function isHeldByProcess(socketName: string, pid: number, user: number): boolean | undefined {
  const inode = inodeOf(socketName);
  return inode === undefined ? undefined : holds(`/proc/${pid}`, inode, user);
}

/** The socket that is bound to the name, from /proc/net/unix: Num RefCount Protocol Flags Type St Inode Path. */
function inodeOf(socketName: string): string | undefined {
  let sockets: string;
  try {
    sockets = readFileSync('/proc/net/unix', 'latin1');
  } catch {
    return undefined;
  }
  for (const line of sockets.split('\n')) {
    // The leading NUL is shown as `@`. Accepted connections bear the name too, in state 03: connected.
    if (!line.endsWith(` @${socketName}`)) continue;
    const [state, inode] = line.split(/ +/).slice(5, 7);
    if (state === '01') return inode;
  }
  return undefined;
}

function holds(directory: string, inode: string, user: number): boolean {
  try {
    if (statSync(directory).uid !== user) return false;
    return readdirSync(`${directory}/fd`).some((fd) => {
      try {
        return readlinkSync(`${directory}/fd/${fd}`) === `socket:[${inode}]`;
      } catch {
        return false; // closed meanwhile
      }
    });
  } catch {
    return false; // ended meanwhile, or not ours to look into
  }
}
