import { PathComponents } from '../overlay/path-components.js';
import type { Resolved } from '../overlay/resolve-path.js';
import type { TarEntry } from '../tar/entry.js';

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');
const SLASH = 0x2f;

/** Endings of paths whose last name is somewhere else. */
const UNCLEAN = [endingOf(DOT), endingOf(DOT_DOT), endingOf(new Uint8Array(0))];

/**
 * Tells which entries of a layer, as they pass, may change where wanted paths lead: those on the way of one, but for plain
 * directories before its end; and, as an entry below a symlink of its own layer stands somewhere else, those below one
 * whose last name is on the way. They are known by keys of paths.
 */
export class PathWatch {
  readonly #ends = new Set<string>();
  readonly #ways = new Set<string>();
  readonly #lastNames = new Set<string>();
  /** Of the last names, and of paths that have to be cleaned first: most entries are told apart by it. */
  readonly #endings = new Set<number>();
  readonly #links = new Set<string>(); // symlinks so far, and hard links, which may be names of symlinks
  readonly #path = new PathComponents();

  /** @param missing where each path ends that is wanted */
  aim(missing: Iterable<Resolved & { kind: 'missing' }>): void {
    this.#ends.clear();
    this.#ways.clear();
    this.#lastNames.clear();
    this.#endings.clear();
    for (const ending of UNCLEAN) this.#endings.add(ending);
    for (const { names, name, rest } of missing) {
      let key = names.map(latin1).join('/');
      const ahead = [name, ...rest.filter((part) => !DOT.equals(part))];
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

  /** Call with each entry, in order. */
  concerns({ path, kind }: TarEntry): boolean {
    if (this.#lastNames.size === 0) return false; // nor will there be any
    const isLink = kind === 'symlink' || kind === 'hardlink';
    if (!isLink && !this.#endings.has(endingOf(path))) return false;
    this.#path.parse(path, 0, path.length);
    const { count } = this.#path;
    if (count === 0) return false;
    const isNamed = this.#lastNames.has(latin1(this.#path.view(count - 1)));
    if (!isLink && !isNamed) return false;
    const key = this.#path.key(count);
    const concerned = isNamed && this.#isOnTheWay(key, kind);
    if (isLink) this.#links.add(key);
    return concerned;
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
