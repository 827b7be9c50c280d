import type { NameTable } from '../../index/entry-table.js';
import { NONE, nameHash, ROOT_DIRECTORY } from './directory-columns.js';
import type { LayerPaths } from './layer-paths.js';
import type { SearchedLayer } from './searched-layer.js';

const PREFIX_LENGTH = '.wh.'.length;
/** Names that begin so hide nothing, but for the opaque one. (rule O6) */
const AUFS = Buffer.from('.wh..wh.');
const OPAQUE = Buffer.from('.wh..wh..opq');

/** What an upper layer has of a directory of a lower one. */
interface Counterpart {
  directory: number; // of the upper layer; NONE if it has no such directory
  /** A marker or another entry hides the directory, or what the lower layers have in it. */
  isTaken: boolean;
}

/**
 * Says which rows of an image's layers others above may hide or replace. The rest is what the image
 * shows: no merge is needed for them. Directories are compared once a layer.
 */
export class UpperRows {
  readonly #uppers: Upper[];
  /** By position of the lower layer, then of the upper one, then by directory of the lower. */
  readonly #counterparts: Map<number, Counterpart>[][];
  readonly #markers: (ReadonlySet<number> | undefined)[] = [];
  /** By position, then by directory: 1 if no layer above has it or takes it, 2 if one does. */
  readonly #reach: Uint8Array[] = [];

  /** @param layers base first; none is crooked */
  constructor(private readonly layers: readonly SearchedLayer[]) {
    this.#uppers = layers.map(({ table }) => new Upper(table.names, () => table.paths()));
    this.#counterparts = layers.map(() => []);
  }

  /**
   * Returns whether a merge must say what becomes of a row: others may hide it, replace it or give
   * it other attributes, or it may be no entry.
   */
  isUncertain(position: number, row: number): boolean {
    const { table, hidesTableMarkers } = this.layers[position]!;
    const { names } = table;
    const paths = table.paths();
    if (names.kind(row) === 'hardlink') return true;
    if (hidesTableMarkers && paths.rowDirectories[row] === ROOT_DIRECTORY) return true;
    this.#markers[position] ??= new Set(paths.markers);
    if (this.#markers[position]!.has(row)) return true;
    return paths.isRepeated(row) || this.isTouched(position, row, true);
  }

  /**
   * Returns whether a layer above may hide or replace a row.
   * @param withAttributes also if it may only change a directory's attributes
   */
  isTouched(position: number, row: number, withAttributes = false): boolean {
    const { names } = this.layers[position]!.table;
    const paths = this.layers[position]!.table.paths();
    const directory = paths.rowDirectories[row]!;
    if (!this.#isReached(position, directory)) return false; // most rows
    const [from, to] = paths.nameOf(row);
    const keepsDirectories = !withAttributes && names.kind(row) === 'dir';
    for (let upper = position + 1; upper < this.layers.length; upper++) {
      const counterpart = this.#counterpart(position, upper, directory);
      if (counterpart.isTaken) return true;
      if (counterpart.directory === NONE) continue;
      if (this.#uppers[upper]!.takes(counterpart.directory, names.pathHeap, from, to, keepsDirectories))
        return true;
    }
    return false;
  }

  /** Whether a layer above has a directory, or takes it away. */
  #isReached(position: number, directory: number): boolean {
    this.#reach[position] ??= new Uint8Array(this.layers[position]!.table.paths().directories.length);
    const reach = this.#reach[position]!;
    for (let upper = position + 1; reach[directory] === 0 && upper < this.layers.length; upper++) {
      const counterpart = this.#counterpart(position, upper, directory);
      if (counterpart.isTaken || counterpart.directory !== NONE) reach[directory] = 2;
    }
    if (reach[directory] === 0) reach[directory] = 1;
    return reach[directory] === 2;
  }

  #counterpart(position: number, upperPosition: number, directory: number): Counterpart {
    const ofLower = this.#counterparts[position]!;
    ofLower[upperPosition] ??= new Map();
    const known = ofLower[upperPosition].get(directory);
    if (known) return known;
    const upper = this.#uppers[upperPosition]!;
    const { table } = this.layers[position]!;
    const found = this.#newCounterpart(upper, table.paths(), table.names.pathHeap, directory, (above) =>
      this.#counterpart(position, upperPosition, above),
    );
    ofLower[upperPosition].set(directory, found);
    return found;
  }

  #newCounterpart(
    upper: Upper,
    { directories }: LayerPaths,
    heap: Uint8Array,
    directory: number,
    counterpartOf: (above: number) => Counterpart,
  ): Counterpart {
    if (directory === ROOT_DIRECTORY)
      return { directory: ROOT_DIRECTORY, isTaken: upper.isOpaque(ROOT_DIRECTORY) };
    const above = counterpartOf(directories.parents[directory]!);
    if (above.isTaken || above.directory === NONE) return { directory: NONE, isTaken: above.isTaken };
    const from = directories.nameStarts[directory]!;
    const to = directories.nameEnds[directory]!;
    const own = upper.child(above.directory, heap, from, to);
    const isTaken =
      upper.takes(above.directory, heap, from, to, true) || (own !== NONE && upper.isOpaque(own));
    return { directory: own, isTaken };
  }
}

/** What a layer says of the layers below. */
class Upper {
  #whiteouts: Map<number, Set<string>> | undefined; // by directory: names
  readonly #opaque = new Set<number>(); // directories

  constructor(
    private readonly names: NameTable,
    private readonly pathsOf: () => LayerPaths,
  ) {}

  child(directory: number, heap: Uint8Array, from: number, to: number): number {
    return this.pathsOf().directories.find(directory, nameHash(heap, from, to), heap, from, to);
  }

  isOpaque(directory: number): boolean {
    this.#readMarkers();
    return this.#opaque.has(directory);
  }

  /** @param keepsDirectories a directory takes nothing away: the lower entry is one too */
  takes(directory: number, heap: Uint8Array, from: number, to: number, keepsDirectories: boolean): boolean {
    const whiteouts = this.#readMarkers().get(directory);
    if (whiteouts?.has(latin1(heap, from, to))) return true;
    const rows = this.pathsOf().rowsAt(directory, heap, from, to);
    if (keepsDirectories) return rows.some((row) => this.names.kind(row) !== 'dir');
    return rows.length > 0 || this.child(directory, heap, from, to) !== NONE;
  }

  #readMarkers(): Map<number, Set<string>> {
    if (this.#whiteouts) return this.#whiteouts;
    const whiteouts = new Map<number, Set<string>>();
    const paths = this.pathsOf();
    const heap = this.names.pathHeap;
    for (const row of paths.markers) {
      const directory = paths.rowDirectories[row]!;
      const [from, to] = paths.nameOf(row);
      const name = heap.subarray(from, to);
      if (OPAQUE.equals(name)) this.#opaque.add(directory);
      else if (!AUFS.equals(name.subarray(0, AUFS.length))) {
        const ofDirectory = whiteouts.get(directory) ?? new Set();
        whiteouts.set(directory, ofDirectory.add(latin1(heap, from + PREFIX_LENGTH, to)));
      }
    }
    this.#whiteouts = whiteouts;
    return whiteouts;
  }
}

function latin1(heap: Uint8Array, from: number, to: number): string {
  return Buffer.from(heap.buffer, heap.byteOffset, heap.length).toString('latin1', from, to);
}
