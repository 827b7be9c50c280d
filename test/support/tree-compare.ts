import { type ListedFile, type Listing, listTree } from './tree-listing.js';

/** A mounted tree that differs from its oracle in `what` at `path`. */
export interface Difference {
  path: string; // latin1: one character a byte
  what: string;
  mount: string | undefined;
  oracle: string | undefined;
}

/**
 * Compared wherever both trees have the path. Sizes and link counts of directories depend on the
 * file system.
 */
const ALIKE: (keyof ListedFile)[] = [
  'type',
  'mode',
  'uid',
  'gid',
  'mtime',
  'target',
  'rdev',
  'xattrs',
  'sha256',
];
const ALIKE_UNLESS_DIRECTORY: (keyof ListedFile)[] = ['size', 'nlink'];

/** Differences of a mounted image from the same image unpacked by another tool. */
export async function compareTrees(mount: string, oracle: string): Promise<Difference[]> {
  const [ours, theirs] = await Promise.all([listTree(mount), listTree(oracle)]);
  return [...compareListings(ours, theirs), ...breachesOfOwnRules(ours)];
}

export function compareListings(mount: Listing, oracle: Listing): Difference[] {
  const differences: Difference[] = [];
  const groupsOfMount = linkGroups(mount);
  const groupsOfOracle = linkGroups(oracle);
  for (const path of new Set([...mount.keys(), ...oracle.keys()])) {
    const ours = mount.get(path);
    const theirs = oracle.get(path);
    const differ = (what: string, mount: string | undefined, oracle: string | undefined) => {
      if (mount !== oracle) differences.push({ path, what, mount, oracle });
    };
    if (ours === undefined || theirs === undefined) {
      differ('presence', ours?.type, theirs?.type);
      continue;
    }
    for (const what of ALIKE) differ(what, ours[what], theirs[what]);
    if (ours.type === 'd' && theirs.type === 'd') continue;
    for (const what of ALIKE_UNLESS_DIRECTORY) differ(what, ours[what], theirs[what]);
    differ('names of its inode', groupsOfMount.get(ours.inode), groupsOfOracle.get(theirs.inode));
  }
  return differences;
}

/** What a mount promises whatever the oracle's file system does. (rules E9 to E14) */
export function breachesOfOwnRules(mount: Listing): Difference[] {
  const differences: Difference[] = [];
  const subdirectories = new Map<string, number>();
  for (const [path, file] of mount) {
    if (file.type !== 'd' || path === '') continue;
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    subdirectories.set(parent, (subdirectories.get(parent) ?? 0) + 1);
  }
  for (const [path, file] of mount) {
    const want = (what: keyof ListedFile, oracle: string) => {
      if (file[what] !== oracle)
        differences.push({ path, what: `${what} by rule`, mount: file[what], oracle });
    };
    want('atime', file.mtime);
    want('ctime', file.mtime);
    if (file.type === 'd') {
      want('size', '4096');
      want('nlink', String(2 + (subdirectories.get(path) ?? 0)));
    }
  }
  return differences;
}

/** For each inode with several names: all of them. */
function linkGroups(listing: Listing): Map<string, string> {
  const names = new Map<string, string[]>();
  for (const [path, file] of listing) {
    if (file.type === 'd') continue;
    const group = names.get(file.inode);
    if (group) group.push(path);
    else names.set(file.inode, [path]);
  }
  return new Map(
    [...names].map(([inode, paths]) => [inode, paths.length > 1 ? paths.sort().join('\n') : 'one']),
  );
}

/** More than these tell a reader nothing new. */
const TOLD = 20;

/** Text for a failed test; empty when nothing differs. */
export function tellDifferences(differences: readonly Difference[]): string {
  const lines = differences
    .slice(0, TOLD)
    .map(
      ({ path, what, mount, oracle }) =>
        `${show(path || '.')}: ${what}: ${show(mount)}, want ${show(oracle)}`,
    );
  if (differences.length > TOLD) lines.push(`… and ${differences.length - TOLD} more`);
  return lines.join('\n');
}

/** Long values (names of 255 bytes, attributes) are cut in the middle, where they say least. */
function show(text: string | undefined): string {
  if (text === undefined) return 'nothing';
  const printable = JSON.stringify(text).replace(
    /[\x7f-\xff]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16)}`,
  );
  return printable.length <= 200 ? printable : `${printable.slice(0, 120)}…${printable.slice(-60)}`;
}
