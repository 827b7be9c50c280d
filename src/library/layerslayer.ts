import type { Image } from './image.js';
import type { OpenImageOptions } from './options.js';

export { type ErrorCode, LayerslayerError } from './errors.js';
export type {
  DirectoryEntry,
  FileAttributes,
  FileContent,
  FileStats,
  FileVersion,
  ImagePath,
  LayerEntry,
  OperationOptions,
  RangeOptions,
  ReadFileOptions,
  ReadStreamOptions,
} from './files.js';
export type {
  BuildStep,
  ContainerConfig,
  Image,
  ImageConfig,
  ImageLayer,
  ImageMount,
} from './image.js';
export type {
  Credentials,
  IndexTrust,
  LayerProgress,
  MessageLevel,
  MountOptions,
  OpenImageOptions,
  UnmountOptions,
} from './options.js';

/**
 * Opens an image in a registry or on this machine. Asks for its manifest and config, and reads no
 * layer yet. Close the image when you are done.
 * @param reference as everywhere: `nginx:alpine`, `ghcr.io/o/r@sha256:…`, `localhost:5000/x`,
 *   `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:NAME]`
 * @throws LayerslayerError INVALID_ARGUMENT, INVALID_REFERENCE, NOT_FOUND, UNAUTHORIZED,
 *   NO_MATCHING_PLATFORM, UNSUPPORTED, ABORTED, network codes
 */
export async function openImage(reference: string, options: OpenImageOptions = {}): Promise<Image> {
  const { openSharedImage } = await import('./opened/open-image.js'); // importing the library stays cheap
  return openSharedImage(reference, options);
}

/**
 * Unmounts a mount of layerslayer, of this or another process, and waits for its process to end.
 * @throws LayerslayerError UNMOUNT_FAILED: busy, or no mount of layerslayer
 */
export async function unmount(
  mountpoint: string,
  options: { lazy?: boolean | undefined } = {},
): Promise<void> {
  const { unmountAt } = await import('./opened/mount-image.js');
  return unmountAt(mountpoint, options);
}
