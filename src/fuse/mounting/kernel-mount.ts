import type { TransportOptions } from '../transport.js';

/**
 * `if-unused` fails if the mount is busy. `lazily` hides it now; it ends with its last user.
 * `forcibly` is lazily, and also aborts the connection, so that its users fail.
 */
export type Detachment = 'if-unused' | 'lazily' | 'forcibly';

/** A mountpoint, as `checkMountpoint` returns it. */
export interface CheckedMountpoint {
  path: string; // absolute, without symlinks
  identity?: string | undefined; // identity of the directory; undefined: any
}

/**
 * How a process gets a mount and its descriptor. Root calls mount(8) (`root-mount.ts`), an ordinary
 * user fusermount3 (`user-mount.ts`). `ownKernelMount` chooses. Nothing else depends on the user.
 */
export interface KernelMount {
  /**
   * Checks whether mounting can succeed, before anything is fetched for it.
   * @throws LayerslayerError MOUNT_FAILED, with advice
   */
  check(options: Pick<TransportOptions, 'allowOther'>): Promise<void>;
  /**
   * Mounts over a checked directory only.
   * @returns an open `/dev/fuse` to which the kernel will send INIT; the caller closes it
   * @throws LayerslayerError MOUNT_FAILED
   */
  attach(mountpoint: CheckedMountpoint, options: TransportOptions): Promise<number>;
  /**
   * Removes the topmost mount at a path, also a dead one.
   * @throws LayerslayerError UNMOUNT_FAILED
   */
  detach(mountpoint: string, how: Detachment): Promise<void>;
}

/**
 * Returns fuse's options for access by other users. They come in only under the image's modes. By
 * default the kernel lets none in.
 */
export function permissionOptions(options: TransportOptions): string[] {
  if (options.allowOther) return ['allow_other', 'default_permissions'];
  return options.defaultPermissions ? ['default_permissions'] : [];
}

/** Escapes commas for libfuse: an image named `a,suid` must not get another option. */
export function escapedSource(source: string): string {
  return source.replace(/[\\,]/g, '\\$&');
}
