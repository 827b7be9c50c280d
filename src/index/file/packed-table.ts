import type { EntryKind } from '../../tar/entry.js';
import { type AttributeColumns, xattrsOf } from '../attribute-sets.js';
import type { EntryColumns, SparseMap } from '../entry-columns.js';
import type { EntryTable, NameTable } from '../entry-table.js';
import { COUNT_LENGTH, PackedIntegers } from './packed-columns.js';

/**
 * The entries of an index as they are in the file: a search reads a few rows of many tables. Only
 * offsets of contents need all rows before them, so they are unpacked when one is asked for.
 */
export class PackedTable implements EntryTable {
  readonly length: number;
  readonly pathHeap: Uint8Array;
  readonly #attributes: PackedIntegers;
  readonly #sizes: PackedIntegers;
  readonly #seconds: PackedIntegers;
  readonly #nanoseconds: PackedIntegers;
  #unpacked: EntryColumns | undefined;

  /**
   * @param packed as `packEntries` writes it
   * @param unpack returns all columns
   * @throws LayerslayerError CORRUPT_LAYER if the data is truncated
   */
  constructor(
    private readonly names: NameTable,
    packed: Uint8Array,
    private readonly sets: AttributeColumns,
    private readonly sparseMaps: ReadonlyMap<number, SparseMap>,
    private readonly unpack: () => EntryColumns,
  ) {
    this.length = names.length;
    this.pathHeap = names.pathHeap;
    const column = (offset: number) => new PackedIntegers(packed, offset, this.length);
    this.#attributes = column(COUNT_LENGTH + this.length);
    this.#sizes = column(this.#attributes.end);
    this.#seconds = column(this.#sizes.end);
    this.#nanoseconds = column(this.#seconds.end);
  }

  kind(row: number): EntryKind {
    return this.names.kind(row);
  }
  mode(row: number): number {
    return this.sets.modes[this.#attributes.at(row)]!;
  }
  uid(row: number): number {
    return this.sets.uids[this.#attributes.at(row)]!;
  }
  gid(row: number): number {
    return this.sets.gids[this.#attributes.at(row)]!;
  }
  deviceMajor(row: number): number {
    return this.sets.deviceMajors[this.#attributes.at(row)]!;
  }
  deviceMinor(row: number): number {
    return this.sets.deviceMinors[this.#attributes.at(row)]!;
  }
  xattrs(row: number) {
    return xattrsOf(this.sets, this.#attributes.at(row));
  }
  size(row: number): number {
    return this.#sizes.at(row);
  }
  mtimeSeconds(row: number): number {
    return this.#seconds.at(row);
  }
  mtimeNanoseconds(row: number): number {
    return this.#nanoseconds.at(row);
  }
  dataOffset(row: number): number {
    this.#unpacked ??= this.unpack();
    return this.#unpacked.dataOffset(row);
  }
  storedSize(row: number): number {
    return this.sparseMaps.get(row)?.storedSize ?? this.size(row);
  }
  pathStart(row: number): number {
    return this.names.pathStart(row);
  }
  pathEnd(row: number): number {
    return this.names.pathEnd(row);
  }
  linkTarget(row: number): Uint8Array {
    return this.names.linkTarget(row);
  }
  sparse(row: number): Float64Array | undefined {
    return this.sparseMaps.get(row)?.segments;
  }
}
