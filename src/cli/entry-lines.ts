import type { EntryTable } from '../index/entry-table.js';
import { SYMLINK_MODE, type Tree } from '../overlay/tree.js';
import type { EntryKind } from '../tar/entry.js';
import { printableName, utf8Text } from './printable-name.js';
import { formatSize } from './size.js';

/** What a listing shows of an entry beside its name. */
export interface ListedEntry {
  kind: EntryKind;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtimeSeconds: number;
  mtimeNanoseconds: number;
  deviceMajor: number;
  deviceMinor: number;
  linkTarget: Uint8Array;
}

export function rowEntry(entries: EntryTable, row: number): ListedEntry {
  return {
    kind: entries.kind(row),
    mode: entries.mode(row),
    uid: entries.uid(row),
    gid: entries.gid(row),
    size: entries.size(row),
    mtimeSeconds: entries.mtimeSeconds(row),
    mtimeNanoseconds: entries.mtimeNanoseconds(row),
    deviceMajor: entries.deviceMajor(row),
    deviceMinor: entries.deviceMinor(row),
    linkTarget: entries.linkTarget(row),
  };
}

/** As `rowEntry`, with mode and size as a tree shows them. */
export function shownEntry(entries: EntryTable, row: number): ListedEntry {
  const entry = rowEntry(entries, row);
  if (entry.kind === 'symlink') entry.mode = SYMLINK_MODE;
  if (entry.kind !== 'file') entry.size = 0;
  return entry;
}

export function inodeEntry(tree: Tree, inode: number): ListedEntry {
  const kind = tree.kind(inode);
  return {
    kind,
    mode: tree.mode(inode),
    uid: tree.uid(inode),
    gid: tree.gid(inode),
    size: kind === 'file' ? tree.size(inode) : 0,
    mtimeSeconds: tree.mtimeSeconds(inode),
    mtimeNanoseconds: tree.mtimeNanoseconds(inode),
    deviceMajor: tree.deviceMajor(inode),
    deviceMinor: tree.deviceMinor(inode),
    linkTarget: kind === 'symlink' ? tree.linkTarget(inode) : new Uint8Array(0),
  };
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

/** Columns of `ls -la`, as wide as they mostly are: lines come out as entries are found, none waits for the widest. */
const OWNER_WIDTH = 5;
const SIZE_WIDTH = 10;

/** `-rw-r--r--     0     0    1.6 KiB 2026-11-21 15:04 /etc/passwd`; owners are numbers, times are UTC. */
export function longLine(entry: ListedEntry, path: Uint8Array): string {
  const owner = `${String(entry.uid).padStart(OWNER_WIDTH)} ${String(entry.gid).padStart(OWNER_WIDTH)}`;
  const size = sizeText(entry).padStart(SIZE_WIDTH);
  return `${modeText(entry)} ${owner} ${size} ${timeText(entry.mtimeSeconds)} ${nameText(entry, path)}`;
}

/** One name with its size. */
export function simpleLine(entry: ListedEntry, path: Uint8Array): string {
  const size = sizeText(entry);
  return size === '-' ? nameText(entry, path) : `${nameText(entry, path)}  ${size}`;
}

/** For programs: a line of JSON. Names that are not UTF-8 come in base64 beside their readable form. */
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

/** A name for programs. */
export function nameFields(field: string, name: Uint8Array): Record<string, string> {
  const text = utf8Text(name);
  if (text !== undefined) return { [field]: text };
  return { [field]: Buffer.from(name).toString(), [`${field}Base64`]: Buffer.from(name).toString('base64') };
}

function nameText({ kind, linkTarget }: ListedEntry, path: Uint8Array): string {
  const name = printableName(path);
  if (kind === 'symlink') return `${name} -> ${printableName(linkTarget)}`;
  if (kind === 'hardlink') return `${name} link to ${printableName(linkTarget)}`; // as `tar -tv`
  return kind === 'dir' && !name.endsWith('/') ? `${name}/` : name;
}

function sizeText({ kind, size, deviceMajor, deviceMinor }: ListedEntry): string {
  if (kind === 'char' || kind === 'block') return `${deviceMajor}, ${deviceMinor}`;
  return kind === 'file' ? formatSize(size) : '-';
}

const PERMISSIONS = 'rwxrwxrwx';

function modeText({ kind, mode }: ListedEntry): string {
  const bits = [...PERMISSIONS].map((letter, i) => (mode & (0o400 >> i) ? letter : '-'));
  // setuid, setgid and sticky stand in the place of x; as capitals where x is not there.
  for (const [bit, place, letter] of [
    [0o4000, 2, 's'],
    [0o2000, 5, 's'],
    [0o1000, 8, 't'],
  ] as const) {
    if (mode & bit) bits[place] = bits[place] === 'x' ? letter : letter.toUpperCase();
  }
  return KIND_LETTERS[kind] + bits.join('');
}

/** Milliseconds either way of 1970 that Date knows (ECMA-262, 21.4.1.1). */
const DATE_LIMIT_MS = 8.64e15;

function timeText(seconds: number): string {
  const ms = seconds * 1000;
  if (Math.abs(ms) > DATE_LIMIT_MS) return `@${seconds}`;
  return new Date(ms)
    .toISOString()
    .replace(/:\d\d\.\d+Z$/, '')
    .replace('T', ' ');
}
