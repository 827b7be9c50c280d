import { lstatSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sweepLocks } from './machine-lock.js';
import { FOLDER, LOCK_FOLDER, OLD_VERSIONS } from './store-layout.js';
import { chargeOf, list } from './store-scan.js';

/** What a store of any layout consists of. Nothing else is removed. */
const PARTS = [...Object.values(FOLDER), LOCK_FOLDER, 'ledger'];

/**
 * Removes the caches of older versions of this program, except while a process of such a version
 * holds a lock. Never throws: `oldLayoutsCharge` counts what stays, and the next store retries.
 * @param directory the cache directory
 */
export async function removeOldLayouts(directory: string): Promise<void> {
  for (const version of OLD_VERSIONS) {
    const root = join(directory, version);
    try {
      if (!isOwnDirectory(root)) continue;
      const locks = join(root, LOCK_FOLDER);
      if (isOwnDirectory(locks) && !(await sweepLocks(locks))) continue;
      // rm removes a symlink, not what it leads to.
      for (const part of PARTS) await rm(join(root, part), { recursive: true, force: true });
      await rmdir(root);
    } catch {
      // A read-only file system, or a file that we did not make.
    }
  }
}

/**
 * Returns the disk that older layouts take, counted as `chargeOf` counts. A folder that cannot be
 * read counts as empty: it must not end the caching.
 */
export async function oldLayoutsCharge(directory: string): Promise<number> {
  let charged = 0;
  const ahead = OLD_VERSIONS.map((version) => join(directory, version)).filter(isOwnDirectory);
  for (let folder = ahead.pop(); folder !== undefined; folder = ahead.pop()) {
    await nextTurn();
    for (const entry of await list(folder).catch(() => [])) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) ahead.push(path);
      charged += chargeOf(sizeOf(path));
    }
  }
  return charged;
}

function sizeOf(path: string): number {
  try {
    return lstatSync(path).size;
  } catch {
    return 0; // gone, or not ours to see
  }
}

/** Not a symlink, and not another user's. */
function isOwnDirectory(path: string): boolean {
  const status = lstatSync(path, { throwIfNoEntry: false });
  return status?.isDirectory() === true && status.uid === process.geteuid?.();
}
