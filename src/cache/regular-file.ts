import { closeSync, constants, fstatSync, openSync } from 'node:fs';

/**
 * O_NONBLOCK: opening a FIFO would wait for its writer. O_NOFOLLOW: a symlink may lead to an
 * endless device.
 */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * Opens a regular file for reading, without waiting for another process. The cache directory is
 * shared, so each open checks the file type.
 * @returns a descriptor, which the caller closes; undefined for any other file type: FIFO, socket,
 *   device, directory
 * @throws the system's error; ELOOP for a symlink
 */
export function openRegular(path: string): number | undefined {
  const fd = openSync(path, READ_FLAGS);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return undefined;
}
