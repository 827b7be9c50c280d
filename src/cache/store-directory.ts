import type { Stats } from 'node:fs';
import { chmod, lstat, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LayerslayerError, systemCode } from '../base/errors.js';
import { makeDirectories } from '../base/make-directories.js';
import { diskFault } from '../base/on-disk.js';
import { STORE_VERSION } from './store-layout.js';

const OWNER_ONLY = 0o700;
const STICKY = 0o1000;
const OTHERS_MAY_WRITE = 0o022;
const OTHERS_MAY_ANYTHING = 0o077;

/**
 * Creates the cache directory and the store's folder in it, for their owner only. A directory of
 * another user is rejected: that user could change it at any time. A sticky directory of ours
 * that others write to (root's /tmp) is left as it is, since our files in it stay ours.
 * @returns the folder of this format version
 * @throws LayerslayerError IO_FAILED: it cannot be created, or another user owns it
 */
export async function prepareStoreDirectory(directory: string): Promise<string> {
  const root = join(directory, STORE_VERSION);
  try {
    makeDirectories(directory, OWNER_ONLY);
    const { mode } = checkOwner(directory, await stat(directory));
    if (mode & OTHERS_MAY_WRITE && !(mode & STICKY)) await chmod(directory, OWNER_ONLY);

    await mkdir(root, { mode: OWNER_ONLY }).catch((error) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
    // lstat: a symlink may lead anywhere.
    const status = checkOwner(root, await lstat(root));
    if (!status.isDirectory()) throw new LayerslayerError('IO_FAILED', `${root} is not a directory`);
    if (status.mode & OTHERS_MAY_ANYTHING) await chmod(root, OWNER_ONLY);
    return root;
  } catch (error) {
    throw error instanceof LayerslayerError ? error : diskFault(`making ${root}`, error);
  }
}

function checkOwner(path: string, status: Stats): Stats {
  const user = process.geteuid?.() ?? status.uid;
  if (status.uid === user) return status;
  throw new LayerslayerError('IO_FAILED', `${path} belongs to user ${status.uid}, not to user ${user}`);
}
