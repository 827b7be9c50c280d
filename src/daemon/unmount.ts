import { setTimeout as sleep } from 'node:timers/promises';
import { LayerslayerError } from '../base/errors.js';
import { readMountTable } from '../fuse/mounting/mount-table.js';
import { isDead, ownKernelMount } from '../fuse/mounting/mountpoint.js';
import { findHolders, type Holder } from './holders.js';
import { type OurMount, ourMountAt } from './our-mounts.js';
import { contactDaemon } from './status/status-client.js';

export { listOurMounts, type OurMount, ourMountAt } from './our-mounts.js';

/** A daemon whose mount is gone ends within 2 s; longer than that it is not waited for. */
const DAEMON_END_MS = 5_000;

/** Processes named in a message at most. */
const HOLDERS_NAMED = 8;

export interface UnmountOptions {
  lazy: boolean;
  /**
   * Process id of the daemon. A mount of another one is left: the kernel gives the device's number
   * again. Default: any.
   */
  pid?: number;
  /** This process may hold the mount too. Default: it is the command, and about to end. */
  staysAfter?: boolean;
}

/**
 * Unmounts one of our mounts and waits for its daemon to end. A lazy one is waited for only if no
 * process holds its files.
 * @throws LayerslayerError UNMOUNT_FAILED; if busy, with the processes that hold it
 */
export async function unmountOurs(mount: OurMount, options: UnmountOptions): Promise<void> {
  // Contacted before: after the unmount the device's number may soon be another mount's.
  const daemon = await contactDaemon(mount);
  try {
    if (daemon?.status && daemon.status.pid !== (options.pid ?? daemon.status.pid)) return;
    await (await ownKernelMount()).detach(mount.mountpoint, options.lazy ? 'lazily' : 'if-unused');
    if (daemon && !options.lazy)
      await Promise.race([daemon.ended, sleep(DAEMON_END_MS, undefined, { ref: false })]);
  } catch (error) {
    // Otherwise another process unmounted it first.
    if (await isStillThere(mount)) await detachDead(mount, error as Error, options);
  } finally {
    daemon?.close();
  }
}

async function isStillThere(mount: OurMount): Promise<boolean> {
  return (await ourMountAt(mount.mountpoint))?.device === mount.device;
}

/**
 * Detaches a dead mount, which has nothing left to serve, even if processes hold it.
 * @throws LayerslayerError UNMOUNT_FAILED
 */
async function detachDead(mount: OurMount, refusal: Error, options: UnmountOptions): Promise<void> {
  if (!(await isDead(mount.mountpoint)))
    throw /busy/.test(refusal.message) ? await busy(mount, refusal, options) : refusal;
  await (await ownKernelMount()).detach(mount.mountpoint, 'lazily');
}

async function busy(
  { mountpoint }: OurMount,
  error: Error,
  { staysAfter = false }: UnmountOptions,
): Promise<LayerslayerError> {
  const table = await readMountTable();
  const above = table.filter((entry) => entry.mountpoint.startsWith(`${mountpoint}/`));
  // A command inherited what its caller has open, and is about to end.
  const holders = findHolders(mountpoint).filter(({ pid }) => staysAfter || pid !== process.pid);
  const held = [
    ...above.slice(0, HOLDERS_NAMED).map((entry) => `a mount on ${entry.mountpoint}`),
    ...(holders.length > 0 ? [nameHolders(holders)] : []),
  ];
  const heldBy = held.length === 0 ? '' : `, held by ${held.join(', ')}`;
  const advice = `${staysAfter ? 'the option lazy' : '--lazy'} detaches it all the same`;
  const message = `${error.message.replace(/\.$/, '')}${heldBy}; ${advice}`;
  return new LayerslayerError('UNMOUNT_FAILED', message, { cause: error });
}

export function nameHolders(holders: readonly Holder[]): string {
  const named = holders.slice(0, HOLDERS_NAMED).map(({ pid, command, by }) => `${command} (${pid}, ${by})`);
  const more = holders.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
