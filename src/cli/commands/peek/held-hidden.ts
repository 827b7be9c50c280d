import type { EntryTable } from '../../../index/entry-table.js';
import type { HiddenEntry } from '../../../overlay/history/hidden-entries.js';

/** A hidden entry, and its path from the root. */
export type HeldEntry = Omit<HiddenEntry, 'names'> & { path: Uint8Array };

/** First bytes of the paths. */
const MIN_CAPACITY = 4096;

/** Hidden entries until all are known, as columns: numbers, and the paths in one buffer. */
export class HeldHidden {
  readonly #tables: EntryTable[] = []; // by layer number
  readonly #layers: number[] = [];
  readonly #rows: number[] = [];
  readonly #hiders: number[] = [];
  readonly #ways: HiddenEntry['how'][] = [];
  readonly #pathEnds: number[] = [];
  #paths = Buffer.alloc(MIN_CAPACITY);

  add({ layer, entries, row, hiddenBy, how, path }: HeldEntry): void {
    this.#tables[layer] = entries;
    this.#layers.push(layer);
    this.#rows.push(row);
    this.#hiders.push(hiddenBy);
    this.#ways.push(how);
    const start = this.#pathEnds.at(-1) ?? 0;
    const end = start + path.length;
    if (end > this.#paths.length) {
      const larger = Buffer.alloc(end * 2);
      larger.set(this.#paths);
      this.#paths = larger;
    }
    this.#paths.set(path, start);
    this.#pathEnds.push(end);
  }

  /** Lists the largest files first, then the rest; alike ones as they came. */
  *largestFirst(): Generator<HeldEntry, void, undefined> {
    const sizes = Float64Array.from(this.#rows, (row, i) => {
      const entries = this.#tables[this.#layers[i]!]!;
      return entries.kind(row) === 'file' ? entries.size(row) : -1;
    });
    const order = Uint32Array.from(sizes.keys()).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
    for (const i of order) {
      const layer = this.#layers[i]!;
      const path = this.#paths.subarray(this.#pathEnds[i - 1] ?? 0, this.#pathEnds[i]);
      const [row, hiddenBy, how] = [this.#rows[i]!, this.#hiders[i]!, this.#ways[i]!];
      yield { layer, entries: this.#tables[layer]!, row, hiddenBy, how, path };
    }
  }
}
