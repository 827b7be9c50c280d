import { printableName } from '../../../base/text/printable-name.js';
import { nameFields } from '../../../image/records/entry-record.js';
import type { DirectoryStats } from '../../../overlay/compare/directory-stats.js';
import { joinPath } from '../../../overlay/resolve-path.js';
import { formatSize } from '../../terminal/wording/size.js';

/** Columns; sizes are at most `1023.9 KiB`. Lines are printed as directories are done. */
const COUNT_WIDTH = 8;
const SIZE_WIDTH = 10;

export const STATS_HEADING = [
  'ADDED'.padStart(COUNT_WIDTH),
  'REMOVED'.padStart(COUNT_WIDTH),
  'CHANGED'.padStart(COUNT_WIDTH),
  'BEFORE'.padStart(SIZE_WIDTH),
  'AFTER'.padStart(SIZE_WIDTH),
  'DIRECTORY',
].join(' ');

export function statsLine({
  names,
  added,
  removed,
  changed,
  errors,
  fromBytes,
  toBytes,
}: DirectoryStats): string {
  const path = printableName(joinPath(names));
  const counts = [added, removed, changed].map((count) => String(count).padStart(COUNT_WIDTH));
  const sizes = [fromBytes, toBytes].map((bytes) => formatSize(bytes).padStart(SIZE_WIDTH));
  const fault = errors > 0 ? `  (${errors} could not be compared)` : '';
  return [...counts, ...sizes, `${path.endsWith('/') ? path : `${path}/`}${fault}`].join(' ');
}

/** Returns the sums of a directory for programs: a line of `diff --stat --json`. */
export function statsRecord({ names, ...counts }: DirectoryStats, doubt: object): Record<string, unknown> {
  return { ...nameFields('path', joinPath(names)), ...counts, ...doubt };
}
