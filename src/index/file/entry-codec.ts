import { LayerslayerError } from '../../base/errors.js';
import { type AttributeColumns, setColumns } from '../attribute-sets.js';
import { type Columns, rowColumns, type SparseMap } from '../entry-columns.js';
import { LAYER_LIMITS } from '../layer-limits.js';
import {
  COUNT_LENGTH,
  fitsUint32,
  packCount,
  packIntegers,
  unpackCount,
  unpackIntegers,
} from './packed-columns.js';

/** Headers and contents stand in whole blocks. (POSIX pax, ustar format) */
const TAR_BLOCK = 512;

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

/** @throws LayerslayerError CORRUPT_LAYER if the data is truncated */
export function unpackEntries(packed: Uint8Array, sparse: Columns['sparse']) {
  const length = unpackCount(packed);
  const columns = rowColumns(length);
  if (length === 0) return { ...columns, length };
  const { kinds, attributes, sizes, mtimeSeconds, mtimeNanoseconds, dataOffsets } = columns;
  kinds.set(packed.subarray(COUNT_LENGTH, COUNT_LENGTH + length));
  let at = COUNT_LENGTH + length;
  at = unpackIntegers(packed, at, attributes);
  const isNarrow = fitsUint32(packed, at);
  for (const column of [sizes, mtimeSeconds, mtimeNanoseconds, dataOffsets]) {
    at = unpackIntegers(packed, at, column);
  }
  // Locals, and no call but for sparse files: a process that has just started interprets this loop.
  const hasSparse = sparse.size > 0;
  const narrow = isNarrow ? new Uint32Array(sizes) : sizes; // as in unpackIntegers
  let expected = 0;
  for (let row = 0; row < length; row++) {
    const surprise = dataOffsets[row]!;
    const dataOffset = surprise === 0 ? expected : expected + surprise;
    dataOffsets[row] = dataOffset;
    let stored = narrow[row]!;
    if (hasSparse) stored = sparse.get(row)?.storedSize ?? stored;
    const rest = stored % TAR_BLOCK;
    expected = dataOffset + stored + (rest === 0 ? TAR_BLOCK : 2 * TAR_BLOCK - rest);
  }
  return { ...columns, length };
}

/**
 * Returns the kinds of packed entries: the first column. A view.
 * @throws LayerslayerError CORRUPT_LAYER if the data is truncated
 */
export function unpackKinds(packed: Uint8Array): Uint8Array {
  const length = unpackCount(packed);
  if (packed.length >= COUNT_LENGTH + length) return packed.subarray(COUNT_LENGTH, COUNT_LENGTH + length);
  if (length === 0) return packed;
  throw new LayerslayerError('CORRUPT_LAYER', 'layer index: the kinds are cut short');
}

/**
 * Returns the differences between offsets and expected ones, nearly always 0: an entry's content
 * mostly starts one header block after the content before it.
 */
function dataOffsetSurprises({ length, sizes, dataOffsets, sparse }: Columns): Float64Array {
  const surprises = new Float64Array(length);
  let expected = 0;
  for (let row = 0; row < length; row++) {
    surprises[row] = dataOffsets[row]! - expected;
    const stored = sparse.get(row)?.storedSize ?? sizes[row]!;
    expected = dataOffsets[row]! + Math.ceil(stored / TAR_BLOCK) * TAR_BLOCK + TAR_BLOCK;
  }
  return surprises;
}

/** The distinct sets of attributes without xattrs, which are a separate heap. */
export function* packAttributes(sets: AttributeColumns): Iterable<Uint8Array> {
  const { length, modes, uids, gids, deviceMajors, deviceMinors } = sets;
  if (length === 0) return;
  yield packCount(length);
  for (const column of [modes, uids, gids, deviceMajors, deviceMinors]) yield packIntegers(column, length);
}

/** @throws LayerslayerError CORRUPT_LAYER if the data is truncated */
export function unpackAttributes(packed: Uint8Array) {
  const length = unpackCount(packed);
  const sets = setColumns(length);
  let at = COUNT_LENGTH;
  if (length > 0) for (const column of Object.values(sets)) at = unpackIntegers(packed, at, column);
  return { ...sets, length };
}

/** Sparse files: rows, sizes in the tar, segment counts, then all segments in sequence. */
export function* packSparse(sparse: Columns['sparse']): Iterable<Uint8Array> {
  const maps = [...sparse.values()];
  if (maps.length === 0) return;
  const storedSizes = maps.map(({ storedSize }) => storedSize);
  const counts = maps.map(({ segments }) => segments.length / 2);
  yield packCount(maps.length);
  for (const column of [[...sparse.keys()], storedSizes, counts]) yield packIntegers(column, maps.length);
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
  let at = COUNT_LENGTH;
  for (const column of [rows, storedSizes, counts]) at = unpackIntegers(packed, at, column);
  const segments = counts.reduce((sum, count) => sum + count, 0);
  const isPossible = segments <= LAYER_LIMITS.sparseSegments && counts.every((count) => count >= 0);
  if (!isPossible) throw new LayerslayerError('CORRUPT_LAYER', 'layer index: impossible sparse files');
  const numbers = new Float64Array(2 * segments);
  unpackIntegers(packed, at, numbers);
  let start = 0;
  for (let i = 0; i < length; i++) {
    const end = start + 2 * counts[i]!;
    sparse.set(rows[i]!, { storedSize: storedSizes[i]!, segments: numbers.subarray(start, end) });
    start = end;
  }
  return sparse;
}
