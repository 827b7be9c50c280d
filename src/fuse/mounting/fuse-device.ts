import { closeSync, fstatSync, openSync } from 'node:fs';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { reasonText } from '../../base/system-error-text.js';

const DEVICE = '/dev/fuse';

/**
 * @returns a descriptor for one mount; the caller closes it
 * @throws LayerslayerError MOUNT_FAILED, saying what to do
 */
export async function openFuseDevice(device: string = DEVICE): Promise<number> {
  let descriptor: number;
  try {
    descriptor = openSync(device, 'r+');
  } catch (error) {
    const code = systemCode(error);
    const message = `opening ${device}: ${reasonText(error)}${deviceAdvice(code)}`;
    throw new LayerslayerError('MOUNT_FAILED', message, { cause: error });
  }
  if (fstatSync(descriptor).isCharacterDevice()) return descriptor;
  closeSync(descriptor);
  throw new LayerslayerError('MOUNT_FAILED', `${device} is not a device${deviceAdvice('ENODEV')}`);
}

/** Opens the device and closes it. @throws as `openFuseDevice` */
export async function checkFuseDevice(): Promise<void> {
  closeSync(await openFuseDevice());
}

/** What to do about a system error that has to do with the device; empty for others. */
export function deviceAdvice(code: string | undefined): string {
  if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO') {
    return '; load the kernel module with `modprobe fuse` (in a container: start it with `--device /dev/fuse`)';
  }
  if (code === 'EACCES') {
    return `; have it opened to ordinary users (\`chmod 666 ${DEVICE}\`, as udev does), or run as root`;
  }
  if (code === 'EPERM') {
    return '; run as root (in a container: start it with `--device /dev/fuse --cap-add SYS_ADMIN`)';
  }
  return '';
}
