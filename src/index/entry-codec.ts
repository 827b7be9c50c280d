import type { AttributeColumns } from './attribute-sets.js';
import type { Columns, SparseMap } from './entry-columns.js';
import { COUNT_LENGTH, packCount, packIntegers, unpackCount, unpackIntegers } from './integer-planes.js';

/** Headers and contents stand in whole blocks. (POSIX pax, ustar format) */
const TAR_BLOCK = 512;

/** The columns that have a value for each row; paths and links are in sections of their own. */
type RowColumns = Pick<
  Columns,
  'length' | 'kinds' | 'attributes' | 'sizes' | 'mtimeSeconds' | 'mtimeNanoseconds' | 'dataOffsets'
>;

/** Entries as integer columns in sequence. Together they take as much memory as the entries. */
export function* packEntries(columns: Columns): Iterable<Uint8Array> {
  const { length } = columns;
  if (length === 0) return;
  yield packCount(length);
  yield columns.kinds;
  yield packIntegers(columns.attributes, length);
  yield packIntegers(columns.sizes, length);
  yield packIntegers(columns.mtimeSeconds, length);
  yield packIntegers(columns.mtimeNanoseconds, length);
  yield packIntegers(dataOffsetSurprises(columns), length);
}

/** The distinct sets of attributes without xattrs, which are a separate heap. */
export function* packAttributes(sets: AttributeColumns): Iterable<Uint8Array> {
  const { length } = sets;
  if (length === 0) return;
  yield packCount(length);
  yield packIntegers(sets.modes, length);
  yield packIntegers(sets.uids, length);
  yield packIntegers(sets.gids, length);
  yield packIntegers(sets.deviceMajors, length);
  yield packIntegers(sets.deviceMinors, length);
}

/** @throws LayerslayerError CORRUPT_LAYER if the data is truncated */
export function unpackAttributes(packed: Uint8Array): Omit<AttributeColumns, 'xattrStarts' | 'xattrHeap'> {
  const length = unpackCount(packed);
  const sets = {
    length,
    modes: new Uint16Array(length),
    uids: new Uint32Array(length),
    gids: new Uint32Array(length),
    deviceMajors: new Uint32Array(length),
    deviceMinors: new Uint32Array(length),
  };
  if (length === 0) return sets;
  let at = COUNT_LENGTH;
  for (const column of [sets.modes, sets.uids, sets.gids, sets.deviceMajors, sets.deviceMinors]) {
    at = unpackIntegers(packed, at, column);
  }
  return sets;
}

/** Sparse files: rows, sizes in the tar, segment counts, then all segments in sequence. */
export function* packSparse(sparse: Columns['sparse']): Iterable<Uint8Array> {
  const maps = [...sparse.values()];
  if (maps.length === 0) return;
  yield packCount(maps.length);
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

/** @throws LayerslayerError CORRUPT_LAYER if the data is truncated */
export function unpackSparse(packed: Uint8Array): Columns['sparse'] {
  const sparse = new Map<number, SparseMap>();
  const length = unpackCount(packed);
  if (length === 0) return sparse;
  const rows = new Float64Array(length);
  const storedSizes = new Float64Array(length);
  const counts = new Float64Array(length);
  let at = unpackIntegers(packed, COUNT_LENGTH, rows);
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

/** @throws LayerslayerError CORRUPT_LAYER if the data is truncated */
export function unpackEntries(packed: Uint8Array, sparse: Columns['sparse']): RowColumns {
  const length = unpackCount(packed);
  const columns: RowColumns = {
    length,
    kinds: packed.slice(COUNT_LENGTH, COUNT_LENGTH + length),
    attributes: new Uint32Array(length),
    sizes: new Float64Array(length),
    mtimeSeconds: new Float64Array(length),
    mtimeNanoseconds: new Uint32Array(length),
    dataOffsets: new Float64Array(length),
  };
  if (length === 0) return columns;
  let at = unpackIntegers(packed, COUNT_LENGTH + length, columns.attributes);
  at = unpackIntegers(packed, at, columns.sizes);
  at = unpackIntegers(packed, at, columns.mtimeSeconds);
  at = unpackIntegers(packed, at, columns.mtimeNanoseconds);
  unpackIntegers(packed, at, columns.dataOffsets);
  // Locals, and no call but for sparse files: a process that has just started interprets this loop.
  const { sizes, dataOffsets } = columns;
  const hasSparse = sparse.size > 0;
  let expected = 0;
  for (let row = 0; row < length; row++) {
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
 * Returns the differences between offsets and expected ones, nearly always 0: an entry's content
 * mostly starts one header block after the content before it.
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
