import type { EntryTable } from '../../index/entry-table.js';
import type { NumberedLayer } from '../../overlay/tree.js';
import { ExcerptTable } from './excerpt-table.js';
import { hashOf, ROOT_DIRECTORY, ROOT_HASH } from './layer-paths.js';
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

/** Above this share of all rows, a merge of all takes less time. */
const SHARE_MAX = 1 / 4;
/** Fewer rows are always worth it. */
const ROWS_MIN = 1000;

/**
 * Returns the rows that decide what a merge shows, or hides, at the paths of the candidates. There,
 * a merge of the excerpt and a merge of all rows agree. The excerpt has all markers, each row at
 * those paths and at the directories above, and a row below each of them. For the targets of its
 * hard links it has the same.
 * @param layers base first; none is crooked
 * @returns undefined if only a merge of all rows can tell, or takes less time
 */
export function excerptOf(
  layers: readonly SearchedLayer[],
  candidates: readonly Candidates[],
): Excerpt | undefined {
  const rows = layers.reduce((sum, { table }) => sum + table.names.length, 0);
  const builder = new ExcerptBuilder(layers, Math.max(ROWS_MIN, rows * SHARE_MAX));
  return builder.build(candidates);
}

class ExcerptBuilder {
  readonly #taken: Set<number>[];
  /** Hashes of the paths whose rows are wanted. */
  readonly #wanted = new Set<number>();
  readonly #ahead: number[] = []; // of them, those that are not yet searched
  #count = 0;
  #isPossible = true;

  constructor(
    private readonly layers: readonly SearchedLayer[],
    private readonly most: number,
  ) {
    this.#taken = layers.map(() => new Set());
  }

  build(candidates: readonly Candidates[]): Excerpt | undefined {
    const total = candidates.reduce((sum, { rows, implied }) => sum + rows.length + implied.length, 0);
    if (total > this.most) return undefined;
    const paths = this.#pathsOf(candidates);
    for (const [position, { table }] of this.layers.entries())
      for (const row of table.paths().markers) this.#take(position, row);
    for (let hash = this.#ahead.pop(); hash !== undefined; hash = this.#ahead.pop()) {
      this.#takeAt(hash);
      if (!this.#isPossible || this.#count > this.most) return undefined;
    }
    return { paths, layers: this.layers.map((layer, position) => this.#excerpt(layer, position)) };
  }

  /** Wants the paths of the candidates, and those of the directories above. */
  #pathsOf(candidates: readonly Candidates[]): Set<string> {
    const texts = new Set<string>();
    for (const [position, { rows, implied }] of candidates.entries()) {
      const { table } = this.layers[position]!;
      const paths = table.paths();
      const heap = table.names.pathHeap;
      const bytes = Buffer.from(heap.buffer, heap.byteOffset, heap.length);
      const seen = new Set<number>([ROOT_DIRECTORY]);
      const wantAbove = (directory: number) => {
        for (let at = directory; !seen.has(at); at = paths.directoryParents[at]!) {
          seen.add(at);
          this.#want(paths.directoryHashes[at]!);
        }
      };
      for (const row of rows) {
        texts.add(bytes.toString('latin1', ...paths.pathOf(row)));
        this.#want(paths.rowHashes[row]!);
        wantAbove(paths.rowDirectories[row]!);
      }
      for (const directory of implied) {
        texts.add(Buffer.from(paths.directoryPath(directory)).toString('latin1'));
        wantAbove(directory);
      }
    }
    return texts;
  }

  #want(hash: number): void {
    if (this.#wanted.has(hash)) return;
    this.#wanted.add(hash);
    this.#ahead.push(hash);
  }

  /** Takes the rows at a path, and one below it: it makes a directory of the path. */
  #takeAt(hash: number): void {
    for (const [position, { table }] of this.layers.entries()) {
      const paths = table.paths();
      for (const row of paths.rowsWith(hash)) this.#take(position, row);
      for (const directory of paths.directoriesWith(hash)) {
        const first = paths.firstRows[directory]!;
        if (first !== -1) this.#take(position, first);
      }
    }
  }

  #take(position: number, row: number): void {
    const taken = this.#taken[position]!;
    if (taken.has(row)) return;
    taken.add(row);
    this.#count++;
    const { names } = this.layers[position]!.table;
    if (names.kind(row) === 'hardlink') this.#wantTarget(names.linkTarget(row));
  }

  /** A target's directories may be symlinks, in any layer. Only a merge can follow them. */
  #wantTarget(target: Uint8Array): void {
    let hash = ROOT_HASH;
    let from = 0;
    while (from < target.length && target[from] === SLASH) from++;
    if (target[from] === DOT && target[from + 1] === SLASH) from += 2;
    while (from < target.length) {
      const slash = target.indexOf(SLASH, from);
      const to = slash === -1 ? target.length : slash;
      // `..`, `.` and nothing are not components of a cleaned path.
      if (to === from || (target[from] === DOT && to - from <= 2)) this.#isPossible = false;
      hash = hashOf(hash, target, from, to);
      this.#want(hash);
      from = to + 1;
      if (from < target.length && this.#isSymlink(hash)) this.#isPossible = false;
    }
  }

  #isSymlink(hash: number): boolean {
    return this.layers.some(({ table }) =>
      table
        .paths()
        .rowsWith(hash)
        .some((row) => table.names.kind(row) === 'symlink'),
    );
  }

  #excerpt({ number, hidesTableMarkers, table }: SearchedLayer, position: number): NumberedLayer {
    const rows = Uint32Array.from(this.#taken[position]!).sort();
    // Decoding a layer of which no row is wanted would take time for nothing.
    const entries: EntryTable = new ExcerptTable(rows, () => table.entries(), table.names.pathHeap);
    return { number, hidesTableMarkers, entries };
  }
}
