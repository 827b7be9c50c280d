import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { LayerslayerError, systemCode } from '../base/errors.js';
import { fsPath } from '../base/text/raw-text.js';

/** Bytes in an open file: all of it, or a member of an archive. */
export interface FilePart {
  file: FileHandle;
  start: number; // byte of the file
}

/**
 * Opens a file for reading. Follows symlinks: build tools make layouts of them, and digests check
 * the contents.
 * @throws LayerslayerError NOT_FOUND; IO_FAILED, also for a pipe, which would block, and a device,
 *   which has no end
 */
export async function openRegularFile(path: string): Promise<{ file: FileHandle; size: number }> {
  let file: FileHandle;
  try {
    // Opening a pipe waits for its writer, unless told not to.
    file = await open(fsPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw openFault(path, error);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new LayerslayerError('IO_FAILED', `${path} is no regular file`);
    return { file, size: stat.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Exactly these bytes of a file, into `bytes`.
 * @param doing names the reading in messages: `reading /srv/image.tar at 512`
 * @throws LayerslayerError IO_FAILED, also when the file ends before
 */
export async function readFully(
  file: FileHandle,
  bytes: Uint8Array,
  offset: number,
  doing: string,
): Promise<void> {
  let filled = 0;
  try {
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } catch (error) {
    throw new LayerslayerError('IO_FAILED', `${doing}: ${(error as Error).message}`, { cause: error });
  }
  if (filled === bytes.length) return;
  throw new LayerslayerError('IO_FAILED', `${doing}: got ${filled} bytes, want ${bytes.length}`);
}

function openFault(path: string, error: unknown): LayerslayerError {
  const code = systemCode(error);
  const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
  const why = isMissing ? 'no such file' : (error as Error).message;
  return new LayerslayerError(isMissing ? 'NOT_FOUND' : 'IO_FAILED', `${path}: ${why}`, { cause: error });
}
