import { latin1 } from '../../base/text/latin1.js';
import type { TarEntry } from '../../tar/entry.js';
import { childKey, keyOf, PathComponents } from '../path-components.js';

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');
const SLASH = 0x2f;

/**
 * Detects the entries of a layer that may change where wanted paths lead. These are the components
 * of a wanted path, except directories before its end. An entry below a symlink of its own layer
 * lands elsewhere, so it counts if its last name is a component. Paths are compared by key.
 */
export class PathWatch {
  readonly #ends = new Set<string>();
  readonly #ways = new Set<string>();
  readonly #lastNames = new Set<string>();
  /** Of the last names, and of paths that have to be cleaned first: a filter for most entries. */
  readonly #endings = new Set<number>();
  /**
   * Hashes of the keys of symlinks so far, and of hard links, which may be names of symlinks. Two
   * keys with one hash cost only a lookup.
   */
  readonly #links = new Set<number>();
  readonly #path = new PathComponents();

  /** @param paths from the root, each one that a wanted path passes */
  aim(paths: Iterable<readonly Uint8Array[]>): void {
    this.#ends.clear();
    this.#ways.clear();
    this.#lastNames.clear();
    this.#endings.clear();
    for (const unclean of [DOT, DOT_DOT, Buffer.alloc(0)]) this.#endings.add(endingOf(unclean));
    for (const path of paths) {
      let key = '';
      const ahead = path.filter((part) => !DOT.equals(part));
      // Where `..` leads is known when it is met.
      const end = ahead.findIndex((part) => DOT_DOT.equals(part));
      const way = end === -1 ? ahead : ahead.slice(0, end);
      for (const [i, part] of way.entries()) {
        key = childKey(key, part);
        this.#lastNames.add(latin1(part));
        this.#endings.add(endingOf(part));
        (i === way.length - 1 ? this.#ends : this.#ways).add(key);
      }
    }
  }

  /** Returns what `concerns` returns for an entry of this path. */
  static keyOf(path: readonly Uint8Array[]): string {
    return keyOf(path);
  }

  /**
   * Checks the next entry. Call it with each entry, in order.
   * @returns the key of the entry's path if it may change a result
   */
  concerns({ path, kind }: TarEntry): string | undefined {
    const isLink = kind === 'symlink' || kind === 'hardlink';
    if (!isLink && !this.#endings.has(endingOf(path))) return undefined;
    this.#path.parse(path, 0, path.length);
    const { count } = this.#path;
    if (count === 0) return undefined;
    const isNamed = this.#lastNames.has(latin1(this.#path.view(count - 1)));
    if (!isLink && !isNamed) return undefined;
    const key = this.#path.key(count);
    const isConcerned = isNamed && this.#isOnTheWay(key, kind);
    if (isLink) this.#links.add(hashOf(key));
    return isConcerned ? key : undefined;
  }

  #isOnTheWay(key: string, kind: TarEntry['kind']): boolean {
    if (this.#ends.has(key) || (this.#ways.has(key) && kind !== 'dir')) return true;
    if (this.#links.size === 0) return false;
    // One pass over the key: a layer may have 10,000 paths of 4,000 directories.
    let hash = HASH_START;
    for (let at = 0; at < key.length; at++) {
      const code = key.charCodeAt(at);
      if (code === SLASH && this.#links.has(hash)) return true;
      hash = hashed(hash, code);
    }
    return false;
  }
}

/** FNV-1a, a byte at a time. */
const HASH_START = 0x811c9dc5;

function hashed(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193) >>> 0;
}

function hashOf(key: string): number {
  let hash = HASH_START;
  for (let at = 0; at < key.length; at++) hash = hashed(hash, key.charCodeAt(at));
  return hash;
}

/** The last two bytes before slashes at the end, as one number. */
function endingOf(path: Uint8Array): number {
  let end = path.length;
  while (end > 0 && path[end - 1] === SLASH) end--;
  if (end === 0) return 0;
  return path[end - 1]! | ((end > 1 ? path[end - 2]! : SLASH) << 8);
}
