import { abstractSocketName } from '../cache/abstract-socket.js';
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
 * Name, without its leading NUL, of the abstract Unix socket on which the daemon of a mount answers. The kernel numbers
 * each live mount's device, so the table of mounts is /proc/self/mountinfo itself: no file to write, nothing stale to
 * clean up. Abstract sockets belong to the network namespace, mounts to another: who refuses need not be dead.
 * @param device `major:minor` as in mountinfo
 * @param owner user id of the daemon, which mountinfo has too
 */
export function statusSocketName(device: string, owner: number): string {
  return abstractSocketName(`mount ${device}`, owner);
}
