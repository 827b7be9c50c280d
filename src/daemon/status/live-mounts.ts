import { isDead } from '../../fuse/mounting/mountpoint.js';
import { listOurMounts, type OurMount } from '../our-mounts.js';
import { contactDaemon, type LiveStatus } from './status-client.js';
import { sweepStatusSockets } from './status-directory.js';

/** A mount of ours and what its daemon says. */
export interface LiveMount {
  mount: OurMount;
  /**
   * `dead`: the daemon was killed. `no-answer`: it is stopped, or not found (in another container).
   */
  state: 'live' | 'no-answer' | 'dead';
  status?: LiveStatus;
}

/** Returns the mounts of `uid` (root: of all users), in the order of mounting. */
export async function listLiveMounts(uid: number): Promise<LiveMount[]> {
  const mounts = (await listOurMounts()).filter((mount) => uid === 0 || mount.owner === uid);
  const asked = await Promise.all(mounts.map(ask));
  await sweepStatusSockets(uid);
  return asked;
}

async function ask(mount: OurMount): Promise<LiveMount> {
  const daemon = await contactDaemon(mount);
  daemon?.close();
  if (!daemon && (await isDead(mount.mountpoint))) return { mount, state: 'dead' };
  if (!daemon?.status) return { mount, state: 'no-answer' };
  // From the kernel: a bind mount has another path.
  return { mount, state: 'live', status: { ...daemon.status, mountpoint: mount.mountpoint } };
}
