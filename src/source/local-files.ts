import { constants } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import { LayerslayerError, systemCode, unsupported } from '../base/errors.js';
import { diskFault } from '../base/on-disk.js';
import { fsPath } from '../base/text/raw-text.js';
import type { FilePart } from '../blob/blob.js';
import { type Digest, digestOf, shortDigest } from '../oci/digest.js';

/** A file of an image on this machine. */
export interface LocalFile extends FilePart {
  size: number; // bytes
}

/** The files of an image on this machine: in a directory or in a tar. */
export interface LocalFiles {
  readonly path: string; // absolute, of the directory or tar
  /**
   * @param name relative to the image's root, with `/`; it can't lead out of it
   * @returns undefined if there is no such file
   * @throws LayerslayerError IO_FAILED; for a tar also CORRUPT_LAYER, UNSUPPORTED
   */
  find(name: string): Promise<LocalFile | undefined>;
  /** Waits for pending reads. */
  close(): Promise<void>;
}

/**
 * Reads a small file.
 * @param limit bytes
 * @returns undefined if there is no such file
 * @throws LayerslayerError UNSUPPORTED if it is larger; as `find`
 */
export async function readSmallFile(
  files: LocalFiles,
  name: string,
  limit: number,
): Promise<Uint8Array | undefined> {
  const found = await files.find(name);
  if (!found) return undefined;
  const { file, start, size } = found;
  const doing = `reading ${name} of ${files.path}`;
  if (size > limit) {
    throw unsupported(`${doing}: it has ${size} bytes, the limit is ${limit} bytes`);
  }
  const bytes = Buffer.allocUnsafeSlow(size);
  await readFully(file, bytes, start, doing);
  return bytes;
}

/** @throws LayerslayerError DIGEST_MISMATCH unless the content of the file `name` is `digest`'s */
export function checkContent(bytes: Uint8Array, digest: Digest, { path }: LocalFiles, name: string): void {
  const found = digestOf(bytes, digest);
  if (found === digest) return;
  const why = `${name} of ${path}: its content is ${shortDigest(found)}`;
  throw new LayerslayerError('DIGEST_MISMATCH', why);
}

/**
 * Opens a file for reading. Follows symlinks: layouts by build tools are full of them, and digests
 * verify their targets.
 * @param within directories, real paths, that the file must be below. Default: anywhere
 * @throws LayerslayerError NOT_FOUND; IO_FAILED, also for pipes, devices and outside of `within`
 */
export async function openRegularFile(
  path: string,
  within?: readonly string[],
): Promise<{ file: FileHandle; size: number }> {
  let file: FileHandle;
  try {
    // Opening a pipe waits for its writer, unless told not to.
    file = await open(fsPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw diskFault(path, error);
    throw new LayerslayerError('NOT_FOUND', `${path}: no such file`, { cause: error });
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new LayerslayerError('IO_FAILED', `${path} is no regular file`);
    // The path of what was opened: that of `path` may be another file by now. (proc(5))
    if (within && !isBelow(await readlink(`/proc/self/fd/${file.fd}`), within))
      throw new LayerslayerError('IO_FAILED', `${path}: it leads out of the allowed directories`);
    return { file, size: stat.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function isBelow(path: string, directories: readonly string[]): boolean {
  return directories.some((one) => path.startsWith(one.endsWith('/') ? one : `${one}/`));
}

/**
 * Fills `bytes` from a file.
 * @param doing names the step in messages: `reading /srv/image.tar at 512`
 * @throws LayerslayerError IO_FAILED, also if the file ends before
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
    throw diskFault(doing, error);
  }
  if (filled === bytes.length) return;
  throw new LayerslayerError('IO_FAILED', `${doing}: got ${filled} bytes, want ${bytes.length}`);
}
