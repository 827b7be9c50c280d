import type { AttributeColumns } from './attribute-sets.js';
import type { Columns, SparseMap } from './entry-columns.js';
import { packIntegers, unpackIntegers } from './integer-planes.js';

/** Headers and contents stand in whole blocks. (POSIX pax, ustar format) */
const TAR_BLOCK = 512;

/** The columns that have a value for each row; path and link heaps stand in tables of their own. */
export type RowColumns = Pick<
  Columns,
  | 'kinds'
  | 'attributes'
  | 'sizes'
  | 'mtimeSeconds'
  | 'mtimeNanoseconds'
  | 'dataOffsets'
  | 'pathStarts'
  | 'linkStarts'
>;

/** Entries as integer columns in sequence. Together they take as much memory as the entries. */
export function* packEntries(columns: Columns): Iterable<Uint8Array> {
  const { length } = columns;
  yield columns.kinds;
  yield packIntegers(columns.attributes, length);
  yield packIntegers(columns.sizes, length);
  yield packIntegers(columns.mtimeSeconds, length);
  yield packIntegers(columns.mtimeNanoseconds, length);
  yield packIntegers(dataOffsetSurprises(columns), length);
  yield packIntegers(lengths(columns.pathStarts, length), length);
  yield packIntegers(lengths(columns.linkStarts, length), length);
}

/** The distinct sets of attributes without xattrs, which are a separate heap. */
export function* packAttributes(sets: AttributeColumns): Iterable<Uint8Array> {
  const { length } = sets;
  yield packIntegers(sets.modes, length);
  yield packIntegers(sets.uids, length);
  yield packIntegers(sets.gids, length);
  yield packIntegers(sets.deviceMajors, length);
  yield packIntegers(sets.deviceMinors, length);
  yield packIntegers(lengths(sets.xattrStarts, length), length);
}

/**
 * @param length number of sets
 * @throws LayerslayerError CORRUPT_LAYER if the data is truncated
 */
export function unpackAttributes(
  packed: Uint8Array,
  length: number,
  xattrHeap: Uint8Array,
): AttributeColumns {
  const sets: AttributeColumns = {
    length,
    modes: new Uint16Array(length),
    uids: new Uint32Array(length),
    gids: new Uint32Array(length),
    deviceMajors: new Uint32Array(length),
    deviceMinors: new Uint32Array(length),
    xattrStarts: new Uint32Array(length + 1),
    xattrHeap,
  };
  let at = unpackIntegers(packed, 0, sets.modes);
  at = unpackIntegers(packed, at, sets.uids);
  at = unpackIntegers(packed, at, sets.gids);
  at = unpackIntegers(packed, at, sets.deviceMajors);
  at = unpackIntegers(packed, at, sets.deviceMinors);
  unpackIntegers(packed, at, sets.xattrStarts.subarray(1));
  for (let number = 0; number < length; number++) sets.xattrStarts[number + 1]! += sets.xattrStarts[number]!;
  return sets;
}

/** Sparse files: rows, sizes in the tar, segment counts, then all segments in sequence. */
export function* packSparse(sparse: Columns['sparse']): Iterable<Uint8Array> {
  const maps = [...sparse.values()];
  yield packIntegers([...sparse.keys()], maps.length);
  yield packIntegers(
    maps.map(({ storedSize }) => storedSize),
    maps.length,
  );
  yield packIntegers(
    maps.map(({ segments }) => segments.length / 2),
    maps.length,
  );
  const numbers = new Float64Array(maps.reduce((sum, { segments }) => sum + segments.length, 0));
  let at = 0;
  for (const { segments } of maps) {
    numbers.set(segments, at);
    at += segments.length;
  }
  yield packIntegers(numbers, numbers.length);
}

/**
 * @param length number of sparse files
 * @throws LayerslayerError CORRUPT_LAYER if the data is truncated
 */
