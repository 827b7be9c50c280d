import { LayerslayerError, unsupported } from '../base/errors.js';
import { type FilePart, readFully } from '../blob/file-part.js';
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
