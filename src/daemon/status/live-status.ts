import type { Digest } from '../../oci/digest.js';

/** Status that a daemon reports about its mount, as `mounts --json` prints it. */
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
