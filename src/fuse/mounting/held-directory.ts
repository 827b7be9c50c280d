import * as fs from 'node:fs';
import { readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fsPath, textOfBytes } from '../../base/raw-text.js';
import type { CheckedMountpoint } from './kernel-mount.js';

const open = promisify(fs.open);
const close = promisify(fs.close);
const fstat = promisify(fs.fstat);

/** Linux, asm-generic/fcntl.h: a descriptor that only refers to a file. Node has no constant. */
const O_PATH = 0o10000000;

/** Identifies a directory independent of its name. */
export function directoryIdentity({ dev, ino }: fs.BigIntStats): string {
  return `${dev}:${ino}`;
}

/**
 * An open directory that stays the same if its path changes. Its owner can replace it with a
 * symlink at any time, even between root's check and root's mount(2).
 */
export class HeldDirectory {
  readonly descriptor: number;

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  /**
   * @param directory canonical path and identity at the check
   * @throws Error if the path now leads elsewhere; the system's error
   */
  static async open({
    path,
    identity,
  }: Pick<CheckedMountpoint, 'path' | 'identity'>): Promise<HeldDirectory> {
    const flags = O_PATH | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW;
    const held = new HeldDirectory(await open(fsPath(path), flags));
    try {
      const found = directoryIdentity(await fstat(held.descriptor, { bigint: true }));
      if ((identity ?? found) === found && (await held.path()) === path) return held;
      throw new Error('the directory was replaced while it was in use');
    } catch (error) {
      await held.close();
      throw error;
    }
  }

  /** Returns the current path. */
  async path(): Promise<string> {
    return textOfBytes(await readlink(`/proc/self/fd/${this.descriptor}`, 'buffer'));
  }

  close(): Promise<void> {
    return close(this.descriptor);
  }
}
