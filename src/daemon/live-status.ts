import type { Digest } from '../oci/digest.js';

/** What a daemon tells about its mount; `mounts --json` prints exactly these. */
export interface LiveStatus {
  mountpoint: string;
  image: string; // canonical reference
  digest: Digest; // of the manifest
  platform: string; // os/architecture[/variant]
  pid: number;
  log: string; // path
  since: string; // ISO 8601, UTC
  bytesFetched: number; // from the network
  bytesServed: number; // to readers of the mount
  cacheHits: number;
  cacheMisses: number;
}

/**
 * Name of the abstract Unix socket on which the daemon of a mount answers. The kernel numbers each live mount's
 * device, so the table of mounts is /proc/self/mountinfo itself: no file to write, nothing stale to clean up, and a
 * daemon that died is one that refuses. (Abstract sockets belong to the network namespace, like the mount to its own.)
 * @param device `major:minor` as in mountinfo
 */
export function statusSocketName(device: string): string {
  return `\0layerslayer/mount/${device}`;
}
