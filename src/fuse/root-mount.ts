import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { LayerslayerError } from '../base/errors.js';
import { checkFuseDevice, deviceAdvice, openFuseDevice } from './fuse-device.js';
import { type Detachment, FILE_SYSTEM_TYPE, type KernelMount } from './kernel-mount.js';
import { failureOfTool } from './mount-tool.js';
import { MAX_READ_SIZE } from './negotiation.js';
import type { TransportOptions } from './transport.js';

const close = promisify(fs.close);

const DETACH_FLAGS: Record<Detachment, readonly string[]> = {
  'if-unused': [],
  lazily: ['-l'],
  forcibly: ['-f', '-l'], // MNT_FORCE aborts a FUSE connection
};

/** Mounting by mount(8) as root: the kernel's own interface, without libfuse. */
export const rootMount: KernelMount = {
  check: checkFuseDevice,

  async attach(mountpoint, options) {
    const descriptor = await openFuseDevice();
    try {
      await mount(mountpoint, descriptor, options);
      return descriptor;
    } catch (error) {
      await close(descriptor);
      throw error;
    }
  },

  async detach(mountpoint, how) {
    // -i: no helper /sbin/umount.fuse.layerslayer. -c: the path is canonical; umount(8) would ask the mount itself, and wait
    // for ever if its daemon hangs.
    const args = ['-i', '-c', ...DETACH_FLAGS[how], '--', mountpoint];
    const failure = await failureOfTool('umount', args, 'UNMOUNT_FAILED');
    if (failure) throw new LayerslayerError('UNMOUNT_FAILED', `unmounting ${mountpoint}: ${failure}`);
  },
};

async function mount(mountpoint: string, descriptor: number, options: TransportOptions): Promise<void> {
  // The source is an argument of its own, so commas, blanks and backslashes need no quoting; `--` because it might
  // start with a dash; the directory is `/`, so that mount(8) does not take it for a path near us and expand it.
  // -i: no helper /sbin/mount.fuse, which is libfuse's. -n: nothing into /run/mount/utab.
  const args = [
    '-i',
    '-n',
    '-t',
    FILE_SYSTEM_TYPE,
    '-o',
    kernelOptions(options),
    '--',
    options.source,
    mountpoint,
  ];
  const failure = await failureOfTool('mount', args, 'MOUNT_FAILED', { inherited: descriptor });
  if (failure) {
    const advice = /permission denied|superuser/i.test(failure) ? deviceAdvice('EPERM') : '';
    throw new LayerslayerError('MOUNT_FAILED', `mounting on ${mountpoint}: ${failure}${advice}`);
  }
}

/** mount(8) options and the data of fuse's own parser, in one string. The descriptor is the tool's fd 3. */
export function kernelOptions(options: TransportOptions): string {
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
    // Others come in only under the image's own modes; without allow_other the kernel lets nobody but root in.
    ...(options.allowOther ? ['allow_other'] : []),
    ...(options.allowOther || options.defaultPermissions ? ['default_permissions'] : []),
  ].join(',');
}
