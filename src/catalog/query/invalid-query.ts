import { LayerslayerError } from '../../base/errors.js';

export function invalidQuery(message: string): LayerslayerError {
  return new LayerslayerError('INVALID_ARGUMENT', message);
}
