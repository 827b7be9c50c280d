import type { OptionTable } from '../options/option-table.js';
import { usageError } from '../options/usage-error.js';
import { oneSlipAway } from './one-slip.js';
import { seeHelp } from './see-help.js';

/**
 * The shortest beginning of a name that is taken for it: `--user` for `--username`, and
 * `--output-dir` for `--output`.
 */
const MIN_PREFIX = 3; // characters

/** Letters of mount(8) and sshfs, and the options that they stand for there. */
const MEANT_LETTERS: Readonly<Record<string, string>> = { '-V': 'version' };

/**
 * Returns an error with the option that was probably meant. yargs suggests commands only.
 * @param word as typed, without its value: `--platfrom`
 * @param command its name, or that of the program
 */
export function unknownOption(word: string, table: OptionTable, command: string): Error {
  const name = word.replace(/^--?/, '');
  const names = Object.keys(table);
  const meant = name.length > 1 ? similarOption(name, names) : MEANT_LETTERS[word];
  const hint = meant === undefined || !names.includes(meant) ? '' : `did you mean --${meant}? `;
  return usageError(`unknown option: ${word}: ${hint}${seeHelp(command)}`);
}

function similarOption(given: string, names: readonly string[]): string | undefined {
  if (names.includes(given)) return given; // after one dash
  const similar = oneSlipAway(given, names);
  if (similar !== undefined || given.length < MIN_PREFIX) return similar;
  const longer = names.find((name) => name.startsWith(given));
  return longer ?? names.find((name) => name.length >= MIN_PREFIX && given.startsWith(`${name}-`));
}
