import { LayerslayerError } from '../base/errors.js';
import { ENTRY_KINDS, type EntryKind, type ExtendedAttribute, type TarEntry } from '../tar/entry.js';
import type { EntryTable } from './entry-table.js';

/** All different sets of attributes together: with room over real ones (a few KiB), none for a bomb of 1 MiB xattrs. */
const MAX_ATTRIBUTE_BYTES = 64 * 1024 * 1024;

/** Rows a layer may have: with room over the largest images seen (10^6), without letting a bomb eat the memory. */
export const MAX_ENTRIES = 10_000_000;

/** Owner, mode, device and xattrs of an entry. A layer has few different ones, so rows share them by number. */
export interface AttributeSet {
  mode: number;
  uid: number;
  gid: number;
  deviceMajor: number;
  deviceMinor: number;
  xattrs: readonly ExtendedAttribute[];
}

export interface SparseMap {
  storedSize: number;
  segments: Float64Array; // offset, length, offset, length, …
}

/** The columns themselves; `length` rows of each are in use, `*Starts` have one more. */
export interface Columns {
  length: number;
  kinds: Uint8Array; // places in ENTRY_KINDS
  attributes: Uint32Array; // places in attributeSets
  sizes: Float64Array;
  mtimeSeconds: Float64Array;
  mtimeNanoseconds: Uint32Array;
  dataOffsets: Float64Array;
  pathStarts: Uint32Array;
  pathHeap: Uint8Array;
  linkStarts: Uint32Array;
  linkHeap: Uint8Array;
  attributeSets: AttributeSet[];
  sparse: Map<number, SparseMap>; // by row
}

/** EntryTable over columns. */
export class EntryColumns implements EntryTable {
  readonly length: number;
  readonly pathHeap: Uint8Array;

  constructor(readonly columns: Columns) {
    this.length = columns.length;
    this.pathHeap = columns.pathHeap;
  }

  kind(row: number): EntryKind {
    return ENTRY_KINDS[this.columns.kinds[row]!]!;
  }
  mode(row: number): number {
    return this.#attributes(row).mode;
  }
  uid(row: number): number {
    return this.#attributes(row).uid;
  }
  gid(row: number): number {
    return this.#attributes(row).gid;
  }
  deviceMajor(row: number): number {
    return this.#attributes(row).deviceMajor;
  }
  deviceMinor(row: number): number {
    return this.#attributes(row).deviceMinor;
  }
  xattrs(row: number): readonly ExtendedAttribute[] {
    return this.#attributes(row).xattrs;
  }
  size(row: number): number {
    return this.columns.sizes[row]!;
  }
  mtimeSeconds(row: number): number {
    return this.columns.mtimeSeconds[row]!;
  }
  mtimeNanoseconds(row: number): number {
    return this.columns.mtimeNanoseconds[row]!;
  }
  dataOffset(row: number): number {
    return this.columns.dataOffsets[row]!;
  }
  storedSize(row: number): number {
    return this.columns.sparse.get(row)?.storedSize ?? this.columns.sizes[row]!;
  }
  pathStart(row: number): number {
    return this.columns.pathStarts[row]!;
  }
  pathEnd(row: number): number {
    return this.columns.pathStarts[row + 1]!;
  }
  linkTarget(row: number): Uint8Array {
    return this.columns.linkHeap.subarray(this.columns.linkStarts[row]!, this.columns.linkStarts[row + 1]!);
  }
  sparse(row: number): Float64Array | undefined {
    return this.columns.sparse.get(row)?.segments;
  }

  #attributes(row: number): AttributeSet {
    return this.columns.attributeSets[this.columns.attributes[row]!]!;
  }
}