export function unpackSparse(packed: Uint8Array, length: number): Columns['sparse'] {
  const sparse = new Map<number, SparseMap>();
  const rows = new Float64Array(length);
  const storedSizes = new Float64Array(length);
  const counts = new Float64Array(length);
  let at = unpackIntegers(packed, 0, rows);
  at = unpackIntegers(packed, at, storedSizes);
  at = unpackIntegers(packed, at, counts);
  const numbers = new Float64Array(2 * counts.reduce((sum, count) => sum + count, 0));
  unpackIntegers(packed, at, numbers);
  let start = 0;
  for (let i = 0; i < length; i++) {
    const end = start + 2 * counts[i]!;
    sparse.set(rows[i]!, { storedSize: storedSizes[i]!, segments: numbers.subarray(start, end) });
    start = end;
  }
  return sparse;
}

/**
 * @param length rows
 * @throws LayerslayerError CORRUPT_LAYER when they are cut short
 */
export function unpackEntries(packed: Uint8Array, length: number, sparse: Columns['sparse']): RowColumns {
  const columns: RowColumns = {
    kinds: packed.slice(0, length),
    attributes: new Uint32Array(length),
    sizes: new Float64Array(length),
    mtimeSeconds: new Float64Array(length),
    mtimeNanoseconds: new Uint32Array(length),
    dataOffsets: new Float64Array(length),
    pathStarts: new Uint32Array(length + 1),
    linkStarts: new Uint32Array(length + 1),
  };
  let at = unpackIntegers(packed, length, columns.attributes);
  at = unpackIntegers(packed, at, columns.sizes);
  at = unpackIntegers(packed, at, columns.mtimeSeconds);
  at = unpackIntegers(packed, at, columns.mtimeNanoseconds);
  at = unpackIntegers(packed, at, columns.dataOffsets);
  at = unpackIntegers(packed, at, columns.pathStarts.subarray(1));
  unpackIntegers(packed, at, columns.linkStarts.subarray(1));
  // Locals, and no call but for sparse files: a process that has just started interprets the first thousands of rounds.
  const { sizes, dataOffsets, pathStarts, linkStarts } = columns;
  const hasSparse = sparse.size > 0;
  let pathEnd = 0;
  let linkEnd = 0;
  let expected = 0;
  for (let row = 0; row < length; row++) {
    pathEnd += pathStarts[row + 1]!;
    pathStarts[row + 1] = pathEnd;
    linkEnd += linkStarts[row + 1]!;
    linkStarts[row + 1] = linkEnd;
    const dataOffset = dataOffsets[row]! + expected;
    dataOffsets[row] = dataOffset;
    let stored = sizes[row]!;
    if (hasSparse) stored = sparse.get(row)?.storedSize ?? stored;
    const rest = stored % TAR_BLOCK;
    expected = dataOffset + stored + (rest === 0 ? TAR_BLOCK : 2 * TAR_BLOCK - rest);
  }
  return columns;
}

/**
 * Most entries' data stands right where the entry before lets one expect, one header block after its content: what
 * is kept is the difference, nearly always 0.
 */
function dataOffsetSurprises(columns: Columns): Float64Array {
  const surprises = new Float64Array(columns.length);
  let expected = 0;
  for (let row = 0; row < columns.length; row++) {
    surprises[row] = columns.dataOffsets[row]! - expected;
    expected = expectedNextDataOffset(columns, columns.sparse, row);
  }
  return surprises;
}

function expectedNextDataOffset(
  columns: Pick<Columns, 'sizes' | 'dataOffsets'>,
  sparse: Columns['sparse'],
  row: number,
): number {
  const storedSize = sparse.get(row)?.storedSize ?? columns.sizes[row]!;
  return columns.dataOffsets[row]! + Math.ceil(storedSize / TAR_BLOCK) * TAR_BLOCK + TAR_BLOCK;
}

function lengths(starts: Uint32Array, rows: number): Uint32Array {
  const result = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) result[row] = starts[row + 1]! - starts[row]!;
  return result;
}
