import { LayerslayerError } from '../base/errors.js';

/** @returns a CORRUPT_LAYER: the table is damaged, or contradicts itself or its layer */
export function corruptTable(why: string, options?: { cause?: unknown }): LayerslayerError {
  return new LayerslayerError('CORRUPT_LAYER', `table of contents: ${why}`, options);
}

/** @throws LayerslayerError CORRUPT_LAYER unless `value` is an integer from 0 to 2^53-1 */
export function checkedCount(value: unknown, what: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw corruptTable(`${what} is ${JSON.stringify(value)}, want an integer from 0 to 2^53-1`);
}
