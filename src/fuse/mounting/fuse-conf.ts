import { readFile } from 'node:fs/promises';
import { LayerslayerError, systemCode } from '../../base/errors.js';

const FUSE_CONF = '/etc/fuse.conf';

/**
 * Asks the administrator's file whether ordinary users may let others into their mounts; fusermount3 asks it again.
 * @throws LayerslayerError MOUNT_FAILED when they may not
 */
export async function checkUserAllowOther(path: string = FUSE_CONF): Promise<void> {
  if (allowsOther(await read(path))) return;
  const message = `--allow-other: ${path} has no line user_allow_other, without which only root may let others in`;
  throw new LayerslayerError('MOUNT_FAILED', `${message}; have it added, or leave the option out`);
}

/** As fusermount3 reads it: blanks around a line and what follows a # are nothing. */
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
