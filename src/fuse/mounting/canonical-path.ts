import { readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LayerslayerError, systemCode } from '../../base/errors.js';
import { fsPath, textOfBytes } from '../../base/text/raw-text.js';

/** As in the kernel: more is a loop. */
const LINKS_MAX = 40;

/** Queries the file system at `path`, as `readlink` would. The caller sets the deadline. */
export type Ask = <T>(path: string, question: () => Promise<T>) => Promise<T>;

/**
 * Returns the path without symlinks. Resolves one component at a time, so that `ask` can check each
 * file system first: a symlink on a local disk may lead to a dead server.
 * @throws the error of `ask`; ELOOP
 */
export async function canonicalPath(path: string, ask: Ask): Promise<string> {
  let resolved = '/';
  let links = 0;
  const names = path.split('/').reverse(); // a stack: the next component is last
  while (names.length > 0) {
    const name = names.pop()!;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      resolved = dirname(resolved);
      continue;
    }
    const next = join(resolved, name);
    const target = await ask(next, () => linkTarget(next));
    if (target === undefined) {
      resolved = next;
      continue;
    }
    if (++links > LINKS_MAX) {
      const message = `mountpoint ${path}: ELOOP: too many levels of symbolic links`;
      throw new LayerslayerError('MOUNT_FAILED', message);
    }
    if (target.startsWith('/')) resolved = '/';
    names.push(...target.split('/').reverse());
  }
  return resolved;
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return textOfBytes(await readlink(fsPath(path), 'buffer'));
  } catch (error) {
    if (systemCode(error) === 'EINVAL') return undefined; // not a symlink
    throw error;
  }
}
