import type { EntryFilter, EntryQuery } from '../../../catalog/search/entry-query.js';
import { pathMatcher } from '../../../catalog/search/path-matcher.js';
import type { InodeKind } from '../../../overlay/tree.js';
import type { OptionValues } from '../../options/option-table.js';
import { usageError } from '../../options/usage-error.js';
import { parseSize } from '../../terminal/size.js';
import type { FIND } from './declaration.js';
import { parseModeBits } from './mode-bits.js';
import { parseTime } from './time.js';

type FindValues = OptionValues<typeof FIND.options>;

const KINDS: readonly InodeKind[] = ['file', 'dir', 'symlink', 'char', 'block', 'fifo'];

/** Returns what the words ask for. @throws LayerslayerError INVALID_ARGUMENT */
export async function queryOf(pattern: string, values: FindValues): Promise<EntryQuery> {
  const { regex, 'ignore-case': ignoresCase, deleted, layer, print0, json } = values;
  if (pattern.includes('\0')) throw usageError('a path has no NUL');
  if (deleted && layer !== undefined)
    throw usageError('--deleted and --layer exclude each other: a layer hides nothing of its own');
  if (print0 && json) throw usageError('--print0 and --json exclude each other: both write to stdout');
  const filter: EntryFilter = {
    kinds: values.kind === undefined ? undefined : parseKinds(values.kind),
    size: values.size === undefined ? undefined : parseSizeRange(values.size),
    modeBits: values.mode === undefined ? undefined : parseModeBits(values.mode),
    newer: values.newer === undefined ? undefined : parseTime(values.newer),
  };
  const matcher = await pathMatcher(pattern, { isRegex: regex, ignoresCase });
  return { matcher, filter, hiddenOnly: deleted };
}

function parseKinds(text: string): ReadonlySet<InodeKind> {
  const words = text.split(',');
  const unknown = words.find((word) => !(KINDS as readonly string[]).includes(word));
  if (unknown === undefined) return new Set(words as InodeKind[]);
  throw usageError(`not a kind: ${JSON.stringify(unknown)}: want ${KINDS.join(', ')}`);
}

/**
 * `+10M` is more than 10 MiB, `-1k` less than 1 KiB, `10M..20M` both and all between, `512` exactly
 * that. Either end of a range may be missing. Bounds are exact bytes: nothing is rounded.
 */
export function parseSizeRange(text: string): { least: number; most: number } {
  const [first, last, ...more] = text.split('..');
  if (more.length > 0) throw usageError(`not a range of sizes: ${JSON.stringify(text)}: want 10M..20M`);
  if (last === undefined) return sizesOf(first!);
  if (first === '' && last === '') throw usageError('a range of sizes has an end: 10M.., ..20M');
  const least = first === '' ? 0 : parseSize(first!);
  const most = last === '' ? Number.POSITIVE_INFINITY : parseSize(last);
  if (least > most) throw usageError(`no size is in ${text}: its first end is the larger one`);
  return { least, most };
}

function sizesOf(text: string): { least: number; most: number } {
  const size = parseSize(text.replace(/^[+-]/, ''));
  if (text.startsWith('+')) return { least: size + 1, most: Number.POSITIVE_INFINITY };
  if (!text.startsWith('-')) return { least: size, most: size };
  if (size === 0) throw usageError('no file is smaller than 0 bytes');
  return { least: 0, most: size - 1 };
}
