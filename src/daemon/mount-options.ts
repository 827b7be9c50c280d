import type { LogLevel } from '../base/log.js';
import type { CacheOptions } from '../cache/content-store.js';
import type { TransportName } from '../fuse/transport.js';
import type { Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';
import type { RegistryOptions } from '../registry/registry-options.js';

/**
 * All a daemon needs to know, validated by whoever starts it. Plain data: it crosses to the daemon by IPC, because
 * argv and environment of a process can be read by others (`/proc/PID/cmdline`, `environ`) and this holds secrets.
 */
export interface MountOptions {
  reference: string;
  /**
   * The starter asks the registry while the daemon's process is starting, and says what it stands for; otherwise the daemon
   * finds out by itself.
   */
  resolvedByStarter: boolean;
  /** First field of /proc/mounts; the canonical reference when left out. mount(8) wants it spelled as in fstab. */
  source?: string;
  platform: Platform;
  registry: RegistryOptions;
  cache: CacheOptions;
  memoryBytes: number; // cap of decompressed windows
  mountpoint: string; // absolute, free of symlinks
  mountpointCheckedMs: number; // when that was found out; since 1970
  mountpointIdentity?: string | undefined; // identity of the checked directory
  transport: TransportName;
  layer?: number | Digest; // one layer's own tree (numbered from 1) instead of the merged one
  allowOther: boolean;
  suid: boolean;
  devices: boolean;
  exec: boolean;
  defaultPermissions: boolean;
  nonempty: boolean;
  uid?: number; // owner shown for every inode instead of the image's
  gid?: number;
  transformSymlinks: boolean;
  logFile: string; // absolute
  /** True: the user named the file, so that a failure to open it is an error. */
  logFileAsked: boolean;
  logLevel: LogLevel;
  /** The daemon belongs to its starter for as long as it lives: when that goes, it unmounts. */
  foreground: boolean;
}

/** What came of a mount, for the line that the user sees. */
export interface MountSummary {
  image: string; // canonical reference
  digest: Digest; // of the manifest
  platform: string; // os/architecture[/variant]
  layers: number;
  entries: number; // tar members of those layers
  mountpoint: string;
  pid: number;
  log: string;
  bytesFetched: number;
}
