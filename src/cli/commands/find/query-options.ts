import { parseFilter } from '../../../catalog/query/filter-text.js';
import type { EntryQuery } from '../../../catalog/search/entry-query.js';
import { pathMatcher } from '../../../catalog/search/path-matcher.js';
import type { OptionValues } from '../../options/option-table.js';
import { usageError } from '../../options/usage-error.js';
import type { FIND } from './declaration.js';

type FindValues = OptionValues<typeof FIND.options>;

/** Returns what the words ask for. @throws LayerslayerError INVALID_ARGUMENT */
export async function queryOf(pattern: string, values: FindValues): Promise<EntryQuery> {
  const { regex, 'ignore-case': ignoresCase, deleted, layer, print0, json } = values;
  if (pattern.includes('\0')) throw usageError('a path has no NUL');
  if (deleted && layer !== undefined)
    throw usageError('--deleted and --layer exclude each other: a layer hides nothing of its own');
  if (print0 && json) throw usageError('--print0 and --json exclude each other: both write to stdout');
  const filter = parseFilter(values);
  const matcher = await pathMatcher(pattern, { isRegex: regex, ignoresCase });
  return { matcher, filter, hiddenOnly: deleted };
}
