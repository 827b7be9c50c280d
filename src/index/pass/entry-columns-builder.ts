import { grown, mapColumns, shared } from '../../base/columns.js';
import { LayerslayerError } from '../../base/errors.js';
import { garbageMade } from '../../base/process/garbage.js';
import { ENTRY_KINDS, type SparseSegment, type TarEntry } from '../../tar/entry.js';
import { AttributeSets } from '../attribute-sets.js';
import { type Columns, EntryColumns, ROW_BYTES, rowColumns, type SparseMap } from '../entry-columns.js';
import { GrowingStrings } from '../growing.js';
import type { LayerLimits } from '../layer-limits.js';
import { TableBudget } from './table-budget.js';

/** Rows there is room for at first. */
const FIRST_CAPACITY = 1024;

/** Bytes of a row in its columns, and again in the process that decodes it. */
const ROW_COST = 2 * ROW_BYTES;
/** Bytes of a sparse file's map slot, besides its segments (estimated). */
const SPARSE_COST = 256;

/** Collects entries during a scan; the columns grow by doubling. */
export class EntryColumnsBuilder {
  readonly #limits: LayerLimits;
  readonly #budget: TableBudget;
  readonly #blobSize: number | undefined;
  readonly #isShared: boolean;
  #length = 0;
  #rows = rowColumns(FIRST_CAPACITY);
  readonly #paths: GrowingStrings;
  readonly #links: GrowingStrings;
  readonly #attributeSets: AttributeSets;
  readonly #sparse = new Map<number, SparseMap>();
  #sparseSegments = 0;
  #unshared = new Map<number, SparseMap>(); // those of #sparse since the last `share`

  /**
   * @param blobSize compressed bytes of the layer; undefined if there is no layer
   * @param isShared the columns are in memory that threads share, for `share`
   */
  constructor(limits: LayerLimits, budget = new TableBudget(), blobSize?: number, isShared = false) {
    this.#limits = limits;
    this.#budget = budget;
    this.#blobSize = blobSize;
    this.#isShared = isShared;
    this.#paths = new GrowingStrings('paths', limits.pathBytes, isShared);
    this.#links = new GrowingStrings('link targets', limits.linkBytes, isShared);
    this.#attributeSets = new AttributeSets(limits.attributeBytes, budget, isShared);
    if (isShared) this.#rows = mapColumns(this.#rows, shared);
  }

  /**
   * Copies the entry into the columns.
   * @throws LayerslayerError UNSUPPORTED past one of the limits, which it names
   */
  add(entry: TarEntry): void {
    const row = this.#length;
    if (row === this.#limits.entries) {
      throw new LayerslayerError('UNSUPPORTED', `the layer has more entries than the limit of ${row}`);
    }
    if (row === this.#rows.kinds.length) this.#grow();
    const rows = this.#rows;
    rows.attributes[row] = this.#attributeSets.numberOf(entry);
    this.#budget.spend(ROW_COST + entry.path.length + entry.linkTarget.length);
    rows.kinds[row] = ENTRY_KINDS.indexOf(entry.kind);
    rows.sizes[row] = entry.size;
    rows.mtimeSeconds[row] = entry.mtimeSeconds;
    rows.mtimeNanoseconds[row] = entry.mtimeNanoseconds;
    rows.dataOffsets[row] = entry.dataOffset;
    this.#paths.append(entry.path);
    this.#links.append(entry.linkTarget);
    if (entry.sparse) this.#addSparse(row, entry.storedSize, entry.sparse);
    this.#length = row + 1;
  }

  get length(): number {
    return this.#length;
  }

  /** Returns the rows so far. Rows added later do not change them. */
  finish(): EntryColumns {
    return new EntryColumns(this.#columns(this.#sparse), this.#blobSize);
  }

  /**
   * Returns the columns so far for another thread: a message shares them. Rows added later do not
   * change them. Sparse maps are those since the last call: a message clones them.
   */
  share(): Columns {
    const sparse = this.#unshared;
    this.#unshared = new Map();
    return this.#columns(sparse);
  }

  #columns(sparse: Map<number, SparseMap>): Columns {
    const length = this.#length;
    return {
      ...mapColumns(this.#rows, (column) => column.subarray(0, length)),
      length,
      paths: this.#paths.finish(),
      links: this.#links.finish(),
      attributeSets: this.#attributeSets.finish(),
      sparse,
    };
  }

  #addSparse(row: number, storedSize: number, list: readonly SparseSegment[]): void {
    this.#sparseSegments += list.length + 1; // a file without segments has a cost too
    this.#budget.spend(16 * list.length + SPARSE_COST);
    const limit = this.#limits.sparseSegments;
    if (this.#sparseSegments > limit) {
      throw new LayerslayerError(
        'UNSUPPORTED',
        `the layer's sparse files have more segments than the limit of ${limit}`,
      );
    }
    const segments = new Float64Array(2 * list.length);
    for (const [i, { offset, length }] of list.entries()) {
      segments[2 * i] = offset;
      segments[2 * i + 1] = length;
    }
    this.#sparse.set(row, { storedSize, segments });
    if (this.#isShared) this.#unshared.set(row, { storedSize, segments });
  }

  #grow(): void {
    const capacity = this.#length * 2;
    this.#rows = mapColumns(this.#rows, (column) => grown(column, capacity));
    garbageMade(this.#length * ROW_BYTES);
  }
}
