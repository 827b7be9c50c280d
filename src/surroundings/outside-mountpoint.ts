import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { LayerslayerError } from '../base/errors.js';
import { fsPath, textOfBytes } from '../base/text/raw-text.js';

/**
 * Checks that a daemon's own file is not below its mountpoint: it would wait for itself.
 * @param what names the file in the message
 * @param mountpoint absolute, free of symlinks if `path` is
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function checkOutside(what: string, path: string, mountpoint: string): void {
  if (path === mountpoint || path.startsWith(join(mountpoint, '/'))) {
    const message = `the ${what} ${path} lies below the mountpoint ${mountpoint}`;
    throw new LayerslayerError('INVALID_ARGUMENT', message);
  }
}

/** Resolves the symlinks of the part of the path that exists. */
export function canonicalPath(path: string): string {
  try {
    return textOfBytes(realpathSync(fsPath(path), 'buffer'));
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(canonicalPath(parent), basename(path));
  }
}
