import { LayerslayerError } from '../base/errors.js';
import { garbageMade } from '../base/garbage.js';
import { ENTRY_KINDS, type SparseSegment, type TarEntry } from '../tar/entry.js';
import { AttributeSets } from './attribute-sets.js';
import { ByteHeap } from './byte-heap.js';
import { EntryColumns, ROW_BYTES, type SparseMap } from './entry-columns.js';
import type { LayerLimits } from './layer-limits.js';
import { TableBudget } from './table-budget.js';

/** Rows there is room for at first. */
const FIRST_CAPACITY = 1024;

/** Bytes of a row in its columns, and again in the process that decodes it. */
const ROW_COST = 2 * ROW_BYTES;
/** Bytes of a sparse file's map slot, besides its segments (estimated). */
const SPARSE_COST = 256;

/** Collects entries while the scan goes on; the columns grow by doubling. */
export class EntryColumnsBuilder {
  readonly #limits: LayerLimits;
  readonly #budget: TableBudget;
  readonly #blobSize: number | undefined;
  #length = 0;
  #kinds = new Uint8Array(FIRST_CAPACITY);
  #attributes = new Uint32Array(FIRST_CAPACITY);
  #sizes = new Float64Array(FIRST_CAPACITY);
  #mtimeSeconds = new Float64Array(FIRST_CAPACITY);
  #mtimeNanoseconds = new Uint32Array(FIRST_CAPACITY);
  #dataOffsets = new Float64Array(FIRST_CAPACITY);
  #pathStarts = new Uint32Array(FIRST_CAPACITY + 1);
  #linkStarts = new Uint32Array(FIRST_CAPACITY + 1);
  readonly #paths: ByteHeap;
  readonly #links: ByteHeap;
  readonly #attributeSets: AttributeSets;
  readonly #sparse = new Map<number, SparseMap>();
  #sparseSegments = 0;

  /** @param blobSize compressed bytes of the layer; undefined if there is no layer */
  constructor(limits: LayerLimits, budget = new TableBudget(), blobSize?: number) {
    this.#limits = limits;
    this.#budget = budget;
    this.#blobSize = blobSize;
    this.#paths = new ByteHeap('paths', limits.pathBytes);
    this.#links = new ByteHeap('link targets', limits.linkBytes);
    this.#attributeSets = new AttributeSets(limits.attributeBytes);
  }

  /**
   * Copies what it keeps of the entry.
   * @throws LayerslayerError UNSUPPORTED past one of the limits, which it names
   */
  add(entry: TarEntry): void {
    const row = this.#length;
    if (row === this.#limits.entries) {
      throw new LayerslayerError('UNSUPPORTED', `the layer has more entries than the limit of ${row}`);
    }
    if (row === this.#kinds.length) this.#grow();
    const { bytes } = this.#attributeSets;
    this.#attributes[row] = this.#attributeSets.numberOf(entry);
    const attributeCost = this.#attributeSets.bytes - bytes;
    this.#budget.spend(ROW_COST + entry.path.length + entry.linkTarget.length + attributeCost);
    this.#kinds[row] = ENTRY_KINDS.indexOf(entry.kind);
    this.#sizes[row] = entry.size;
    this.#mtimeSeconds[row] = entry.mtimeSeconds;
    this.#mtimeNanoseconds[row] = entry.mtimeNanoseconds;
    this.#dataOffsets[row] = entry.dataOffset;
    this.#pathStarts[row + 1] = this.#paths.append(entry.path);
    this.#linkStarts[row + 1] = this.#links.append(entry.linkTarget);
    if (entry.sparse) this.#addSparse(row, entry.storedSize, entry.sparse);
    this.#length = row + 1;
  }

  get length(): number {
    return this.#length;
  }

  /** Returns the rows so far. Rows added later do not change them. */
  finish(): EntryColumns {
    const length = this.#length;
    return new EntryColumns(
      {
        length,
        kinds: this.#kinds.subarray(0, length),
        attributes: this.#attributes.subarray(0, length),
        sizes: this.#sizes.subarray(0, length),
        mtimeSeconds: this.#mtimeSeconds.subarray(0, length),
        mtimeNanoseconds: this.#mtimeNanoseconds.subarray(0, length),
        dataOffsets: this.#dataOffsets.subarray(0, length),
        pathStarts: this.#pathStarts.subarray(0, length + 1),
        pathHeap: this.#paths.finish(),
        linkStarts: this.#linkStarts.subarray(0, length + 1),
        linkHeap: this.#links.finish(),
        attributeSets: this.#attributeSets.finish(),
        sparse: this.#sparse,
      },
      this.#blobSize,
    );
  }

  #addSparse(row: number, storedSize: number, list: readonly SparseSegment[]): void {
    this.#sparseSegments += list.length + 1; // a file without any costs something too
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
  }

  #grow(): void {
    const capacity = this.#kinds.length * 2;
    this.#kinds = grown(this.#kinds, new Uint8Array(capacity));
    this.#attributes = grown(this.#attributes, new Uint32Array(capacity));
    this.#sizes = grown(this.#sizes, new Float64Array(capacity));
    this.#mtimeSeconds = grown(this.#mtimeSeconds, new Float64Array(capacity));
    this.#mtimeNanoseconds = grown(this.#mtimeNanoseconds, new Uint32Array(capacity));
    this.#dataOffsets = grown(this.#dataOffsets, new Float64Array(capacity));
    this.#pathStarts = grown(this.#pathStarts, new Uint32Array(capacity + 1));
    this.#linkStarts = grown(this.#linkStarts, new Uint32Array(capacity + 1));
    garbageMade(this.#length * ROW_BYTES);
  }
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(from: T, into: T): T {
  into.set(from as never);
  return into;
}
