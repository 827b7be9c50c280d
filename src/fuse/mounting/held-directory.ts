import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import { fsPath, textOfBytes } from '../../base/text/raw-text.js';
import type { CheckedMountpoint } from './kernel-mount.js';

/** Linux, asm-generic/fcntl.h: a descriptor that only refers to a file. Node has no constant. */
const O_PATH = 0o10000000;

/** Identifies a directory independent of its name. */
export function directoryIdentity({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/**
 * Opens a directory, which stays the same if its path changes. Its owner can replace it with a
 * symlink at any time, even between root's check and root's mount(2).
 * @param directory canonical path and identity at the check
 * @throws Error if the path now leads elsewhere; the system's error
 */
export async function holdDirectory({ path, identity }: CheckedMountpoint): Promise<FileHandle> {
  const held = await open(fsPath(path), O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const found = directoryIdentity(await held.stat({ bigint: true }));
    if ((identity ?? found) === found && (await pathOf(held)) === path) return held;
    throw new Error('the directory was replaced while it was in use');
  } catch (error) {
    await held.close();
    throw error;
  }
}

/** Returns the current path of an open directory. */
export async function pathOf({ fd }: FileHandle): Promise<string> {
  return textOfBytes(await readlink(`/proc/self/fd/${fd}`, 'buffer'));
}
