import { existsSync } from 'node:fs';
import { asLayerslayerError, LayerslayerError } from './errors.js';

/** Returns a fault of reading below /proc as it should be shown: IO_FAILED, naming the cause where /proc is not mounted. */
export function procFault(error: unknown): LayerslayerError {
  if (existsSync('/proc/self')) return asLayerslayerError(error);
  const message = '/proc is not mounted: mount it (mount -t proc proc /proc), or start the container with it';
  return new LayerslayerError('IO_FAILED', message, { cause: error });
}
