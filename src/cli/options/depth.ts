import { usageError } from './usage-error.js';

/**
 * Parses `--depth`: a count of names, from 0.
 * @returns undefined if it was not given
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function parseDepth(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw usageError(`not a depth: ${JSON.stringify(text)}: want 0, 1, 2 …`);
  return Number(text);
}
