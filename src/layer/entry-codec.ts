import type { Columns } from './entry-columns.js';
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

/** Entries as integer columns. */
export function packEntries(columns: Columns): Uint8Array[] {
  const { length } = columns;
  return [
    columns.kinds,
    packIntegers(columns.attributes, length),
    packIntegers(columns.sizes, length),
    packIntegers(columns.mtimeSeconds, length),
    packIntegers(columns.mtimeNanoseconds, length),
    packIntegers(dataOffsetSurprises(columns), length),
    packIntegers(lengths(columns.pathStarts, length), length),
    packIntegers(lengths(columns.linkStarts, length), length),
  ];
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
