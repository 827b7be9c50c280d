import type { OptionTable } from '../options/option-table.js';
import { usageError } from '../options/usage-error.js';
import { oneSlipAway } from './one-slip.js';

/** @param word as typed, without its value: `--platfrom` */
export function unknownOption(word: string, table: OptionTable): Error {
  const meant = word.startsWith('--') ? oneSlipAway(word.slice(2), Object.keys(table)) : undefined;
  const hint = meant === undefined ? '' : `did you mean --${meant}? `;
  return usageError(`unknown option: ${word}: ${hint}see --help`);
}
