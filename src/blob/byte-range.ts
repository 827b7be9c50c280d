import { LayerslayerError } from '../base/errors.js';

/** @throws LayerslayerError INVALID_ARGUMENT unless `[offset, offset + length)` lies inside `size` bytes */
export function checkRange(offset: number, length: number, size: number): void {
  // Not `offset + length > size`: past 2^53 the sum rounds.
  if (offset >= 0 && length >= 0 && offset <= size && length <= size - offset) return;
  throw new LayerslayerError('INVALID_ARGUMENT', `${length} bytes at ${offset} are not inside ${size}`);
}
