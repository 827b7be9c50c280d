import { PathComponents } from '../overlay/path-components.js';
import type { TarEntry } from '../tar/entry.js';

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');
const SLASH = 0x2f;

/** Endings of paths whose last name is somewhere else. */
const UNCLEAN = [endingOf(DOT), endingOf(DOT_DOT), endingOf(new Uint8Array(0))];

/**
 * Detects the entries of a layer that may change where wanted paths lead. These are the components
 * of a wanted path, except directories before its end. An entry below a symlink of its own layer
 * lands elsewhere, so it counts if its last name is a component. Paths are compared by key.
 */
export class PathWatch {
  readonly #ends = new Set<string>();
  readonly #ways = new Set<string>();
  readonly #lastNames = new Set<string>();
  /** Of the last names, and of paths that have to be cleaned first: most entries are told apart by it. */
  readonly #endings = new Set<number>();
  readonly #links = new Set<string>(); // symlinks so far, and hard links, which may be names of symlinks
  readonly #path = new PathComponents();

  /** @param paths from the root, each one that a wanted path passes */
  aim(paths: Iterable<readonly Uint8Array[]>): void {
    this.#ends.clear();
    this.#ways.clear();
    this.#lastNames.clear();
    this.#endings.clear();
    for (const ending of UNCLEAN) this.#endings.add(ending);
    for (const path of paths) {
      let key = '';
      const ahead = path.filter((part) => !DOT.equals(part));
      // Where `..` leads is known when it is met.
      const end = ahead.findIndex((part) => DOT_DOT.equals(part));
      const way = end === -1 ? ahead : ahead.slice(0, end);
      for (const [i, part] of way.entries()) {
        const text = latin1(part);
        key = key === '' ? text : `${key}/${text}`;
        this.#lastNames.add(text);
        this.#endings.add(endingOf(part));
        (i === way.length - 1 ? this.#ends : this.#ways).add(key);
      }
    }
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
    if (isLink) this.#links.add(key);
    return isConcerned ? key : undefined;
  }

  #isOnTheWay(key: string, kind: TarEntry['kind']): boolean {
    if (this.#ends.has(key) || (this.#ways.has(key) && kind !== 'dir')) return true;
    if (this.#links.size === 0) return false;
    for (let slash = key.indexOf('/'); slash !== -1; slash = key.indexOf('/', slash + 1)) {
      if (this.#links.has(key.slice(0, slash))) return true;
    }
    return false;
  }
}

/** Returns the key of a path of clean names, as `concerns` returns it. */
export function keyOf(path: readonly Uint8Array[]): string {
  return path.map(latin1).join('/');
}

/** The last two bytes before slashes at the end, as one number. */
function endingOf(path: Uint8Array): number {
  let end = path.length;
  while (end > 0 && path[end - 1] === SLASH) end--;
  if (end === 0) return 0;
  return path[end - 1]! | ((end > 1 ? path[end - 2]! : SLASH) << 8);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
