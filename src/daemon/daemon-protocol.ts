import type { ErrorRecord } from '../base/errors.js';
import type { LogLevel } from '../base/log.js';
import type { CacheOptions } from '../cache/content-store.js';
import type { LayerProgress } from '../engine/image-session.js';
import type { TransportName } from '../fuse/transport.js';
import type { IndexTrust } from '../index/cached-indexes.js';
import type { Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';
import type { RegistryOptions } from '../registry/registry-options.js';
import type { ResolvedImage } from '../source/image-source.js';

/**
 * What a daemon needs, validated by its starter. Plain data, passed by IPC: it holds secrets, and
 * others can read argv and environment of a process (`/proc/PID/cmdline`, `environ`).
 */
export interface MountOptions {
  reference: string;
  resolvedByStarter: boolean; // while the daemon's process starts; else the daemon resolves it
  source?: string; // first field of /proc/mounts, as in fstab; default: the canonical reference
  platform: Platform;
  registry: RegistryOptions;
  cache: CacheOptions;
  indexTrust: IndexTrust; // which layer indexes the mount may use
  indexRepository?: string | undefined; // `host/name`: where published indexes are looked for
  memoryBytes: number; // limit of cached chunks
  mountpoint: string; // absolute, free of symlinks
  mountpointCheckedMs: number; // time of that check; since 1970
  mountpointIdentity?: string | undefined; // identity of the checked directory
  transport: TransportName;
  layer?: number | string; // shows the tree of this layer (as `chooseLayer` takes it) only
  allowOther: boolean;
  suid: boolean;
  devices: boolean;
  exec: boolean;
  defaultPermissions: boolean;
  nonempty: boolean;
  uid?: number; // owner shown for every inode instead of the image's
  gid?: number;
  transformSymlinks: boolean;
  verifyLater: boolean; // layers shown by indexes of others are read whole after mounting
  logFile: string; // absolute
  logFileAsked: boolean; // the user named it: a failure to open it is an error
  logLevel: LogLevel;
  foreground: boolean; // the starter stays: the daemon unmounts when it ends
}

/** A mount that is usable, as the command prints it. */
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
  verified: boolean; // false: the index of a layer was not compared with the layer
  layersByTable: number; // by the publisher's table, not compared with the layer
  layersByIndex: number; // by a published index, not compared with the layer
}

/** Messages of the starter. A channel closed before `accepted` means: unmount and end. */
export type ToDaemon =
  | { type: 'start'; options: MountOptions }
  /** If `options.resolvedByStarter`. */
  | { type: 'image'; image: ResolvedImage }
  /** The starter has shown the result; from now on the daemon lives on its own. */
  | { type: 'accepted' };

/** Messages of the daemon. `ended` is the last. */
export type FromDaemon =
  /** The daemon runs and has read its options. */
  | { type: 'started' }
  | { type: 'resolved'; layers: number }
  | { type: 'progress'; progress: LayerProgress }
  | { type: 'notice'; message: string }
  | { type: 'log'; level: LogLevel; message: string }
  | { type: 'ready'; summary: MountSummary }
  /** Before `ready`: nothing is mounted. */
  | { type: 'ended'; error?: ErrorRecord | undefined };