/** Collects entries while the scan goes on; the columns grow by doubling. */
export class EntryColumnsBuilder {
  #length = 0;
  #kinds = new Uint8Array(1024);
  #attributes = new Uint32Array(1024);
  #sizes = new Float64Array(1024);
  #mtimeSeconds = new Float64Array(1024);
  #mtimeNanoseconds = new Uint32Array(1024);
  #dataOffsets = new Float64Array(1024);
  #pathStarts = new Uint32Array(1025);
  #linkStarts = new Uint32Array(1025);
  readonly #paths = new ByteHeap('paths');
  readonly #links = new ByteHeap('link targets');
  readonly #attributeSets: AttributeSet[] = [];
  readonly #attributeNumbers = new Map<string, number>();
  #attributeBytes = 0;
  readonly #sparse = new Map<number, SparseMap>();

  get length(): number {
    return this.#length;
  }

  /** @throws LayerslayerError CORRUPT_LAYER when the layer has more than MAX_ENTRIES entries */
  add(entry: TarEntry): void {
    const row = this.#length;
    if (row === MAX_ENTRIES) {
      throw new LayerslayerError(
        'CORRUPT_LAYER',
        `the layer has more than ${MAX_ENTRIES} entries, which is the limit`,
      );
    }
    if (row === this.#kinds.length) this.#grow();
    this.#kinds[row] = ENTRY_KINDS.indexOf(entry.kind);
    this.#attributes[row] = this.#attributeNumber(entry);
    this.#sizes[row] = entry.size;
    this.#mtimeSeconds[row] = entry.mtimeSeconds;
    this.#mtimeNanoseconds[row] = entry.mtimeNanoseconds;
    this.#dataOffsets[row] = entry.dataOffset;
    this.#pathStarts[row + 1] = this.#paths.append(entry.path);
    this.#linkStarts[row + 1] = this.#links.append(entry.linkTarget);
    if (entry.sparse) {
      const segments = Float64Array.from(entry.sparse.flatMap(({ offset, length }) => [offset, length]));
      this.#sparse.set(row, { storedSize: entry.storedSize, segments });
    }
    this.#length = row + 1;
  }

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
      attributeSets: this.#attributeSets,
      sparse: this.#sparse,
    });
  }

  #attributeNumber(entry: TarEntry): number {
    let key = `${entry.mode} ${entry.uid} ${entry.gid} ${entry.deviceMajor} ${entry.deviceMinor}`;
    for (const { name, value } of entry.xattrs) {
      key += ` ${name.length} ${value.length} ${latin1(name)}${latin1(value)}`;
    }
    const known = this.#attributeNumbers.get(key);
    if (known !== undefined) return known;
    this.#attributeBytes += key.length;
    if (this.#attributeBytes > MAX_ATTRIBUTE_BYTES) {
      throw new LayerslayerError(
        'CORRUPT_LAYER',
        'extended attributes of the layer are over 64 MiB, which is the limit',
      );
    }
    const { mode, uid, gid, deviceMajor, deviceMinor } = entry;
    // The scanner's byte arrays may be views of memory that it uses again.
    const xattrs = entry.xattrs.map(({ name, value }) => ({ name: name.slice(), value: value.slice() }));
    this.#attributeSets.push({ mode, uid, gid, deviceMajor, deviceMinor, xattrs });
    this.#attributeNumbers.set(key, this.#attributeSets.length - 1);
    return this.#attributeSets.length - 1;
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

/** Bytes appended end to end; places in it are 32-bit. */
export class ByteHeap {
  #bytes = new Uint8Array(16 * 1024);
  #length = 0;

  constructor(readonly what: string) {}

  get length(): number {
    return this.#length;
  }

  /** @returns the length of the heap afterwards */
  append(bytes: Uint8Array): number {
    const end = this.#length + bytes.length;
    if (end > 0xffff_ffff) {
      throw new LayerslayerError(
        'CORRUPT_LAYER',
        `the layer's ${this.what} are over 4 GiB, which is the limit`,
      );
    }
    if (end > this.#bytes.length)
      this.#bytes = grown(this.#bytes, new Uint8Array(Math.max(end, this.#bytes.length * 2)));
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
    return end;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(from: T, into: T): T {
  into.set(from as never);
  return into;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
