import { LayerslayerError } from '../../base/errors.js';
import { resolvePath } from '../resolve-path.js';
import { ROOT_INODE, type Tree } from '../tree.js';
import type { PathPattern, Position } from './path-pattern.js';

const DOT_DOT = Buffer.from('..');

/**
 * Maximum names that one pattern visits, and maximum matches. Symlinks to parent directories create
 * any number of paths. The largest images have 10 million names. A match takes about 500 bytes
 * (measured).
 */
const NAMES_MAX = 20_000_000;
const MATCHES_MAX = 1_000_000;

export interface MatchOptions {
  /**
   * True: a matched directory stands for everything below it, which is no separate match. False:
   * directories matched by a last `**` are omitted, since their contents match too.
   */
  takesDirectories: boolean;
  /** Maximum matches; default: MATCHES_MAX. */
  matchesMax?: number;
}

interface Visit {
  directory: number; // inode
  path: readonly Uint8Array[];
  position: Position;
}

/**
 * Returns the paths of a tree that match a pattern, directory by directory, names sorted. Symlinks
 * to directories are followed, except where `**` crosses them.
 * @returns matched components, symlinks unresolved
 * @throws LayerslayerError UNSUPPORTED past NAMES_MAX or MATCHES_MAX
 */
export function matchTree(
  tree: Tree,
  pattern: PathPattern,
  { takesDirectories, matchesMax = MATCHES_MAX }: MatchOptions,
): Uint8Array[][] {
  const matches: Uint8Array[][] = [];
  const ahead: Visit[] = [];
  let namesLeft = NAMES_MAX;
  /** @returns whether entries below may match separately */
  const add = (path: readonly Uint8Array[], position: Position, isDirectory: boolean): boolean => {
    // The files below a directory that a last `**` matches also match.
    const isLeftOut = isDirectory && !takesDirectories && pattern.endsInGlobstar(position);
    const isMatch = pattern.isMatch(position, isDirectory) && !isLeftOut;
    if (isMatch && matches.push([...path]) > matchesMax) throw tooMany('matches', matchesMax, 'paths');
    return isDirectory && pattern.isOpen(position) && !(isMatch && takesDirectories);
  };
  if (add([], pattern.start, true)) ahead.push({ directory: ROOT_INODE, path: [], position: pattern.start });
  for (let visit = ahead.pop(); visit; visit = ahead.pop()) {
    const { directory, path, position } = visit;
    namesLeft -= tree.childEnd(directory) - tree.childStart(directory) + 1;
    if (namesLeft < 0) throw tooMany('visits', NAMES_MAX, 'names');
    const inner: Visit[] = [];
    const parent = pattern.afterParent(position);
    if (parent.length > 0) {
      const up = tree.parentOf(directory);
      const upPath = [...path, DOT_DOT];
      if (add(upPath, parent, true)) inner.push({ directory: up, path: upPath, position: parent });
    }
    for (const { name, inode } of childrenOf(tree, directory)) {
      const next = pattern.after(position, name);
      if (next.length === 0) continue;
      const childPath = [...path, name];
      const isLink = tree.kind(inode) === 'symlink';
      const onward = isLink ? pattern.through(position, name) : next;
      const below = pattern.isOpen(next) ? directoryAt(tree, inode, childPath) : 0;
      if (add(childPath, next, below !== 0) && pattern.isOpen(onward))
        inner.push({ directory: below, path: childPath, position: onward });
    }
    ahead.push(...inner.reverse());
  }
  return matches;
}

function tooMany(does: string, limit: number, what: string): LayerslayerError {
  const message = `the pattern ${does} more than ${limit} ${what}: write out more of the path`;
  return new LayerslayerError('UNSUPPORTED', message);
}

/** Returns the directory that an inode is or links to, 0 if none. */
function directoryAt(tree: Tree, inode: number, path: readonly Uint8Array[]): number {
  if (tree.kind(inode) === 'dir') return inode;
  if (tree.kind(inode) !== 'symlink') return 0;
  const resolved = resolvePath(tree, path);
  return resolved.kind === 'found' && tree.kind(resolved.inode) === 'dir' ? resolved.inode : 0;
}

/** Sorted by name. The names are copies. */
function childrenOf(tree: Tree, directory: number): { name: Uint8Array; inode: number }[] {
  const children: { name: Uint8Array; inode: number }[] = [];
  for (let at = tree.childStart(directory); at < tree.childEnd(directory); at++) {
    children.push({ name: new Uint8Array(tree.dentryName(at)), inode: tree.dentryInode(at) });
  }
  return children.sort((a, b) => Buffer.compare(a.name, b.name));
}
