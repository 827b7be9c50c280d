import { closeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { LayerslayerError } from '../../base/errors.js';
import { reasonText } from '../../base/system-error-text.js';
import { MAX_READ_SIZE } from '../kernel-numbers.js';
import type { TransportOptions } from '../transport.js';
import { checkFuseDevice, deviceAdvice, openFuseDevice } from './fuse-device.js';
import { holdDirectory, pathOf } from './held-directory.js';
import {
  type CheckedMountpoint,
  type Detachment,
  type KernelMount,
  permissionOptions,
} from './kernel-mount.js';
import { FILE_SYSTEM_TYPE, readMountTable, remoteMountOf, topmostAt } from './mount-table.js';
import { failureOfTool } from './run-tool.js';

const DETACH_FLAGS: Record<Detachment, readonly string[]> = {
  'if-unused': [],
  lazily: ['-l'],
  forcibly: ['-f', '-l'], // MNT_FORCE aborts a FUSE connection
};

/** Mounts by mount(8) as root: the kernel's own interface, without libfuse. */
export const rootMount: KernelMount = {
  check: checkFuseDevice,

  async attach(mountpoint, options) {
    const descriptor = await openFuseDevice();
    try {
      await mount(mountpoint, descriptor, options);
      return descriptor;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  },

  async detach(mountpoint, how) {
    const parent = await holdParent(mountpoint);
    try {
      await checkOurs(mountpoint);
      // The mountpoint itself can't be renamed, only its parents.
      const target = parent ? `/proc/self/fd/3/${basename(mountpoint)}` : mountpoint;
      // -i: no helper /sbin/umount.fuse.layerslayer. -c: the path is canonical. Otherwise umount(8)
      // would query the mount itself, and wait forever if its daemon hangs.
      const args = ['-i', '-c', ...DETACH_FLAGS[how], '--', target];
      const inherited = parent ? [parent.fd] : [];
      const failure = await failureOfTool('umount', args, 'UNMOUNT_FAILED', { inherited });
      if (failure) throw new LayerslayerError('UNMOUNT_FAILED', `unmounting ${mountpoint}: ${failure}`);
    } finally {
      await parent?.close();
    }
  },
};

async function mount(
  mountpoint: CheckedMountpoint,
  descriptor: number,
  options: TransportOptions,
): Promise<void> {
  const failed = (why: string, cause?: unknown) =>
    new LayerslayerError('MOUNT_FAILED', `mounting on ${mountpoint.path}: ${why}`, { cause });
  const directory = await holdDirectory(mountpoint).catch((error: Error) => {
    throw failed(reasonText(error), error);
  });
  try {
    const failure = await mountTool(directory, descriptor, options);
    if (failure !== undefined)
      throw failed(failure + (/permission denied|superuser/i.test(failure) ? deviceAdvice('EPERM') : ''));
    const path = await pathOf(directory);
    if (path === mountpoint.path) return;
    // Renamed in this moment: still the right directory, but not at the requested path.
    await rootMount.detach(path, 'lazily');
    throw failed('the directory was moved while it was in use');
  } finally {
    await directory.close();
  }
}

/** @returns mount(8)'s error, undefined on success */
function mountTool(
  directory: FileHandle,
  descriptor: number,
  options: TransportOptions,
): Promise<string | undefined> {
  // The source is an argument of its own, so commas, blanks and backslashes need no quoting. `--`:
  // it might start with a dash. The directory is `/`, so that mount(8) does not expand it as a path
  // near us. -i: no helper /sbin/mount.fuse, which is libfuse's. -n: nothing in /run/mount/utab.
  // -c: the directory is descriptor 4, and mount(8) must not resolve it to a path. The dot makes
  // the kernel follow it.
  const flags = ['-i', '-n', '-c', '-t', FILE_SYSTEM_TYPE, '-o', kernelOptions(options)];
  const args = [...flags, '--', options.source, '/proc/self/fd/4/.'];
  return failureOfTool('mount', args, 'MOUNT_FAILED', { inherited: [descriptor, directory.fd] });
}

/**
 * Checks right before umount(8) that our mount is still there. Its owner may have unmounted it and
 * put a symlink in its place, which umount(8) as root would follow to any other mount.
 * @throws LayerslayerError UNMOUNT_FAILED
 */
async function checkOurs(mountpoint: string): Promise<void> {
  if (topmostAt(await readMountTable(), mountpoint)?.type === FILE_SYSTEM_TYPE) return;
  throw new LayerslayerError('UNMOUNT_FAILED', `unmounting ${mountpoint}: not mounted any more`);
}

/**
 * Opens the parent directory of a mountpoint, so that the path can't reach another mount. undefined
 * if its file system may hang; then the path has to do.
 * @throws LayerslayerError UNMOUNT_FAILED
 */
async function holdParent(mountpoint: string): Promise<FileHandle | undefined> {
  const path = dirname(mountpoint);
  if (path === mountpoint || remoteMountOf(await readMountTable(), path)) return undefined;
  return holdDirectory({ path }).catch((error: Error) => {
    const message = `unmounting ${mountpoint}: ${path}: ${reasonText(error)}`;
    throw new LayerslayerError('UNMOUNT_FAILED', message, { cause: error });
  });
}

/** Returns mount(8)'s and fuse's options in one string. The descriptor is the tool's fd 3. */
function kernelOptions(options: TransportOptions): string {
  return [
    'ro',
    options.suid ? 'suid' : 'nosuid',
    options.devices ? 'dev' : 'nodev',
    ...(options.exec ? [] : ['noexec']),
    'fd=3',
    'rootmode=40000', // octal: a directory
    'user_id=0',
    'group_id=0',
    `max_read=${MAX_READ_SIZE}`,
    ...permissionOptions(options),
  ].join(',');
}
