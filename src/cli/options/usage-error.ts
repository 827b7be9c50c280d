import { LayerslayerError } from '../../base/errors.js';

/** Something wrong with how the program was called, seen before anything was done. */
export function usageError(message: string): LayerslayerError {
  return new LayerslayerError('INVALID_ARGUMENT', message);
}
