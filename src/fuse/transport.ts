import type { Log } from '../base/log.js';
import type { LayerFs } from '../fs/layer-fs.js';

export interface TransportOptions {
  source: string; // first field of /proc/mounts: the image reference
  allowOther: boolean;
  suid: boolean; // honour setuid bits (default: nosuid)
  devices: boolean; // honour device nodes (default: nodev)
  exec: boolean; // let programs be run (default; else noexec)
  defaultPermissions: boolean; // the image's modes are enforced; with allowOther they always are
  nonempty: boolean; // mount over a directory that has entries
  checkedMs?: number; // since 1970: when `checkMountpoint` returned the mountpoint, if it did
  checkedIdentity?: string | undefined; // identity of the checked directory
  log: Log;
}

export interface MountedFs {
  /** Resolves when the kernel no longer sends requests, however it was unmounted. */
  readonly closed: Promise<void>;
  /** @throws LayerslayerError UNMOUNT_FAILED if busy and not lazy */
  unmount(options: { lazy: boolean }): Promise<void>;
  /**
   * Drops what the kernel has cached of the contents of files. Missing where a transport cannot:
   * what was read before stays readable there.
   */
  forgetContents?(inodes: Iterable<number>): Promise<void>;
  /**
   * Ends the mount now, even if processes use it. Their current and later calls fail with ENOTCONN
   * or ECONNABORTED. For a daemon that must end. Leaves a mount that was detached lazily before.
   * @throws LayerslayerError UNMOUNT_FAILED
   */
  abort(): Promise<void>;
}

export const TRANSPORT_NAMES = ['dev-fuse', 'fuse-native'] as const;
export type TransportName = (typeof TRANSPORT_NAMES)[number];

/** Only Linux has a FUSE device with a protocol. Elsewhere FUSE is a library. */
export const DEFAULT_TRANSPORT: TransportName = process.platform === 'linux' ? 'dev-fuse' : 'fuse-native';

/**
 * A way to hand a LayerFs to the kernel. The process that mounts must never access the mount by a
 * synchronous call (`fs.*Sync`, or spawning a program there): it could not answer itself.
 */
export interface Transport {
  /** @throws LayerslayerError MOUNT_FAILED */
  mount(fs: LayerFs, mountpoint: string, options: TransportOptions): Promise<MountedFs>;
}
