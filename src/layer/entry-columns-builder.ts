import { LayerslayerError } from '../base/errors.js';
import { ENTRY_KINDS, type SparseSegment, type TarEntry } from '../tar/entry.js';
import { AttributeSets } from './attribute-sets.js';
import { ByteHeap } from './byte-heap.js';
import { EntryColumns, type SparseMap } from './entry-columns.js';
import type { LayerLimits } from './layer-limits.js';

/** Rows there is room for at first. */
const FIRST_CAPACITY = 1024;

/** Collects entries while the scan goes on; the columns grow by doubling. */
export class EntryColumnsBuilder {
  readonly #limits: LayerLimits;
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

  constructor(limits: LayerLimits) {
    this.#limits = limits;
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
    this.#kinds[row] = ENTRY_KINDS.indexOf(entry.kind);
    this.#attributes[row] = this.#attributeSets.numberOf(entry);
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

  /** The rows so far; more may be added afterwards. */
  finish(): EntryColumns {
    const length = this.#length;
    return new EntryColumns({
      length,
      kinds: this.#kinds.slice(0, length),
      attributes: this.#attributes.slice(0, length),
      sizes: this.#sizes.slice(0, length),
      mtimeSeconds: this.#mtimeSeconds.slice(0, length),
      mtimeNanoseconds: this.#mtimeNanoseconds.slice(0, length),
      dataOffsets: this.#dataOffsets.slice(0, length),
      pathStarts: this.#pathStarts.slice(0, length + 1),
      pathHeap: this.#paths.finish(),
      linkStarts: this.#linkStarts.slice(0, length + 1),
      linkHeap: this.#links.finish(),
      attributeSets: this.#attributeSets.list,
      sparse: this.#sparse,
    });
  }

  #addSparse(row: number, storedSize: number, list: readonly SparseSegment[]): void {
    this.#sparseSegments += list.length + 1; // a file without any costs something too
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
  }
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(from: T, into: T): T {
  into.set(from as never);
  return into;
}
