import { PathComponents } from '../overlay/path-components.js';
import type { TarEntry } from '../tar/entry.js';
import type { WantedFile } from './wanted-file.js';

/** Each one costs a comparison an entry; whoever wants more is answered by merging. */
const WANTED_MAX = 8;
/** Directories of entries that are harmless as long as no link stands in their way. */
const DIRECTORIES_MAX = 10_000;
/** Bytes of a name; more than Linux allows is the merge's business. */
const NAME_MAX = 255;

const SLASH = 0x2f;
const DOT = 0x2e;
const WHITEOUT = Buffer.from('.wh.');

interface Sought {
  wanted: WantedFile;
  names: readonly Uint8Array[]; // its path
  last: Uint8Array;
  row: number | undefined; // of the one entry that names it
}

/**
 * Files that one entry of a layer stands for, and nothing else in the layer comes near: then the layer's merged tree has that
 * file at that path, and nobody needs to make the tree, twice, which costs a tenth of a pass over a layer of many small
 * files (measured). It is left to the merge when
 *
 * - another entry stands at its place or below it, or something else than a directory in a parent's place;
 * - an entry would do so if its path led elsewhere (it has the last name somewhere, or is no directory and ends in the name of
 *   a parent), and a link stands in that path;
 * - a link's target has the last name somewhere: what stands below the link might stand below the file.
 *
 * For a layer that nothing lies over; what lies below it can't change what it has.
 */
export class SoleEntries {
  readonly #sought: Sought[] = [];
  readonly #path = new PathComponents();
  // Keys of paths.
  readonly #links = new Set<string>(); // symlinks, and hard links, which may be names of symlinks
  readonly #directories = new Set<string>(); // of entries that links would make dangerous

  constructor(wanted: readonly WantedFile[]) {
    if (wanted.length > WANTED_MAX) return;
    for (const one of wanted) {
      const last = one.path.at(-1);
      if (last && one.path.every(isPlain)) {
        this.#sought.push({ wanted: one, names: one.path, last, row: undefined });
      }
    }
  }

  /**
   * Call with each entry, in order.
   * @returns the file that is found with it, as far as the layer has passed
   */
  see(entry: TarEntry, row: number): WantedFile | undefined {
    if (this.#sought.length === 0) return undefined;
    const { path, kind, linkTarget } = entry;
    if (kind === 'symlink' || kind === 'hardlink') this.#addLink(path);
    let found: WantedFile | undefined;
    for (let i = this.#sought.length - 1; i >= 0; i--) {
      const sought = this.#sought[i]!;
      if (linkTarget.length > 0 && hasComponent(linkTarget, sought.last)) {
        this.#sought.splice(i, 1);
      } else if (hasComponent(path, sought.last) || (kind !== 'dir' && endsLikeParent(path, sought))) {
        this.#path.parse(path, 0, path.length);
        const shared = this.#sharedWith(sought);
        const { count } = this.#path;
        if (
          kind === 'file' &&
          sought.row === undefined &&
          shared === count &&
          count === sought.names.length
        ) {
          sought.row = row;
          found = sought.wanted;
        } else if (
          shared === sought.names.length ||
          (shared === count && kind !== 'dir') ||
          !this.#addDirectories()
        ) {
          this.#sought.splice(i, 1);
        }
      }
    }
    return found;
  }

  /** Whether what was found of it stands, for all that has passed. */
  has(wanted: WantedFile): boolean {
    return this.#sought.some((one) => one.wanted === wanted && one.row !== undefined);
  }

  #addLink(path: Uint8Array): void {
    this.#path.parse(path, 0, path.length);
    const key = this.#path.key(this.#path.count);
    this.#links.add(key);
    if (this.#directories.has(key)) this.#sought.length = 0;
  }

  /** @returns false when a link stands in the path's way, or there are too many to remember */
  #addDirectories(): boolean {
    for (let count = 1; count < this.#path.count; count++) {
      const key = this.#path.key(count);
      if (this.#links.has(key)) return false;
      this.#directories.add(key);
    }
    return this.#directories.size <= DIRECTORIES_MAX;
  }

  /** How many leading names it shares with the file's path. */
  #sharedWith({ names }: Sought): number {
    const { heap, starts, ends, count } = this.#path;
    const most = Math.min(count, names.length);
    for (let i = 0; i < most; i++) if (!isAt(heap, starts[i]!, ends[i]!, names[i]!)) return i;
    return most;
  }
}

/** A name that means itself, everywhere. */
function isPlain(name: Uint8Array): boolean {
  if (name.length === 0 || name.length > NAME_MAX || name.includes(0) || name.includes(SLASH)) return false;
  if (name[0] !== DOT) return true;
  const isDots = name.length === 1 || (name.length === 2 && name[1] === DOT);
  return !isDots && !isAt(name, 0, Math.min(name.length, WHITEOUT.length), WHITEOUT);
}

/** Whether `name` stands between two slashes, or ends, anywhere in the path as it was archived. */
function hasComponent(path: Uint8Array, name: Uint8Array): boolean {
  const { length } = path;
  for (let from = 0; from < length; ) {
    let end = from;
    while (end < length && path[end] !== SLASH) end++;
    if (isAt(path, from, end, name)) return true;
    from = end + 1;
  }
  return false;
}

/** Whether the path's last name is that of one of the file's parents, or can't be told without cleaning the path. */
function endsLikeParent(path: Uint8Array, { names }: Sought): boolean {
  let end = path.length;
  while (end > 0 && path[end - 1] === SLASH) end--;
  let from = end;
  while (from > 0 && path[from - 1] !== SLASH) from--;
  if (end - from <= 2 && path[from] === DOT && (end - from === 1 || path[from + 1] === DOT)) return true;
  for (let i = names.length - 2; i >= 0; i--) if (isAt(path, from, end, names[i]!)) return true;
  return false;
}

function isAt(path: Uint8Array, from: number, end: number, name: Uint8Array): boolean {
  if (end - from !== name.length) return false;
  for (let i = name.length - 1; i >= 0; i--) if (path[from + i] !== name[i]) return false;
  return true;
}
