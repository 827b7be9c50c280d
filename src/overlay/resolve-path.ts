import { LayerslayerError } from '../base/errors.js';
import { shownName } from '../base/text/quote-name.js';
import { MAX_FOLLOWED_LINKS } from './limits.js';
import { ROOT_INODE, type Tree } from './tree.js';

/**
 * Where a path leads in a tree. `names` are components from the root, without symlinks: views of
 * the tree, or parts of the path.
 */
export type Resolved =
  | { kind: 'found'; inode: number; names: readonly Uint8Array[] }
  /** `names` is a directory that is there, `name` is not in it; `rest` would come after. */
  | {
      kind: 'missing';
      names: readonly Uint8Array[];
      name: Uint8Array;
      rest: readonly Uint8Array[];
      isLinked: boolean; // symlinks led here: it is not the path that was asked for
    }
  /** `names` is there, and no directory; more of the path comes after it. */
  | { kind: 'no-directory'; inode: number; names: readonly Uint8Array[] }
  /** More than MAX_FOLLOWED_LINKS symlinks. */
  | { kind: 'loop'; names: readonly Uint8Array[] };

/** What a path is resolved in: a merged tree, or the file system that is mounted. */
export type PathTree = Pick<Tree, 'kind' | 'lookup' | 'linkTarget'>;

/**
 * Which symlinks a path follows: all, as stat(2); those of its parent directories, as lstat(2); or
 * none, since the kernel has resolved them: then a symlink with more of the path after it is
 * `no-directory`.
 */
export type FollowedLinks = 'all' | 'parents' | 'none';

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');
const SLASH = 0x2f;

/**
 * Resolves a path as the kernel does inside the image's root: `..` is the parent of the directory
 * that symlinks led to, and of the root the root itself. (path_resolution(7))
 * @param path components, `.` and `..` among them
 */
export function resolvePath(
  tree: PathTree,
  path: readonly Uint8Array[],
  follow: FollowedLinks = 'all',
): Resolved {
  const ahead = path.toReversed(); // a stack: the next component is the last
  const names: Uint8Array[] = [];
  const inodes = [ROOT_INODE]; // of the root and `names`
  let links = 0;
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    const inode = inodes.at(-1)!;
    if (tree.kind(inode) !== 'dir') return { kind: 'no-directory', inode, names };
    if (DOT.equals(name)) continue;
    if (DOT_DOT.equals(name)) {
      if (names.pop()) inodes.pop();
      continue;
    }
    const child = tree.lookup(inode, name);
    if (child === 0) return { kind: 'missing', names, name, rest: ahead.toReversed(), isLinked: links > 0 };
    const isFollowed = follow === 'all' || (follow === 'parents' && ahead.length > 0);
    if (!isFollowed || tree.kind(child) !== 'symlink') {
      inodes.push(child);
      names.push(name);
      continue;
    }
    if (++links > MAX_FOLLOWED_LINKS) return { kind: 'loop', names: [...names, name] };
    const target = tree.linkTarget(child);
    if (target[0] === SLASH) {
      inodes.length = 1;
      names.length = 0;
    }
    ahead.push(...splitPath(target).reverse());
  }
  return { kind: 'found', inode: inodes.at(-1)!, names };
}

/** Returns whether a tree has a path, even as a dangling symlink. */
export function hasPath(tree: PathTree, path: readonly Uint8Array[]): boolean {
  const name = path.at(-1);
  if (name === undefined) return true;
  const parent = resolvePath(tree, path.slice(0, -1));
  if (parent.kind !== 'found' || tree.kind(parent.inode) !== 'dir') return false;
  return DOT.equals(name) || DOT_DOT.equals(name) || tree.lookup(parent.inode, name) !== 0;
}

/**
 * Returns the error for a path that leads to no file.
 * @param asked the path as it was given
 * @param where what was searched; default: the image
 * @param hint advice for a missing path; default: how much of it exists
 */
export function missingPathError(
  resolved: Exclude<Resolved, { kind: 'found' }>,
  asked: Uint8Array,
  { where = 'image', hint }: { where?: string | undefined; hint?: string | undefined } = {},
): LayerslayerError {
  const shown = shownName(asked);
  const { kind, names } = resolved;
  if (kind === 'loop')
    return new LayerslayerError('NOT_FOUND', `too many levels of symbolic links: ${shown}`);
  const reached = shownName(joinPath(names));
  let what = shown;
  let known: string | undefined = kind === 'no-directory' ? `not a directory: ${reached}` : undefined;
  if (kind === 'missing') {
    const { name, rest, isLinked } = resolved;
    if (isLinked) what += ` -> ${shownName(joinPath([...names, name, ...rest]))}`;
    if (names.length > 0) known = `${reached} exists`;
  }
  const advice = hint ?? known;
  return new LayerslayerError(
    'NOT_FOUND',
    `no such file in ${where}: ${what}${advice === undefined ? '' : ` (${advice})`}`,
  );
}

/** The components of a path or link target; `.` and `..` stay. */
export function splitPath(path: Uint8Array): Uint8Array[] {
  const components: Uint8Array[] = [];
  let from = 0;
  for (let at = 0; at <= path.length; at++) {
    if (at < path.length && path[at] !== SLASH) continue;
    if (at > from) components.push(path.subarray(from, at));
    from = at + 1;
  }
  return components;
}

/**
 * Returns the components of a path that a user wrote. A slash behind a name wants a directory, as
 * `/.` does. (path_resolution(7))
 */
export function askedPath(path: Uint8Array): Uint8Array[] {
  const components = splitPath(path);
  if (components.length > 0 && path.at(-1) === SLASH) components.push(DOT);
  return components;
}

/** `/etc/passwd`; the root is `/`. */
export function joinPath(names: readonly Uint8Array[]): Buffer {
  if (names.length === 0) return Buffer.from('/');
  let length = 0;
  for (const name of names) length += 1 + name.length;
  const path = Buffer.allocUnsafe(length);
  let at = 0;
  for (const name of names) {
    path[at++] = SLASH;
    path.set(name, at);
    at += name.length;
  }
  return path;
}

/**
 * Returns the names on the way from the root to an inode; of several hard links the first.
 * Searches a directory for each name, so this is for messages.
 */
export function namesOf(tree: Tree, inode: number): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (let at = inode; at !== ROOT_INODE; at = tree.parentOf(at)) {
    const parent = tree.parentOf(at);
    const end = tree.childEnd(parent);
    let dentry = tree.childStart(parent);
    while (dentry < end && tree.dentryInode(dentry) !== at) dentry++;
    names.unshift(tree.dentryName(dentry));
  }
  return names;
}
