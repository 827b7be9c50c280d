import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * O_NONBLOCK: opening a FIFO would wait for its writer. O_NOFOLLOW: a symlink may lead to an
 * endless device.
 */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * Opens a regular file for reading, without waiting for another process. The cache directory is
 * shared, so each open checks the file type.
 * @returns undefined for any other file type: FIFO, socket, device, directory
 * @throws the system's error; ELOOP for a symlink
 */
export async function openRegular(path: string): Promise<FileHandle | undefined> {
  const file = await open(path, READ_FLAGS);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  return undefined;
}

/**
 * Synchronous `openRegular`.
 * @returns a descriptor; the caller closes it
 */
export function openRegularSync(path: string): number | undefined {
  const fd = openSync(path, READ_FLAGS);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return undefined;
}
