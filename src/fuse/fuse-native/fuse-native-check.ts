import { isMissingModule, LayerslayerError } from '../../base/errors.js';
import { isRaw } from '../../base/text/raw-text.js';
import { readMountTable, topmostAt } from '../mounting/mount-table.js';

type FuseNative = typeof import('fuse-native', { with: { 'resolution-mode': 'require' }});

const LIBFUSE = 'libfuse 2 (Debian: libfuse2; Fedora: fuse-libs; Arch: fuse2)';

/** Bytes, with the NUL. fuse-native cuts a longer path, and would mount elsewhere. */
const MOUNTPOINT_MAX = 1024;

/**
 * Checks that fuse-native can mount over a checked, canonical path, before anything is fetched for
 * it.
 * @returns the package fuse-native, which has loaded the system's libfuse 2
 * @throws LayerslayerError MOUNT_FAILED, with advice
 */
export async function checkFuseNative(mountpoint: string): Promise<FuseNative> {
  const fuseNative = await loadFuseNative();
  if (Buffer.byteLength(mountpoint) >= MOUNTPOINT_MAX) {
    throw failedByFuseNative(mountpoint, `it takes paths of at most ${MOUNTPOINT_MAX - 1} bytes`);
  }
  if (isRaw(mountpoint)) throw failedByFuseNative(mountpoint, 'it takes only paths that are UTF-8');
  const there = topmostAt(await readMountTable(), mountpoint);
  if (there) throw failedByFuseNative(mountpoint, `it does not mount over another mount (${there.source})`);
  return fuseNative;
}

export function failedByFuseNative(mountpoint: string, why: string, cause?: unknown): LayerslayerError {
  const message = `mounting on ${mountpoint} by fuse-native: ${why}; --transport dev-fuse may do it`;
  return new LayerslayerError('MOUNT_FAILED', message, { cause });
}

async function loadFuseNative(): Promise<FuseNative> {
  try {
    return (await import('fuse-native')).default;
  } catch (error) {
    const message = `--transport fuse-native: ${diagnosis(error as Error)}, or use --transport dev-fuse`;
    throw new LayerslayerError('MOUNT_FAILED', message, { cause: error });
  }
}

function diagnosis(error: Error): string {
  const [why = ''] = error.message.split('\n');
  if (isMissingModule(error)) {
    return `its npm package is not installed; install ${LIBFUSE}, then \`npm install --global fuse-native\``;
  }
  // Of dlopen(3): `libfuse.so.2: cannot open shared object file: No such file or directory`.
  if (why.includes('libfuse')) return `${why}; install ${LIBFUSE}`;
  // Of node-gyp-build: `No native build was found for platform=linux arch=arm64 …`.
  return `${why}; build it (\`npm rebuild fuse-native\`, which needs a compiler)`;
}
