import { MAX_FOLLOWED_LINKS } from './limits.js';
import { ROOT_INODE, type Tree } from './tree.js';

/** Where a path leads in a tree. Names are views or parts of the path; those from the root on, without symlinks. */
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

/** What following a path needs of a tree. */
export type PathTree = Pick<Tree, 'kind' | 'lookup' | 'parentOf' | 'linkTarget'>;

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');
const SLASH = 0x2f;

/**
 * Follows a path as the kernel would inside the image's root: symlinks also in the last place, `..` from where they led, and
 * of the root the root itself. (path_resolution(7))
 * @param path components, `.` and `..` among them
 */
export function resolvePath(tree: PathTree, path: readonly Uint8Array[]): Resolved {
  const ahead = path.toReversed(); // a stack: the next component is the last
  const names: Uint8Array[] = [];
  let inode = ROOT_INODE;
  let links = 0;
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (tree.kind(inode) !== 'dir') return { kind: 'no-directory', inode, names };
    if (DOT.equals(name)) continue;
    if (DOT_DOT.equals(name)) {
      inode = tree.parentOf(inode);
      names.pop();
      continue;
    }
    const child = tree.lookup(inode, name);
    if (child === 0) return { kind: 'missing', names, name, rest: ahead.toReversed(), isLinked: links > 0 };
    if (tree.kind(child) !== 'symlink') {
      inode = child;
      names.push(name);
      continue;
    }
    if (++links > MAX_FOLLOWED_LINKS) return { kind: 'loop', names: [...names, name] };
    const target = tree.linkTarget(child);
    if (target[0] === SLASH) {
      inode = ROOT_INODE;
      names.length = 0;
    }
    ahead.push(...splitPath(target).reverse());
  }
  return { kind: 'found', inode, names };
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

/** `/etc/passwd`; the root is `/`. */
export function joinPath(names: readonly Uint8Array[]): Buffer {
  if (names.length === 0) return Buffer.from('/');
  return Buffer.concat(names.flatMap((name) => [Buffer.from('/'), name]));
}
