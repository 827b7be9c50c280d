import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Opening a FIFO waits for its writer without O_NONBLOCK. A symlink may lead to a device, which has no end. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * Opens a regular file for reading, without ever waiting for another process. The cache directory is shared: what its names
 * stand for is checked on each open.
 * @returns undefined when the name stands for something else: a FIFO, a socket, a device, a directory
 * @throws the system's error; ELOOP for a symlink
 */
export async function openRegular(path: string): Promise<FileHandle | undefined> {
  const file = await open(path, READ_FLAGS);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  return undefined;
}

/** As `openRegular`, synchronously. @returns a descriptor that the caller closes */
export function openRegularSync(path: string): number | undefined {
  const fd = openSync(path, READ_FLAGS);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return undefined;
}
