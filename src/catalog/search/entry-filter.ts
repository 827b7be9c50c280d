import type { EntryTable } from '../../index/entry-table.js';
import { type InodeKind, SYMLINK_MODE, type Tree } from '../../overlay/tree.js';

/** What an entry must be, besides its name. Fields that are missing do not matter. */
export interface EntryFilter {
  kinds?: ReadonlySet<InodeKind> | undefined;
  /** Bytes of a file, both included; nothing else has a size. */
  size?: { least: number; most: number } | undefined;
  /** Any of these bits: 0 to 0o7777. */
  modeBits?: number | undefined;
  /** Changed after this time. */
  newer?: { seconds: number; nanoseconds: number } | undefined;
}

/** Attributes of a directory that no entry names. (rule O1) */
const IMPLIED_MODE = 0o755;

/** Returns whether an entry, or an inode, is what the filter wants. */
export function isWanted(filter: EntryFilter, from: EntryTable | Tree, at: number): boolean {
  const { kinds, size, modeBits, newer } = filter;
  const kind = from.kind(at);
  if (kinds && !(kinds as ReadonlySet<string>).has(kind)) return false;
  if (size) {
    if (kind !== 'file') return false;
    const bytes = from.size(at);
    if (bytes < size.least || bytes > size.most) return false;
  }
  if (modeBits !== undefined && (shownMode(from, at, kind) & modeBits) === 0) return false;
  if (!newer) return true;
  const seconds = from.mtimeSeconds(at);
  return (
    seconds > newer.seconds || (seconds === newer.seconds && from.mtimeNanoseconds(at) > newer.nanoseconds)
  );
}

/** As a mount shows it: a symlink has all bits. */
function shownMode(from: EntryTable | Tree, at: number, kind: string): number {
  return kind === 'symlink' ? SYMLINK_MODE : from.mode(at);
}

/** Returns whether a directory that no entry names can be what the filter wants. */
export function mayBeImplied({ kinds, size, modeBits = IMPLIED_MODE, newer }: EntryFilter): boolean {
  if (size || (kinds && !kinds.has('dir'))) return false;
  return (modeBits & IMPLIED_MODE) !== 0 && (!newer || newer.seconds < 0);
}

/** Whether the filter wants anything that a name does not tell. */
export function hasConditions({ kinds, size, modeBits, newer }: EntryFilter): boolean {
  return [kinds, size, modeBits, newer].some((condition) => condition !== undefined);
}
