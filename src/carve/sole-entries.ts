import { PathComponents } from '../overlay/path-components.js';
import type { TarEntry } from '../tar/entry.js';
import type { WantedFile } from './wanted-file.js';

/** Each one costs a comparison an entry; whoever wants more is answered by merging. */
const WANTED_MAX = 8;
/** Bytes of a name; more than Linux allows is the merge's business. */
const NAME_MAX = 255;

const SLASH = 0x2f;
const DOT = 0x2e;
const WHITEOUT = Buffer.from('.wh.');

interface Sought {
  wanted: WantedFile;
  names: readonly Uint8Array[]; // its path
  row: number | undefined; // of the one entry that names it
}

/**
 * Files that one entry of a layer stands for, and nothing else in the layer comes near: then the merged tree has that file at
 * that path, and nobody needs to make the tree, twice, which costs a tenth of a pass over a layer of many small files
 * (measured). It is left to the merge when
 *
 * - another entry stands at its place or below it, or something else than a directory in a parent's place;
 * - any entry stands below a link that came before it: it is then put where the link leads. A hard link may be a name of a
 *   lower layer's symlink. All other entries stand where their paths say.
 *
 * For a layer that nothing lies over; what lies below it can't change what it has.
 */
export class SoleEntries {
  readonly #sought: Sought[] = [];
  readonly #path = new PathComponents();
  readonly #links = new Set<string>(); // keys of paths of symlinks and hard links
  /** The last entry's directory: no link so far, nor below one. */
  #directory = new PathComponents();
  #other = new PathComponents();
  #isApart = false; // it is on no file's way, nor below one: nor is what stands in it

  constructor(wanted: readonly WantedFile[]) {
    if (wanted.length > WANTED_MAX) return;
    for (const one of wanted) {
      if (one.path.length > 0 && one.path.every(isPlain)) {
        this.#sought.push({ wanted: one, names: one.path, row: undefined });
      }
    }
  }

  /**
   * Call with each entry, in order.
   * @returns the file that is found with it, as far as the layer has passed
   */
  see({ path, kind }: TarEntry, row: number): WantedFile | undefined {
    if (this.#sought.length === 0) return undefined;
    const isLink = kind === 'symlink' || kind === 'hardlink';
    if (!this.#enter(path)) {
      this.#sought.length = 0;
      return undefined;
    }
    if (this.#isApart && !isLink && !endsInDotDot(path)) return undefined;
    this.#path.parse(path, 0, path.length);
    const { count } = this.#path;
    let found: WantedFile | undefined;
    for (let i = this.#sought.length - 1; i >= 0; i--) {
      const sought = this.#sought[i]!;
      const shared = sharedWith(this.#path, sought);
      const isThere = shared === count && count === sought.names.length;
      if (isThere && kind === 'file' && sought.row === undefined) {
        sought.row = row;
        found = sought.wanted;
      } else if (shared === sought.names.length || (shared === count && kind !== 'dir')) {
        this.#sought.splice(i, 1);
      }
    }
    if (isLink) {
      this.#links.add(this.#path.key(count));
      this.#directory.count = 0; // look once more
    }
    return found;
  }

  /** Whether what was found of it stands, for all that has passed. */
  has(wanted: WantedFile): boolean {
    return this.#sought.some((one) => one.wanted === wanted && one.row !== undefined);
  }

  /** @returns false when a link is on the way to the path's directory */
  #enter(path: Uint8Array): boolean {
    let end = path.length;
    while (end > 0 && path[end - 1] !== SLASH) end--;
    const last = this.#directory;
    // Archives list directory by directory.
    if (last.count > 0 && isAt(path, 0, end, last.heap)) return true;
    const directory = this.#other;
    directory.parse(new Uint8Array(path.subarray(0, end)), 0, end);
    if (this.#links.size > 0) {
      for (let count = directory.commonWith(last) + 1; count <= directory.count; count++) {
        if (this.#links.has(directory.key(count))) return false;
      }
    }
    this.#other = last;
    this.#directory = directory;
    this.#isApart = this.#sought.every(
      (sought) => sharedWith(directory, sought) < Math.min(directory.count, sought.names.length),
    );
    return true;
  }
}

/** How many leading names the path shares with the file's. */
function sharedWith({ heap, starts, ends, count }: PathComponents, { names }: Sought): number {
  const most = Math.min(count, names.length);
  for (let i = 0; i < most; i++) if (!isAt(heap, starts[i]!, ends[i]!, names[i]!)) return i;
  return most;
}

/** Then it stands in another directory than its own. */
function endsInDotDot(path: Uint8Array): boolean {
  return path[path.length - 1] === DOT && path[path.length - 2] === DOT;
}

/** A name that means itself, everywhere. */
function isPlain(name: Uint8Array): boolean {
  if (name.length === 0 || name.length > NAME_MAX || name.includes(0) || name.includes(SLASH)) return false;
  if (name[0] !== DOT) return true;
  const isDots = name.length === 1 || (name.length === 2 && name[1] === DOT);
  return !isDots && !isAt(name, 0, Math.min(name.length, WHITEOUT.length), WHITEOUT);
}

function isAt(path: Uint8Array, from: number, end: number, name: Uint8Array): boolean {
  if (end - from !== name.length) return false;
  for (let i = name.length - 1; i >= 0; i--) if (path[from + i] !== name[i]) return false;
  return true;
}
