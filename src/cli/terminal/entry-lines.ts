import type { EntryTable } from '../../index/entry-table.js';
import { attributesOf, SYMLINK_MODE, type Tree } from '../../overlay/tree.js';
import type { EntryKind, TarEntry } from '../../tar/entry.js';
import { printableName, utf8Text } from './printable-name.js';
import { formatSize } from './size.js';

/** What a listing shows of an entry beside its name. */
export type ListedEntry = Omit<TarEntry, 'path' | 'xattrs' | 'dataOffset' | 'storedSize' | 'sparse'>;

/** @param at a row of the table, or an inode of the tree */
export function listedEntry(from: EntryTable | Tree, at: number): ListedEntry {
  const kind = from.kind(at);
  const isLink = kind === 'symlink' || kind === 'hardlink';
  return {
    kind,
    ...attributesOf(from, at),
    linkTarget: isLink ? from.linkTarget(at) : new Uint8Array(0),
  };
}

/** As `listedEntry`, with mode and size as a mount shows them. */
export function shownEntry(from: EntryTable | Tree, at: number): ListedEntry {
  const entry = listedEntry(from, at);
  if (entry.kind === 'symlink') entry.mode = SYMLINK_MODE;
  if (entry.kind !== 'file') entry.size = 0;
  return entry;
}

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

/** Returns an entry for programs. Names that are not UTF-8 are also given in base64. */
export function entryRecord(entry: ListedEntry, path: Uint8Array): Record<string, unknown> {
  const { kind, mode, uid, gid, size, mtimeSeconds, mtimeNanoseconds, deviceMajor, deviceMinor } = entry;
  const isLink = kind === 'symlink' || kind === 'hardlink';
  return {
    ...nameFields('path', path),
    kind,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    size,
    mtime: mtimeSeconds,
    ...(mtimeNanoseconds > 0 && { mtimeNanoseconds }),
    ...(isLink && nameFields('target', entry.linkTarget)),
    ...((kind === 'char' || kind === 'block') && { device: [deviceMajor, deviceMinor] }),
  };
}

export function nameFields(field: string, name: Uint8Array): Record<string, string> {
  const text = utf8Text(name);
  if (text !== undefined) return { [field]: text };
  return { [field]: Buffer.from(name).toString(), [`${field}Base64`]: Buffer.from(name).toString('base64') };
}

/** `passwd`, `etc/`, `link -> target`. */
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
