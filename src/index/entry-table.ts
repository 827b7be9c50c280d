import type { EntryKind } from '../tar/entry.js';

/**
 * Changes when a section of the index file changes. A tree names rows of this version's tables, and
 * cached indexes lie under a path with it.
 */
export const LAYER_INDEX_VERSION = 3;

/**
 * Key of a layer index: the format's version is in the path, so that formats never meet.
 * @param origin names where the index came from; default: our own pass
 */
export function indexKey(format: number, digest: string, origin = ''): string {
  return `${format}/${digest}${origin}`;
}

/** Sizes from which a merge computes its memory limit. */
export interface Footprint {
  blobSize: number; // compressed bytes of the layer
  tableBytes: number; // of its entries in memory
}

/** Names and kinds of a layer's entries: all that listing a directory needs. */
export type NameTable = Pick<
  EntryTable,
  'length' | 'kind' | 'pathHeap' | 'pathStart' | 'pathEnd' | 'linkTarget'
>;

/**
 * The entries of one layer, in archive order, as columns: about 60 bytes an entry, where an object
 * would take 316 (measured). Rows are 0 to length-1. Getters allocate nothing but views and lists.
 */
export interface EntryTable {
  readonly length: number;
  /** Sizes of the table, undefined if it belongs to no layer. */
  readonly footprint?: Footprint | undefined;
  kind(row: number): EntryKind;
  mode(row: number): number; // 0 to 0o7777
  uid(row: number): number;
  gid(row: number): number;
  size(row: number): number; // logical bytes
  mtimeSeconds(row: number): number;
  mtimeNanoseconds(row: number): number;
  deviceMajor(row: number): number;
  deviceMinor(row: number): number;
  /** Byte address of the first content byte in the uncompressed tar. */
  dataOffset(row: number): number;
  /** Bytes of content in the tar: size, unless sparse. */
  storedSize(row: number): number;
  /** Raw path as archived: `pathHeap.subarray(pathStart(row), pathEnd(row))`. */
  readonly pathHeap: Uint8Array;
  pathStart(row: number): number;
  pathEnd(row: number): number;
  /** Raw link target; empty unless symlink or hardlink. A view. */
  linkTarget(row: number): Uint8Array;
  /** Returns xattrs as name, value pairs; views. */
  xattrs(row: number): readonly { name: Uint8Array; value: Uint8Array }[];
  /** `[offset, length, …]` of the logical file's data segments, undefined unless sparse. */
  sparse(row: number): Float64Array | undefined;
}
