import { isDead } from '../fuse/mountpoint.js';
import type { LiveStatus } from './live-status.js';
import { listOurMounts, type OurMount } from './our-mounts.js';
import { contactDaemon } from './status-client.js';

/** A mount of ours and what its daemon says. */
export interface LiveMount {
  mount: OurMount;
  /** `dead`: the daemon was killed; `silent`: it does not answer (it is stopped, or in another network namespace). */
  state: 'live' | 'silent' | 'dead';
  status?: LiveStatus;
}

/** The mounts that `uid` may see: root everybody's, others their own; in the order they were made. */
export async function listLiveMounts(uid: number): Promise<LiveMount[]> {
  const mounts = (await listOurMounts()).filter((mount) => uid === 0 || mount.owner === uid);
  return Promise.all(mounts.map(ask));
}

async function ask(mount: OurMount): Promise<LiveMount> {
  const daemon = await contactDaemon(mount);
  daemon?.close();
  if (!daemon && (await isDead(mount.mountpoint))) return { mount, state: 'dead' };
  if (!daemon?.status) return { mount, state: 'silent' };
  return { mount, state: 'live', status: daemon.status };
}
