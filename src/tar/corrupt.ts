import { LayerslayerError } from '../base/errors.js';

/** @param offset bytes, of the header block in the uncompressed tar */
export function corruptTar(offset: number, fault: string): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `reading tar entry at ${offset}: ${fault}`);
}
