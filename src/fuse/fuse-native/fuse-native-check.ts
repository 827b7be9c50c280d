import { LayerslayerError } from '../../base/errors.js';
import { isRaw } from '../../base/raw-text.js';
import { readMountTable, topmostAt } from '../mounting/mount-table.js';
import { loadFuseNative } from './fuse-native-library.js';

/** Bytes, with the NUL. fuse-native cuts a longer path, and would mount elsewhere. */
const MOUNTPOINT_MAX = 1024;

/**
 * Checks that fuse-native can mount over a checked, canonical path, before anything is fetched for
 * it.
 * @throws LayerslayerError MOUNT_FAILED, with advice
 */
export async function checkFuseNative(mountpoint: string): Promise<void> {
  await loadFuseNative();
  if (Buffer.byteLength(mountpoint) >= MOUNTPOINT_MAX) {
    throw failedByFuseNative(mountpoint, `it takes paths of at most ${MOUNTPOINT_MAX - 1} bytes`);
  }
  if (isRaw(mountpoint)) throw failedByFuseNative(mountpoint, 'it takes only paths that are UTF-8');
  const there = topmostAt(await readMountTable(), mountpoint);
  if (there) throw failedByFuseNative(mountpoint, `it does not mount over another mount (${there.source})`);
}

export function failedByFuseNative(mountpoint: string, why: string, cause?: unknown): LayerslayerError {
  const message = `mounting on ${mountpoint} by fuse-native: ${why}; --transport dev-fuse may do it`;
  return new LayerslayerError('MOUNT_FAILED', message, { cause });
}
