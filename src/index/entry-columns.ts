import { ENTRY_KINDS, type EntryKind, type ExtendedAttribute } from '../tar/entry.js';
import { type AttributeColumns, xattrsOf } from './attribute-sets.js';
import type { EntryTable, Footprint } from './entry-table.js';
import type { Strings } from './growing.js';

/** Where the data of a sparse file lies in it. */
export interface SparseMap {
  storedSize: number; // bytes of all segments: the entry's content in the tar
  segments: Float64Array; // offset, length, offset, length, …
}

/** The columns themselves. */
export interface Columns extends ReturnType<typeof rowColumns> {
  length: number;
  paths: Strings;
  links: Strings;
  attributeSets: AttributeColumns;
  sparse: Map<number, SparseMap>; // by row
}

/** The columns with a number a row, in the order in which an index stores them. */
export function rowColumns(length: number) {
  return {
    kinds: new Uint8Array(length), // indexes of ENTRY_KINDS
    attributes: new Uint32Array(length), // numbers of attributeSets
    sizes: new Float64Array(length),
    mtimeSeconds: new Float64Array(length),
    mtimeNanoseconds: new Uint32Array(length),
    dataOffsets: new Float64Array(length),
  };
}

/** Bytes of a row in the columns, with its two starts. */
export const ROW_BYTES = 41;

function tableBytes({ length, paths, links, attributeSets, sparse }: Columns): number {
  let bytes = length * ROW_BYTES + paths.heap.length + links.heap.length + attributeSets.xattrs.heap.length;
  for (const { segments } of sparse.values()) bytes += segments.byteLength;
  return bytes;
}

/** EntryTable over columns. */
export class EntryColumns implements EntryTable {
  readonly length: number;
  readonly pathHeap: Uint8Array;
  readonly footprint: Footprint | undefined;

  /** @param blobSize compressed bytes of the layer; undefined if there is no layer */
  constructor(
    readonly columns: Columns,
    blobSize?: number,
  ) {
    this.length = columns.length;
    this.pathHeap = columns.paths.heap;
    this.footprint = blobSize === undefined ? undefined : { blobSize, tableBytes: tableBytes(columns) };
  }

  kind(row: number): EntryKind {
    return ENTRY_KINDS[this.columns.kinds[row]!]!;
  }
  mode(row: number): number {
    return this.columns.attributeSets.modes[this.columns.attributes[row]!]!;
  }
  uid(row: number): number {
    return this.columns.attributeSets.uids[this.columns.attributes[row]!]!;
  }
  gid(row: number): number {
    return this.columns.attributeSets.gids[this.columns.attributes[row]!]!;
  }
  deviceMajor(row: number): number {
    return this.columns.attributeSets.deviceMajors[this.columns.attributes[row]!]!;
  }
  deviceMinor(row: number): number {
    return this.columns.attributeSets.deviceMinors[this.columns.attributes[row]!]!;
  }
  xattrs(row: number): readonly ExtendedAttribute[] {
    return xattrsOf(this.columns.attributeSets, this.columns.attributes[row]!);
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
    return this.columns.paths.starts[row]!;
  }
  pathEnd(row: number): number {
    return this.columns.paths.starts[row + 1]!;
  }
  linkTarget(row: number): Uint8Array {
    const { heap, starts } = this.columns.links;
    return heap.subarray(starts[row], starts[row + 1]);
  }
  sparse(row: number): Float64Array | undefined {
    return this.columns.sparse.get(row)?.segments;
  }
}
