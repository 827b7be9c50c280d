import type { TransportOptions } from '../transport.js';

/** Our type in /proc/mounts: how a mount is known as ours, and what mount(8) and fstab call. */
export const FILE_SYSTEM_TYPE = 'fuse.layerslayer';

/**
 * `if-unused`: fails when busy. `lazily`: it goes out of sight now, and ends with its last user. `forcibly`: lazily, and
 * the connection is aborted, so that its users fail.
 */
export type Detachment = 'if-unused' | 'lazily' | 'forcibly';

/** A mountpoint, as `checkMountpoint` returns it. */
export interface CheckedMountpoint {
  path: string; // absolute, without symlinks
  identity?: string | undefined; // identity of the directory; undefined: any
}

/**
 * How a process gets a mount and the descriptor behind it. Root calls mount(8) (`root-mount.ts`), an ordinary user
 * fusermount3 (`user-mount.ts`); `own-kernel-mount.ts` chooses. The one place where the two differ.
 */
export interface KernelMount {
  /**
   * Whether a mount has a chance, before anything is fetched for it.
   * @throws LayerslayerError MOUNT_FAILED, saying what to do
   */
  check(options: Pick<TransportOptions, 'allowOther'>): Promise<void>;
  /**
   * Mounts over a checked directory only.
   * @returns an open `/dev/fuse` that the kernel will send INIT to; the caller closes it
   * @throws LayerslayerError MOUNT_FAILED
   */
  attach(mountpoint: CheckedMountpoint, options: TransportOptions): Promise<number>;
  /**
   * Removes the topmost mount at a path; a dead one too.
   * @throws LayerslayerError UNMOUNT_FAILED
   */
  detach(mountpoint: string, how: Detachment): Promise<void>;
}
