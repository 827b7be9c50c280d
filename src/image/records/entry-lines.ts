import { formatSize } from '../../base/text/byte-size.js';
import { printableName } from '../../base/text/printable-name.js';
import type { EntryKind } from '../../tar/entry.js';
import type { ListedEntry } from './entry-record.js';

const KIND_LETTERS: Record<EntryKind, string> = {
  file: '-',
  hardlink: 'h', // as `tar -tv`
  dir: 'd',
  symlink: 'l',
  char: 'c',
  block: 'b',
  fifo: 'p',
};

/** Columns of `ls -la`, in their usual width: lines are printed as entries are found. */
const OWNER_WIDTH = 5;
const SIZE_WIDTH = 10;

/** `-rw-r--r--     0     0    1.6 KiB 2026-11-21 15:04 /etc/passwd`; times are UTC. */
export function longLine(entry: ListedEntry, path: Uint8Array): string {
  return `${attributesText(entry)} ${nameText(entry, path)}`;
}

/**
 * Returns what `longLine` shows before the name.
 * @param isExact sizes in bytes; default: with units
 */
export function attributesText(entry: ListedEntry, { isExact = false } = {}): string {
  const owner = `${String(entry.uid).padStart(OWNER_WIDTH)} ${String(entry.gid).padStart(OWNER_WIDTH)}`;
  const text = isExact && entry.kind === 'file' ? String(entry.size) : sizeText(entry);
  const size = text.padStart(SIZE_WIDTH);
  return `${modeText(entry)} ${owner} ${size} ${timeText(entry.mtimeSeconds)}`;
}

/** Names the columns of `attributesText`. */
export const ATTRIBUTES_HEADING = [
  'MODE'.padEnd('-rw-r--r--'.length),
  'UID'.padStart(OWNER_WIDTH),
  'GID'.padStart(OWNER_WIDTH),
  'SIZE'.padStart(SIZE_WIDTH),
  'TIME (UTC)'.padEnd('2026-11-21 15:04'.length),
].join(' ');

/** Names the columns of `longLine`. */
export const LONG_HEADING = `${ATTRIBUTES_HEADING} PATH`;

/** Names the columns of `simpleLine`. */
export const SIMPLE_HEADING = 'PATH  SIZE';

export function simpleLine(entry: ListedEntry, path: Uint8Array): string {
  const size = sizeText(entry);
  return size === '-' ? nameText(entry, path) : `${nameText(entry, path)}  ${size}`;
}

export function nameText({ kind, linkTarget }: ListedEntry, path: Uint8Array): string {
  const name = printableName(path);
  if (kind === 'symlink') return `${name} -> ${printableName(linkTarget)}`;
  if (kind === 'hardlink') return `${name} link to ${printableName(linkTarget)}`; // as `tar -tv`
  return kind === 'dir' && !name.endsWith('/') ? `${name}/` : name;
}

/** `1.6 KiB`, of devices their numbers, else `-`. */
export function sizeText({ kind, size, deviceMajor, deviceMinor }: ListedEntry): string {
  if (kind === 'char' || kind === 'block') return `${deviceMajor}, ${deviceMinor}`;
  return kind === 'file' ? formatSize(size) : '-';
}

/** `-rw-r--r--` */
export function modeText({ kind, mode }: ListedEntry): string {
  const bits = [...'rwxrwxrwx'].map((letter, i) => (mode & (0o400 >> i) ? letter : '-'));
  // setuid, setgid and sticky replace x, or are capitals where x is missing.
  for (const [bit, at, letter] of [
    [0o4000, 2, 's'],
    [0o2000, 5, 's'],
    [0o1000, 8, 't'],
  ] as const) {
    if (mode & bit) bits[at] = bits[at] === 'x' ? letter : letter.toUpperCase();
  }
  return KIND_LETTERS[kind] + bits.join('');
}

/** Milliseconds either way of 1970 that Date knows (ECMA-262, 21.4.1.1). */
const DATE_LIMIT_MS = 8.64e15;

/** `2026-11-21 15:04`, UTC. */
export function timeText(seconds: number): string {
  const ms = seconds * 1000;
  if (Math.abs(ms) > DATE_LIMIT_MS) return `@${seconds}`;
  return new Date(ms).toISOString().replace('T', ' ').slice(0, -':00.000Z'.length);
}
