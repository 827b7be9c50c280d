import type { OptionTable } from '../options/option-table.js';
import { usageError } from '../options/usage-error.js';
import { oneSlipAway } from './one-slip.js';

/** The shortest beginning of a name that is taken for it: `--user` of `--username`. */
const MIN_PREFIX = 3; // characters

/**
 * Returns an error with the option that was probably meant. yargs suggests commands only.
 * @param word as typed, without its value: `--platfrom`
 */
export function unknownOption(word: string, table: OptionTable): Error {
  const name = word.replace(/^--?/, '');
  const meant = name.length > 1 ? similarOption(name, Object.keys(table)) : undefined;
  const hint = meant === undefined ? '' : `did you mean --${meant}? `;
  return usageError(`unknown option: ${word}: ${hint}see --help`);
}

function similarOption(given: string, names: readonly string[]): string | undefined {
  if (names.includes(given)) return given; // after one dash
  const similar = oneSlipAway(given, names);
  if (similar !== undefined || given.length < MIN_PREFIX) return similar;
  return names.find((name) => name.startsWith(given));
}
