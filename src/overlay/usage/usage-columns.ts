import { unsupported } from '../../base/errors.js';
import { PairIndex } from './pair-index.js';

/** No node, no cell. */
export const NONE = -1;

/**
 * Maximum cells: 256 MiB. A million files have fewer. But those of 1,000 layers in one directory,
 * 2,000 directories deep, have a cell a layer in each of these.
 */
const CELLS_MAX = 2 ** 23;

/** First size of a column. */
const MIN_CAPACITY = 64;

/** Bytes of files, and entries: each inode once. */
export interface Usage {
  bytes: number;
  entries: number;
}

/**
 * Bytes and entries by path and group, as columns: 16 bytes and its name a path, 32 bytes a cell. A
 * group is what the caller counts apart, such as a layer. A cell is what a group has at a path.
 */
export class UsageColumns {
  readonly starts: { node: number; names: readonly Uint8Array[] }[] = [];

  nodeCount = 0;
  #parents = new Int32Array(MIN_CAPACITY); // less than the node; NONE: a start
  #firstCells = new Int32Array(MIN_CAPACITY);
  #nameStarts = new Uint32Array(MIN_CAPACITY);
  #nameEnds = new Uint32Array(MIN_CAPACITY);
  #names = Buffer.alloc(MIN_CAPACITY);
  #nameBytes = 0;

  cellCount = 0;
  #nodes = new Int32Array(MIN_CAPACITY);
  #nextCells = new Int32Array(MIN_CAPACITY); // of the same node
  #groups = new Uint32Array(MIN_CAPACITY);
  #bytes = new Float64Array(MIN_CAPACITY);
  #entries = new Uint32Array(MIN_CAPACITY);
  /** Cells by node and group: 1024 layers can make a million groups. */
  readonly #cells = new PairIndex();

  /** Adds a path that is asked for. @param names from the root of the image */
  addStart(names: readonly Uint8Array[]): number {
    const node = this.addNode(NONE, new Uint8Array(0));
    this.starts.push({ node, names });
    return node;
  }

  /** Adds a path. The caller knows that the parent has no such name. */
  addNode(parent: number, name: Uint8Array): number {
    if (this.nodeCount === this.#parents.length) this.#growNodes();
    const end = this.#nameBytes + name.length;
    if (end > this.#names.length) {
      const names = Buffer.alloc(end * 2);
      names.set(this.#names);
      this.#names = names;
    }
    this.#names.set(name, this.#nameBytes);
    const node = this.nodeCount++;
    this.#parents[node] = parent;
    this.#firstCells[node] = NONE;
    this.#nameStarts[node] = this.#nameBytes;
    this.#nameEnds[node] = end;
    this.#nameBytes = end;
    return node;
  }

  parentOf(node: number): number {
    return this.#parents[node]!;
  }

  /** The returned view is valid as long as the columns are. */
  nameOf(node: number): Uint8Array {
    return this.#names.subarray(this.#nameStarts[node], this.#nameEnds[node]);
  }

  /** Returns the name with a character for each byte: such texts are ordered as their bytes are. */
  textOf(node: number): string {
    return this.#names.toString('latin1', this.#nameStarts[node], this.#nameEnds[node]);
  }

  /**
   * Counts what stands at a path itself. `sumUp` adds it to the paths above.
   * @throws LayerslayerError UNSUPPORTED past CELLS_MAX
   */
  add(node: number, group: number, bytes: number, entries: number): void {
    let cell = this.#firstCells[node]!;
    if (cell !== NONE && this.#groups[cell] !== group)
      cell = this.#cells.find(node, group, this.#nodes, this.#groups);
    if (cell === NONE) cell = this.#addCell(node, group);
    this.#bytes[cell]! += bytes;
    this.#entries[cell]! += entries;
  }

  /**
   * Adds what each path has to the paths above it. To be called once, when all is counted.
   * @throws LayerslayerError as `add`
   */
  sumUp(): void {
    for (let node = this.nodeCount - 1; node >= 0; node--) {
      const parent = this.#parents[node]!;
      if (parent === NONE) continue;
      for (let cell = this.#firstCells[node]!; cell !== NONE; cell = this.#nextCells[cell]!)
        this.add(parent, this.#groups[cell]!, this.#bytes[cell]!, this.#entries[cell]!);
    }
  }

  /** Returns the cells of a path, in ascending order of their groups. */
  cellsOf(node: number): number[] {
    const cells: number[] = [];
    for (let cell = this.#firstCells[node]!; cell !== NONE; cell = this.#nextCells[cell]!) cells.push(cell);
    return cells.sort((a, b) => this.#groups[a]! - this.#groups[b]!);
  }

  nodeOf(cell: number): number {
    return this.#nodes[cell]!;
  }

  groupOf(cell: number): number {
    return this.#groups[cell]!;
  }

  bytesOf(cell: number): number {
    return this.#bytes[cell]!;
  }

  entriesOf(cell: number): number {
    return this.#entries[cell]!;
  }

  /** Returns the sums of the starts, by group. */
  totals(): Map<number, Usage> {
    const totals = new Map<number, Usage>();
    for (const { node } of this.starts) {
      for (const cell of this.cellsOf(node)) {
        const { bytes, entries } = totals.get(this.groupOf(cell)) ?? { bytes: 0, entries: 0 };
        const sum = { bytes: bytes + this.#bytes[cell]!, entries: entries + this.#entries[cell]! };
        totals.set(this.groupOf(cell), sum);
      }
    }
    return totals;
  }

  /** Returns the sum of the starts. */
  total(): Usage {
    const total = { bytes: 0, entries: 0 };
    for (const { bytes, entries } of this.totals().values()) {
      total.bytes += bytes;
      total.entries += entries;
    }
    return total;
  }

  #addCell(node: number, group: number): number {
    if (this.cellCount === CELLS_MAX)
      throw unsupported(`more than ${CELLS_MAX} sums of directories by layer: choose a depth`);
    if (this.cellCount === this.#nodes.length) this.#growCells();
    const cell = this.cellCount++;
    this.#nodes[cell] = node;
    this.#groups[cell] = group;
    this.#nextCells[cell] = this.#firstCells[node]!;
    this.#firstCells[node] = cell;
    this.#cells.add(cell, this.#nodes, this.#groups);
    return cell;
  }

  #growNodes(): void {
    const capacity = this.nodeCount * 2;
    this.#parents = enlarged(this.#parents, new Int32Array(capacity));
    this.#firstCells = enlarged(this.#firstCells, new Int32Array(capacity));
    this.#nameStarts = enlarged(this.#nameStarts, new Uint32Array(capacity));
    this.#nameEnds = enlarged(this.#nameEnds, new Uint32Array(capacity));
  }

  #growCells(): void {
    const capacity = this.cellCount * 2;
    this.#nodes = enlarged(this.#nodes, new Int32Array(capacity));
    this.#nextCells = enlarged(this.#nextCells, new Int32Array(capacity));
    this.#groups = enlarged(this.#groups, new Uint32Array(capacity));
    this.#bytes = enlarged(this.#bytes, new Float64Array(capacity));
    this.#entries = enlarged(this.#entries, new Uint32Array(capacity));
  }
}

function enlarged<C extends Int32Array | Uint32Array | Float64Array>(column: C, larger: C): C {
  larger.set(column);
  return larger;
}
