import { LayerslayerError } from '../base/errors.js';

/** @returns a CORRUPT_LAYER: the table is damaged, or contradicts itself or its layer */
export function corruptTable(why: string, options?: { cause?: unknown }): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `table of contents: ${why}`, options);
}
