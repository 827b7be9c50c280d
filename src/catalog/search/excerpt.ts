import { latin1 } from '../../base/text/latin1.js';
import type { NumberedLayer } from '../../overlay/tree.js';
import { NONE, nameHash, ROOT_DIRECTORY } from './directory-columns.js';
import { ExcerptTable } from './excerpt-table.js';
import type { Candidates } from './search-table.js';
import type { SearchedLayer } from './searched-layer.js';

/** The rows of an image's layers that decide what it has at some paths. */
export interface Excerpt {
  layers: readonly NumberedLayer[]; // base first
  /** The paths, as latin1. What else the layers have may be incomplete. */
  paths: ReadonlySet<string>;
}

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Returns the rows that decide what a merge shows, or hides, at the paths of the candidates. There,
 * a merge of the excerpt and a merge of all rows agree. The excerpt has all markers, each row at
 * those paths and at the directories above, and a row below each that no row names. For the targets
 * of its hard links it has the same.
 * @param layers base first; none is crooked
 * @param most rows: above, a merge of all takes less time
 * @returns undefined if only a merge of all rows can tell, or takes less time
 */
export function excerptOf(
  layers: readonly SearchedLayer[],
  candidates: readonly Candidates[],
  most: number,
): Excerpt | undefined {
  return new ExcerptBuilder(layers, most).build(candidates);
}

class ExcerptBuilder {
  readonly #taken: Set<number>[];
  readonly #known = new Set<string>(); // paths that were searched, as latin1
  readonly #targets: Uint8Array[] = []; // of hard links, not yet searched
  #count = 0;
  #isPossible = true;

  constructor(
    private readonly layers: readonly SearchedLayer[],
    private readonly most: number,
  ) {
    this.#taken = layers.map(() => new Set());
  }

  build(candidates: readonly Candidates[]): Excerpt | undefined {
    const paths = new Set<string>();
    for (const [position, { table }] of this.layers.entries())
      for (const row of table.paths().markers) this.#take(position, row);
    for (const [position, { rows, implied }] of candidates.entries()) {
      const { table } = this.layers[position]!;
      const heap = table.names.pathHeap;
      const wanted = function* () {
        for (const row of rows) yield heap.subarray(...table.paths().pathOf(row));
        for (const directory of implied) yield table.paths().directoryPath(directory);
      };
      for (const path of wanted()) {
        paths.add(latin1(path));
        this.#takeAt(path);
        if (this.#count > this.most) return undefined;
      }
    }
    for (let target = this.#targets.pop(); target; target = this.#targets.pop()) {
      this.#takeAt(target, true);
      if (!this.#isPossible || this.#count > this.most) return undefined;
    }
    return { paths, layers: this.layers.map((layer, position) => this.#excerpt(layer, position)) };
  }

  /**
   * Takes the rows at a path, and at the directories above.
   * @param isTarget of a hard link, whose directories may be symlinks: only a merge follows them
   */
  #takeAt(path: Uint8Array, isTarget = false): void {
    const directories = this.layers.map(() => ROOT_DIRECTORY); // by layer
    for (let from = 0; from < path.length; ) {
      const slash = path.indexOf(SLASH, from);
      const to = slash === -1 ? path.length : slash;
      // `..`, `.` and nothing are not components of a cleaned path.
      if (
        to === from ||
        (path[from] === DOT && (to - from === 1 || (path[from + 1] === DOT && to - from === 2)))
      )
        this.#isPossible = false;
      const key = latin1(path.subarray(0, to));
      const isKnown = this.#known.has(key);
      this.#known.add(key);
      for (const [position, { table }] of this.layers.entries()) {
        const above = directories[position]!;
        if (above === NONE) continue;
        const paths = table.paths();
        const own = paths.directories.find(above, nameHash(path, from, to), path, from, to);
        directories[position] = own;
        if (isKnown && !isTarget) continue;
        const rows = paths.rowsAt(above, path, from, to);
        for (const row of rows) this.#take(position, row);
        const isLink = rows.some((row) => table.names.kind(row) === 'symlink');
        if (isTarget && isLink && to < path.length) this.#isPossible = false;
        if (own === NONE || paths.directories.hasRow[own] === 1) continue;
        const first = paths.directories.firstRows[own]!;
        if (first !== NONE) this.#take(position, first);
      }
      from = to + 1;
    }
  }

  #take(position: number, row: number): void {
    const taken = this.#taken[position]!;
    if (taken.has(row)) return;
    taken.add(row);
    this.#count++;
    const { names } = this.layers[position]!.table;
    if (names.kind(row) === 'hardlink') this.#targets.push(plain(names.linkTarget(row)));
  }

  #excerpt({ number, hidesTableMarkers, table }: SearchedLayer, position: number): NumberedLayer {
    const rows = Uint32Array.from(this.#taken[position]!).sort();
    const entries = new ExcerptTable(rows, table.names, () => table.entries());
    return { number, hidesTableMarkers, entries };
  }
}

/** Removes `/` and `./` before a path and slashes after it. */
function plain(path: Uint8Array): Uint8Array {
  let from = 0;
  let to = path.length;
  while (path[from] === SLASH || (path[from] === DOT && path[from + 1] === SLASH)) from++;
  while (to > from && path[to - 1] === SLASH) to--;
  return path.subarray(from, to);
}
