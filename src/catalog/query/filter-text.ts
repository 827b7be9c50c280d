import { parseSize } from '../../base/text/byte-size.js';
import type { InodeKind } from '../../overlay/tree.js';
import type { EntryFilter } from '../search/entry-query.js';
import { invalidQuery } from './invalid-query.js';
import { parseModeBits } from './mode-bits.js';
import { parseTime } from './time.js';

const KINDS: readonly InodeKind[] = ['file', 'dir', 'symlink', 'char', 'block', 'fifo'];

/** Conditions on entries, as users write them. */
export interface FilterText {
  kind?: string | undefined; // `file,dir`
  size?: string | undefined; // see `parseSizeRange`
  mode?: string | undefined; // see `parseModeBits`
  newer?: string | undefined; // see `parseTime`
}

/** @throws LayerslayerError INVALID_ARGUMENT */
export function parseFilter({ kind, size, mode, newer }: FilterText): EntryFilter {
  return {
    kinds: kind === undefined ? undefined : parseKinds(kind),
    size: size === undefined ? undefined : parseSizeRange(size),
    modeBits: mode === undefined ? undefined : parseModeBits(mode),
    newer: newer === undefined ? undefined : parseTime(newer),
  };
}

function parseKinds(text: string): ReadonlySet<InodeKind> {
  const words = text.split(',');
  const unknown = words.find((word) => !(KINDS as readonly string[]).includes(word));
  if (unknown === undefined) return new Set(words as InodeKind[]);
  throw invalidQuery(`not a kind: ${JSON.stringify(unknown)}: want ${KINDS.join(', ')}`);
}

/**
 * `+10M` is more than 10 MiB, `-1k` less than 1 KiB, `10M..20M` both and all between, `512` exactly
 * that. Either end of a range may be missing. Bounds are exact bytes: nothing is rounded.
 * @throws LayerslayerError INVALID_ARGUMENT
 */
function parseSizeRange(text: string): { least: number; most: number } {
  const [first, last, ...more] = text.split('..');
  if (more.length > 0) throw invalidQuery(`not a range of sizes: ${JSON.stringify(text)}: want 10M..20M`);
  if (last === undefined) return sizesOf(first!);
  if (first === '' && last === '') throw invalidQuery('a range of sizes has an end: 10M.., ..20M');
  const least = first === '' ? 0 : parseSize(first!);
  const most = last === '' ? Number.POSITIVE_INFINITY : parseSize(last);
  if (least > most) throw invalidQuery(`no size is in ${text}: its first end is the larger one`);
  return { least, most };
}

function sizesOf(text: string): { least: number; most: number } {
  const size = parseSize(text.replace(/^[+-]/, ''));
  if (text.startsWith('+')) return { least: size + 1, most: Number.POSITIVE_INFINITY };
  if (!text.startsWith('-')) return { least: size, most: size };
  if (size === 0) throw invalidQuery('no file is smaller than 0 bytes');
  return { least: 0, most: size - 1 };
}
