import { LayerslayerError, systemCode } from '../../base/errors.js';

type FuseNative = typeof import('fuse-native', { with: { 'resolution-mode': 'require' }});

/**
 * Loads the package fuse-native and by it the system's libfuse 2.
 * @throws LayerslayerError MOUNT_FAILED, saying what to install
 */
export async function loadFuseNative(): Promise<FuseNative> {
  try {
    return (await import('fuse-native')).default;
  } catch (error) {
    const message = `--transport fuse-native: ${diagnosis(error as Error)}, or use --transport dev-fuse`;
    throw new LayerslayerError('MOUNT_FAILED', message, { cause: error });
  }
}

const LIBFUSE = 'libfuse 2 (Debian: libfuse2; Fedora: fuse-libs; Arch: fuse2)';

function diagnosis(error: Error): string {
  const [why = ''] = error.message.split('\n');
  if (systemCode(error) === 'ERR_MODULE_NOT_FOUND') {
    return `its npm package is not installed, which npm leaves out where it can't build it; install ${LIBFUSE}, then layerslayer again`;
  }
  // Of dlopen(3): `libfuse.so.2: cannot open shared object file: No such file or directory`.
  if (why.includes('libfuse')) return `${why}; install ${LIBFUSE}`;
  // Of node-gyp-build: `No native build was found for platform=linux arch=arm64 …`.
  return `${why}; build it (\`npm rebuild fuse-native\`, which needs a compiler)`;
}
