import { existsSync } from 'node:fs';
import { asLayerslayerError, LayerslayerError } from '../errors.js';

/**
 * Returns an error of reading below /proc as IO_FAILED. The message says so if /proc is not
 * mounted.
 */
export function procFault(error: unknown): LayerslayerError {
  if (existsSync('/proc/self')) return asLayerslayerError(error);
  const message = '/proc is not mounted: mount it (mount -t proc proc /proc), or start the container with it';
  return new LayerslayerError('IO_FAILED', message, { cause: error });
}
