import type { TransportOptions } from './transport.js';

/** Our type in /proc/mounts: how a mount is known as ours, and what mount(8) and fstab call. */
export const FILE_SYSTEM_TYPE = 'fuse.layerslayer';

/**
 * How a process gets a mount and the descriptor behind it. Root calls mount(8) (`root-mount.ts`); an ordinary user
 * would ask fusermount3. The one place where the two differ.
 */
export interface KernelMount {
  /**
   * Mounts over a checked, canonical path.
   * @returns an open `/dev/fuse` that the kernel will send INIT to; the caller closes it
   * @throws LayerslayerError MOUNT_FAILED
   */
  attach(mountpoint: string, options: TransportOptions): Promise<number>;
  /**
   * Removes the topmost mount at a path; a dead one too. Lazily: it goes out of sight now, and ends with its last user.
   * @throws LayerslayerError UNMOUNT_FAILED, when busy and not lazy
   */
  detach(mountpoint: string, options: { lazy: boolean }): Promise<void>;
}
