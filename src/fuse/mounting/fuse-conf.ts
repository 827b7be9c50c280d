import { readFile } from 'node:fs/promises';
import { LayerslayerError, systemCode } from '../../base/errors.js';

const FUSE_CONF = '/etc/fuse.conf';

/**
 * Checks fuse.conf for permission to let other users into a user's mount. fusermount3 checks it
 * again.
 * @throws LayerslayerError MOUNT_FAILED without that permission
 */
export async function checkUserAllowOther(path: string = FUSE_CONF): Promise<void> {
  if (allowsOther(await read(path))) return;
  const message = `--allow-other: ${path} has no line user_allow_other, without which only root may let others in`;
  throw new LayerslayerError('MOUNT_FAILED', `${message}; have it added, or leave the option out`);
}

/** Parses as fusermount3 does: ignores blanks around a line and text after a #. */
export function allowsOther(text: string): boolean {
  return text.split('\n').some((line) => line.replace(/#.*/, '').trim() === 'user_allow_other');
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return '';
    throw new LayerslayerError('MOUNT_FAILED', `--allow-other: reading ${path}: ${code}`, { cause: error });
  }
}
