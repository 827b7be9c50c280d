import { access, constants, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { reasonText } from '../../base/system-error-text.js';
import { MAX_READ_SIZE } from '../kernel-numbers.js';
import type { TransportOptions } from '../transport.js';
import { receiveDescriptor } from './descriptor-socket.js';
import { checkFuseDevice, deviceAdvice } from './fuse-device.js';
import { escapedSource, type KernelMount, permissionOptions } from './kernel-mount.js';
import { readMountTable, SUBTYPE, topmostAt } from './mount-table.js';
import { failureOfTool } from './run-tool.js';

/** libfuse 3's setuid program, and libfuse 2's, which takes the same options. */
const PROGRAMS = ['fusermount3', 'fusermount'] as const;

const FUSE_CONF = '/etc/fuse.conf';

/** Mounts by fusermount3, which opens the device, mounts as root, and sends the descriptor. */
export const userMount: KernelMount = {
  async check({ allowOther }) {
    await checkFuseDevice();
    await findProgram('MOUNT_FAILED');
    if (allowOther) await checkUserAllowOther();
  },

  async attach({ path: mountpoint }, options) {
    const program = await findProgram('MOUNT_FAILED');
    const args = ['-o', fusermountOptions(options), '--', mountpoint];
    const failed = (why: string) =>
      new LayerslayerError('MOUNT_FAILED', `mounting on ${mountpoint}: ${why}${advice(why)}`);
    const descriptor = await receiveDescriptor(async (peer) => {
      const tool = { inherited: [peer], env: { _FUSE_COMMFD: '3' } };
      const failure = await failureOfTool(program, args, 'MOUNT_FAILED', tool);
      if (failure !== undefined) throw failed(failure);
    });
    if (descriptor === undefined) throw failed(`${program} sent no descriptor`);
    return descriptor;
  },

  async detach(mountpoint, how) {
    const program = await findProgram('UNMOUNT_FAILED');
    if (how === 'forcibly') await abortConnection(mountpoint);
    const flags = how === 'if-unused' ? ['-u'] : ['-u', '-z'];
    const failure = await failureOfTool(program, [...flags, '--', mountpoint], 'UNMOUNT_FAILED');
    if (failure === undefined) return;
    // `entry for /mnt/img not found in /etc/mtab`: it only searches for mounts of this user.
    const why = /^entry for .* not found/.test(failure)
      ? 'not mounted by this user; its user or root can unmount it'
      : failure;
    throw new LayerslayerError('UNMOUNT_FAILED', `unmounting ${mountpoint}: ${why}`);
  },
};

/**
 * Returns fusermount3's options. The kernel's type is `fuse.` and the subtype. fusermount3 adds
 * descriptor, root mode and user.
 */
export function fusermountOptions(options: TransportOptions): string {
  return [
    'ro',
    'nosuid', // as `nodev`, always set for an ordinary user
    'nodev',
    ...(options.exec ? [] : ['noexec']),
    `max_read=${MAX_READ_SIZE}`,
    `subtype=${SUBTYPE}`,
    `fsname=${escapedSource(options.source)}`,
    ...permissionOptions(options),
    ...(options.nonempty ? ['nonempty'] : []), // libfuse 2's checks by itself
  ].join(',');
}

/**
 * Finds the program's whole path, so that a missing one is reported before anything is fetched.
 * @throws LayerslayerError `code`
 */
async function findProgram(code: 'MOUNT_FAILED' | 'UNMOUNT_FAILED'): Promise<string> {
  const directories = (process.env.PATH ?? '').split(':').filter((directory) => directory.startsWith('/'));
  for (const path of PROGRAMS.flatMap((program) =>
    directories.map((directory) => join(directory, program)),
  )) {
    if (await isExecutable(path)) return path;
  }
  const message = 'fusermount3 is not on PATH, which ordinary users mount and unmount by';
  throw new LayerslayerError(code, `${message}; install the package fuse3, or run as root`);
}

/**
 * Checks fuse.conf for permission to let other users into a user's mount. fusermount3 checks it
 * again.
 * @throws LayerslayerError MOUNT_FAILED without that permission
 */
export async function checkUserAllowOther(path: string = FUSE_CONF): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    const message = `--allow-other: reading ${path}: ${reasonText(error)}`;
    throw new LayerslayerError('MOUNT_FAILED', message, { cause: error });
  });
  if (allowsOther(text)) return;
  const message = `--allow-other: ${path} has no line user_allow_other, without which only root may let others in`;
  throw new LayerslayerError('MOUNT_FAILED', `${message}; have it added, or leave the option out`);
}

/** Parses as fusermount3 does: ignores blanks around a line and text after a #. */
export function allowsOther(text: string): boolean {
  return text.split('\n').some((line) => line.replace(/#.*/, '').trim() === 'user_allow_other');
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function advice(failure: string): string {
  if (/\/dev\/fuse: Permission denied/.test(failure)) return deviceAdvice('EACCES');
  if (/determine username/.test(failure)) return `: user ${process.getuid?.()} has no name in /etc/passwd`;
  if (!/not permitted/.test(failure)) return '';
  return '; fusermount3 must be setuid root, and allowed to be (in a container: start it with `--cap-add SYS_ADMIN`)';
}

/**
 * Aborts a user's connection, as MNT_FORCE does for root. The connection's files belong to the user
 * that mounted it (fusectl; the device's minor number names the connection). Without fusectl the
 * following unmount is lazy, and the mount ends with its last user.
 */
async function abortConnection(mountpoint: string): Promise<void> {
  const device = topmostAt(await readMountTable(), mountpoint)?.device;
  const minor = device?.split(':')[1];
  if (minor !== undefined) await writeFile(`/sys/fs/fuse/connections/${minor}/abort`, '1').catch(() => {});
}
