import { opendir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { reasonText } from '../../base/system-error-text.js';
import { fsPath } from '../../base/text/raw-text.js';
import { withinDeadline } from '../deadline.js';
import type { TransportName, TransportOptions } from '../transport.js';
import { type Ask, canonicalPath } from './canonical-path.js';
import { directoryIdentity } from './held-directory.js';
import type { CheckedMountpoint, KernelMount } from './kernel-mount.js';
import {
  FILE_SYSTEM_TYPE,
  type MountEntry,
  readMountTable,
  remoteMountOf,
  topmostAt,
} from './mount-table.js';
import { rootMount } from './root-mount.js';
import { runTool } from './run-tool.js';

/** Milliseconds until a remote file system counts as hung. A local one has no deadline. */
const ANSWER_DEADLINE_MS = 3000;

/** Maximum of dead mounts to remove from one path. Each restart of a killed daemon adds one. */
const STALE_MOUNTS_MAX = 64;

/**
 * Milliseconds that a check counts. A first mount comes minutes after its check, a second one at
 * once. A check takes 8 ms (measured).
 */
const CHECK_HOLDS_MS = 1_000;

/**
 * ENOTCONN in the words of glibc and of musl, and ECONNABORTED: the result of a request that waits
 * when the daemon dies. Any other failure is an answer too; later checks report it.
 */
const NO_DAEMON = /endpoint is not connected|Socket not connected|caused connection abort|Connection aborted/;

/** The state of a file system by statfs, a request always. A stat may come from a cache. */
type Liveness = 'alive' | 'dead' | 'hung';

/** Returns this process's way to mount. Code for ordinary users is loaded for them only. */
export async function ownKernelMount(): Promise<KernelMount> {
  return process.geteuid?.() === 0 ? rootMount : (await import('./user-mount.js')).userMount;
}

/**
 * Checks whether this user can mount by a transport, before anything is fetched for it.
 * @param mountpoint canonical path that `checkMountpoint` returned
 * @throws LayerslayerError MOUNT_FAILED, with advice
 */
export async function checkTransport(
  mountpoint: string,
  options: Pick<TransportOptions, 'allowOther'> & { transport: TransportName },
): Promise<void> {
  await (await ownKernelMount()).check(options);
  if (options.transport === 'dev-fuse') return;
  await (await import('../fuse-native/fuse-native-check.js')).checkFuseNative(mountpoint);
}

/**
 * Checks that we can mount over `path`, and removes dead mounts of ours there. Never hangs on a
 * dead or hung mount.
 * @returns canonical path and identity of the directory
 * @throws LayerslayerError MOUNT_FAILED, with advice
 */
export async function checkMountpoint(
  path: string,
  options: Pick<TransportOptions, 'nonempty'>,
): Promise<Required<CheckedMountpoint>> {
  const absolute = resolve(path);
  await removeStale(absolute);
  const ask = askerFor(path, await readMountTable());
  const canonical = await canonicalPath(absolute, ask);
  if (canonical !== absolute) await removeStale(canonical); // `path` is a symlink to it
  const status = await ask(canonical, () => stat(fsPath(canonical), { bigint: true }));
  if (!status.isDirectory()) throw failed(path, 'not a directory');
  const mounted = topmostAt(await readMountTable(), canonical);
  if (!options.nonempty) {
    if (mounted) throw failed(path, `${mounted.source} (${mounted.type}) is mounted there; unmount it first`);
    if (!(await ask(canonical, () => isEmpty(canonical)))) {
      throw failed(path, 'not empty; choose an empty directory, or mount over it with -o nonempty');
    }
  }
  return { path: canonical, identity: directoryIdentity(status) };
}

/** Like `checkMountpoint`, but does nothing if the mountpoint was checked within a second. */
export async function checkedMountpoint(path: string, options: TransportOptions): Promise<CheckedMountpoint> {
  const isChecked = Math.abs(Date.now() - (options.checkedMs ?? 0)) < CHECK_HOLDS_MS;
  return isChecked ? { path, identity: options.checkedIdentity } : checkMountpoint(path, options);
}

/** @throws LayerslayerError MOUNT_FAILED if a live mount of ours is there */
async function removeStale(mountpoint: string): Promise<void> {
  const { detach } = await ownKernelMount();
  for (let i = 0; i < STALE_MOUNTS_MAX; i++) {
    const table = await readMountTable();
    const mounted = topmostAt(table, mountpoint);
    if (mounted?.type !== FILE_SYSTEM_TYPE) return;
    const liveness = await livenessOf(mountpoint, table);
    if (liveness !== 'dead') {
      const hung = liveness === 'hung' ? ', and does not answer' : '';
      throw failed(mountpoint, `${mounted.source} is mounted there already${hung}; unmount it first`);
    }
    try {
      await detach(mountpoint, 'lazily');
    } catch (error) {
      const why = `a dead mount of ${mounted.source} is in the way: ${(error as Error).message}`;
      throw failed(mountpoint, why, error);
    }
  }
}

/**
 * Returns the path without symlinks, if each remote file system on the way responds. Opening the
 * path then does not hang.
 * @throws LayerslayerError MOUNT_FAILED
 */
export async function reachablePath(path: string): Promise<string> {
  return canonicalPath(path, askerFor(path, await readMountTable()));
}

/** Returns whether the mount has lost its daemon. Never hangs; a hung mount is alive. */
export async function isDead(mountpoint: string): Promise<boolean> {
  return (await livenessOf(mountpoint, await readMountTable())) === 'dead';
}

/**
 * Queries in a child process. A process that waits for a hung FUSE daemon cannot be killed, and
 * such a thread of ours would keep our process from exiting.
 */
async function livenessOf(path: string, table: readonly MountEntry[]): Promise<Liveness> {
  if (!remoteMountOf(table, path)) return 'alive';
  const { status, stderr } = await runTool('stat', ['-f', '--', path], { deadlineMs: ANSWER_DEADLINE_MS });
  if (status === undefined) return 'hung';
  return status !== 0 && NO_DAEMON.test(stderr) ? 'dead' : 'alive';
}

async function isEmpty(directory: string): Promise<boolean> {
  const handle = await opendir(fsPath(directory) as string); // types lack Buffer
  try {
    return (await handle.read()) === null;
  } finally {
    await handle.close();
  }
}

/**
 * Queries file systems for a mountpoint and reports errors as MOUNT_FAILED. A remote one must
 * respond first, and then has a deadline. A local one has none: a disk may spin up, a machine may
 * be loaded.
 * @param mountpoint as the user wrote it, for messages
 */
function askerFor(mountpoint: string, table: readonly MountEntry[]): Ask {
  const answering = new Set<MountEntry>();
  return async (path, question) => {
    const remote = remoteMountOf(table, path);
    if (remote && !answering.has(remote)) {
      if ((await livenessOf(path, table)) === 'hung')
        throw failed(mountpoint, 'its file system does not answer; choose another directory');
      answering.add(remote);
    }
    try {
      if (!remote) return await question();
      const late = `mountpoint ${mountpoint}: its file system does not answer`;
      return await withinDeadline(question(), ANSWER_DEADLINE_MS, late);
    } catch (error) {
      if (error instanceof LayerslayerError) throw error;
      throw failed(mountpoint, REFUSALS[systemCode(error) ?? ''] ?? reasonText(error), error);
    }
  };
}

const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'no such directory; create it first',
  ENOTDIR: 'not a directory',
  EACCES: 'permission denied',
  ENOTCONN: 'a dead mount is there (its daemon has ended); unmount it first',
};

function failed(path: string, why: string, cause?: unknown): LayerslayerError {
  return new LayerslayerError('MOUNT_FAILED', `mountpoint ${path}: ${why}`, { cause });
}
