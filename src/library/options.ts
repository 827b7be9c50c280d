import type { OperationOptions } from './files.js';

/** Credentials for the image's registry. They are sent to no other one. `token`: bearer token. */
export type Credentials = { username: string; password: string } | { token: string };

/**
 * Which ready-made layer indexes an image may use, ascending (README, "Trust"):
 *
 * - none: none. Each layer is read whole and checked by its digest
 * - exact: tables under the image's digest that lose at most fractions of seconds
 * - image: all tables under the image's digest
 * - trusted: also indexes in `indexRepository`
 * - any: also referrers of the image, which all users with push rights there can set
 */
export type IndexTrust = 'none' | 'exact' | 'image' | 'trusted' | 'any';

/**
 * How far the index of one layer is. Reported a few times a second and at the end. `doneBytes`
 * grows, except when a pass is repeated.
 */
export interface LayerProgress {
  /** From 1, base first. */
  layer: number;
  /** Waiting: another process indexes this layer. */
  state: 'indexing' | 'waiting' | 'done';
  /** The index was in the cache. */
  cached: boolean;
  /** Compressed. */
  doneBytes: number;
  totalBytes: number;
}

/** notice: something to know while waiting, such as `rate limited by …, trying again in 3 s`. */
export type MessageLevel = 'error' | 'warn' | 'notice' | 'info' | 'debug';

/** Options of `openImage`. Directories and variables are the command's, so they share the cache. */
export interface OpenImageOptions {
  /** `[OS/]ARCH[/VARIANT]`. Default: linux and this machine's architecture. */
  platform?: string | undefined;
  /**
   * Aborting it rejects the opening with ABORTED, and all operations on the image, then and later.
   * The image must still be closed.
   */
  signal?: AbortSignal | undefined;
  /** Receives the progress when operations make indexes of layers. */
  onProgress?: ((progress: LayerProgress) => void) | undefined;
  /** Receives warnings and notices, in English. Default: none is shown. */
  onMessage?: ((level: MessageLevel, text: string) => void) | undefined;
  /** Default: those in `DOCKER_AUTH_CONFIG`, then in docker's and podman's files, then none. */
  credentials?: Credentials | undefined;
  /** Plain HTTP, or TLS without verification. Registries on loopback do not need it. */
  insecure?: boolean | undefined;
  /** Default: `$LAYERSLAYER_CACHE_DIR`, `$XDG_CACHE_HOME/layerslayer`, `~/.cache/layerslayer`. */
  cacheDirectory?: string | undefined;
  /** Hard cap of the cache in bytes; 0 caches nothing. Default: 4 GiB. */
  cacheSize?: number | undefined;
  /** Default: exact; trusted if there is an index repository. */
  index?: IndexTrust | undefined;
  /** A repository of published indexes. Default: `$LAYERSLAYER_INDEX_REPOSITORY`. */
  indexRepository?: string | undefined;
  /**
   * Bytes of decompressed data in memory, at least 1 MiB. Default: 64 MiB. Up to 64 images that
   * are opened with the same options share it, and threads too.
   */
  memory?: number | undefined;
}

/** Options of `image.mount`, as those of the command `mount`. */
export interface MountOptions extends OperationOptions {
  /** Shows this layer's own tree instead: its number from 1, its digest or the start of that. */
  layer?: number | string | undefined;
  /** Lets other users in, with the image's modes enforced. */
  allowOther?: boolean | undefined;
  /** Absolute links become relative to the mountpoint. */
  transformSymlinks?: boolean | undefined;
  /** Layers with a ready-made index are read in the background and compared. */
  verifyLater?: boolean | undefined;
  /** Default: dev-fuse. */
  transport?: 'dev-fuse' | 'fuse-native' | undefined;
  /** Honours setuid bits; root's mounts only. */
  setuid?: boolean | undefined;
  /** Honours device nodes; root's mounts only. */
  devices?: boolean | undefined;
  /** No program can be run. */
  noexec?: boolean | undefined;
  /** The image's modes are enforced. */
  defaultPermissions?: boolean | undefined;
  /** Mounts over a directory that has entries. */
  nonempty?: boolean | undefined;
  /** Owner shown for all files; default: the image's. */
  uid?: number | undefined;
  gid?: number | undefined;
  /** Default: one for each mountpoint, in `$XDG_STATE_HOME/layerslayer`. */
  logFile?: string | undefined;
}

export interface UnmountOptions {
  /** Detaches the mount even if it is busy. Processes that use it keep it until they end. */
  lazy?: boolean | undefined;
}
