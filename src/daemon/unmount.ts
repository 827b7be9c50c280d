import { setTimeout as sleep } from 'node:timers/promises';
import { LayerslayerError } from '../base/errors.js';
import { rootMount } from '../fuse/root-mount.js';
import { findHolders, type Holder } from './holders.js';
import { type OurMount, ourMountAt } from './our-mounts.js';
import { contactDaemon, type DaemonContact } from './status-client.js';

/** A daemon whose mount is gone ends within 2 s; longer than that it is not waited for. */
const DAEMON_END_MS = 5_000;

/** Processes named in a message at most. */
const HOLDERS_NAMED = 8;

/**
 * Unmounts one of our mounts and waits for its daemon to end (when lazy: only if nobody holds files any more).
 * @throws LayerslayerError UNMOUNT_FAILED, when busy with the processes that hold it
 */
export async function unmountOurs(mount: OurMount, options: { lazy: boolean }): Promise<void> {
  // Contacted before: after the unmount the device's number may soon be another mount's.
  const daemon = await contactDaemon(mount.device);
  try {
    // A dead mount has nothing left to serve: who holds it can't keep it.
    await rootMount.detach(mount.mountpoint, options.lazy || !daemon ? 'lazily' : 'if-unused');
    if (daemon && !options.lazy) await endOf(daemon);
  } catch (error) {
    const now = await ourMountAt(mount.mountpoint);
    if (now?.device === mount.device) throw busy(mount, error as Error);
    // Else somebody was quicker than we: it is gone, as wanted.
  } finally {
    daemon?.close();
  }
}

async function endOf(daemon: DaemonContact): Promise<void> {
  const waited = new AbortController();
  const deadline = sleep(DAEMON_END_MS, undefined, { signal: waited.signal }).catch(() => {});
  await Promise.race([daemon.ended, deadline]);
  waited.abort();
}

function busy(mount: OurMount, error: Error): LayerslayerError {
  const holders = findHolders(mount.mountpoint);
  const who = holders.length === 0 ? '' : `, held by ${nameHolders(holders)}`;
  return new LayerslayerError('UNMOUNT_FAILED', `${error.message.replace(/\.$/, '')}${who}`, {
    cause: error,
  });
}

export function nameHolders(holders: readonly Holder[]): string {
  const named = holders.slice(0, HOLDERS_NAMED).map(({ pid, command, by }) => `${command} (${pid}, ${by})`);
  const more = holders.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
