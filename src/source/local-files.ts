import { LayerslayerError } from '../base/errors.js';
import { type FilePart, readFully } from '../blob/file-part.js';

/** A file of an image that lies on this machine. */
export interface LocalFile extends FilePart {
  size: number; // bytes
}

/** The files of an image that lies on this machine: in a directory, or in a tar. */
export interface LocalFiles {
  readonly path: string; // absolute: of the directory, or of the tar
  /**
   * @param name relative to the image's root, with `/`; it cannot lead out of there
   * @returns undefined when there is no such file
   * @throws LayerslayerError IO_FAILED; for a tar also CORRUPT_LAYER, UNSUPPORTED
   */
  find(name: string): Promise<LocalFile | undefined>;
  /** Reads under way end first. */
  close(): Promise<void>;
}

/**
 * A small file, whole.
 * @param limit bytes
 * @returns undefined when there is no such file
 * @throws LayerslayerError UNSUPPORTED when it is larger; as `find`
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
    throw new LayerslayerError('UNSUPPORTED', `${doing}: it has ${size} bytes, the limit is ${limit} bytes`);
  }
  const bytes = Buffer.allocUnsafeSlow(size);
  await readFully(file, bytes, start, doing);
  return bytes;
}
