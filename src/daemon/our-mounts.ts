import {
  FILE_SYSTEM_TYPE,
  findMounts,
  type MountEntry,
  readMountTable,
  topmostAt,
} from '../fuse/mounting/mount-table.js';

/** A mount of ours, as the kernel lists it. */
export interface OurMount {
  mountpoint: string;
  source: string; // the image's reference
  device: string; // major:minor
  owner: number; // id of the user that mounted it
}

/** Returns all our mounts, dead ones too, in the order of mounting. Reads /proc only. */
export async function listOurMounts(): Promise<OurMount[]> {
  return (await findMounts(FILE_SYSTEM_TYPE)).map(ourMount);
}

/** Returns our mount at a path; undefined if something else is mounted there or over it. */
export async function ourMountAt(mountpoint: string): Promise<OurMount | undefined> {
  const top = topmostAt(await readMountTable(), mountpoint);
  return top?.type === FILE_SYSTEM_TYPE ? ourMount(top) : undefined;
}

function ourMount({ mountpoint, source, device, superOptions }: MountEntry): OurMount {
  const owner = /(?:^|,)user_id=(\d+)/.exec(superOptions)?.[1];
  return { mountpoint, source, device, owner: Number(owner ?? 0) };
}
