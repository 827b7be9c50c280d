import { usageError } from './usage-error.js';

/**
 * Parses a value that is one of some words.
 * @param option `--sort`
 * @returns undefined if it was not given
 * @throws LayerslayerError INVALID_ARGUMENT for another word
 */
export function chosenWord<W extends string>(
  option: string,
  given: string | undefined,
  words: readonly W[],
): W | undefined {
  if (given === undefined) return undefined;
  const chosen = words.find((word) => word === given);
  if (chosen === undefined) throw usageError(`${option} is ${words.join(', ')}, not ${given}`);
  return chosen;
}
