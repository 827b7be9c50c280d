import { LayerslayerError } from '../base/errors.js';

type FuseNative = typeof import('fuse-native', { with: { 'resolution-mode': 'require' }});

/**
 * Loads the package fuse-native and by it the system's libfuse 2.
 * @throws LayerslayerError MOUNT_FAILED, saying what to install
 */
export async function loadFuseNative(): Promise<FuseNative> {
  try {
    return (await import('fuse-native')).default;
  } catch (error) {
    const why = (error as Error).message.split('\n')[0] ?? '';
    const message = `--transport fuse-native: ${why}; ${remedy(why)}, or use --transport dev-fuse`;
    throw new LayerslayerError('MOUNT_FAILED', message, { cause: error });
  }
}

function remedy(why: string): string {
  // Of dlopen(3): `libfuse.so.2: cannot open shared object file: No such file or directory`.
  if (why.includes('libfuse')) return 'install libfuse 2 (Debian: libfuse2; Fedora: fuse-libs; Arch: fuse2)';
  // Of node-gyp-build: `No native build was found for platform=linux arch=arm64 …`.
  if (why.includes('No native build')) return 'the npm package fuse-native has no build for this machine';
  return 'install layerslayer with its optional dependencies (the npm package fuse-native)';
}
