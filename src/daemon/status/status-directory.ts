import { readFileSync } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeDirectories } from '../../base/make-directories.js';
import { SocketDirectory } from '../../base/socket-directory.js';
import { reachablePath } from '../../fuse/mounting/mountpoint.js';
import { listOurMounts } from '../our-mounts.js';
import { passwdHome } from './passwd-home.js';

const PROGRAM = 'layerslayer';

/**
 * A socket of another boot may belong to a daemon on another machine that shares the home
 * directory.
 */
const OTHER_BOOT_MS = 24 * 60 * 60 * 1000;

/**
 * Yields the directories for sockets of a user's daemons, the usual one first. None depends on the
 * environment: root must find them. The last one is for users without a writable home, such as
 * `nobody`.
 */
export async function* statusDirectories(owner: number): AsyncGenerator<string> {
  const runtime = `/run/user/${owner}`;
  if (owner === 0) yield `/run/${PROGRAM}`;
  else if (await isDirectoryOf(runtime, owner)) yield join(runtime, PROGRAM);
  const home = await passwdHome(owner);
  if (home !== undefined) yield join(home, '.local/state', PROGRAM, 'run');
  yield `/tmp/${PROGRAM}-run-${owner}`;
}

/**
 * Opens the first directory that this user can have, created for this user only.
 * @throws Error with every reason if there is none
 */
export async function openOwnStatusDirectory(owner = process.geteuid?.() ?? 0): Promise<SocketDirectory> {
  const reasons: string[] = [];
  for await (const path of statusDirectories(owner)) {
    try {
      makeDirectories(path, 0o700);
      const directory = await openStatusDirectory(path, owner);
      if (directory) {
        await directory.makePrivate();
        return directory;
      }
      reasons.push(`${path} belongs to another user`);
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new Error(reasons.join('; '));
}

/**
 * Opens a user's directory. Root opens those of other users, which may contain a symlink or a hung
 * file system. The directory itself is never a symlink: in /tmp any user can create one that leads
 * to a directory of `owner`, and a sweep would take its files for dead sockets.
 * @returns undefined if it belongs to another user, and its sockets are not trusted
 * @throws the system's error, ENOTDIR for a symlink; LayerslayerError MOUNT_FAILED if it cannot be
 *   reached
 */
export async function openStatusDirectory(path: string, owner: number): Promise<SocketDirectory | undefined> {
  await reachablePath(path);
  const directory = await SocketDirectory.open(join(await reachablePath(dirname(path)), basename(path)));
  if (directory.status.uid === owner) return directory;
  await directory.close();
  return undefined;
}

/**
 * Returns the name of the status socket of a mount. The kernel numbers the device of each live
 * mount across all containers. The boot id tells machines apart that share a home directory.
 * @param device `major:minor` as in mountinfo
 */
export function statusSocketName(device: string): string {
  return `${device}-${bootName()}`;
}

/** Removes sockets of this user's killed daemons without mounts. Never throws. */
export async function sweepStatusSockets(
  owner: number,
  directories: AsyncIterable<string> | Iterable<string> = statusDirectories(owner),
): Promise<void> {
  // The command that queries a mount's daemon removes its socket.
  const mounts = await listOurMounts().catch(() => []);
  const present = new Set(mounts.map(({ device }) => statusSocketName(device)));
  for await (const path of directories) {
    const directory = await openStatusDirectory(path, owner).catch(() => undefined);
    if (!directory) continue;
    try {
      const names = await readdir(directory.path('.'));
      for (const name of names) if (!present.has(name)) await removeDead(directory, name);
    } catch {
      // A later daemon removes them.
    } finally {
      await directory.close();
    }
  }
}

async function removeDead(directory: SocketDirectory, name: string): Promise<void> {
  const identity = await directory.identity(name);
  // connect(2) refuses a file that is no socket as it refuses a dead socket.
  const status = await lstat(directory.path(name)).catch(() => undefined);
  if (!status?.isSocket() || identity === undefined) return;
  const isOfThisBoot = name.startsWith('.') || name.endsWith(`-${bootName()}`);
  if (!isOfThisBoot && Date.now() - status.mtimeMs <= OTHER_BOOT_MS) return;
  if (await directory.isDead(name)) await directory.removeIf(name, identity);
}

async function isDirectoryOf(path: string, owner: number): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  return status?.uid === owner && status.isDirectory();
}

/** Returns eight hexadecimal digits of the boot id, none if a container hides it. */
function bootName(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
  } catch {
    return '';
  }
}
