import type { EntryTable } from '../index/entry-table.js';
import { SHA256_LENGTH } from '../oci/digest.js';
import type { TableChunks } from './inflate/inflate-protocol.js';

/** A slice of a file's bytes. */
export interface FileChunk {
  size: number; // bytes, 1 or more
  digest: Uint8Array | undefined; // SHA-256 of its bytes; undefined: zeros only
}

/** Returns the chunks of the file entry in a row: as `Layer.fileChunks`. */
export function rowChunks(
  table: TableChunks | undefined,
  entries: EntryTable,
  row: number,
): FileChunk[] | undefined {
  if (!table || entries.sparse(row)) return undefined;
  return fileChunks(table, entries.dataOffset(row), entries.size(row));
}

/**
 * Returns the chunks of a table that make a file, in order.
 * @param dataOffset of the file's first byte in the uncompressed tar
 * @param size bytes of the file
 * @returns undefined if its bytes are not exactly those of whole chunks
 */
export function fileChunks(
  { length, outOffsets, sizes, inEnds, digests }: TableChunks,
  dataOffset: number,
  size: number,
): FileChunk[] | undefined {
  const found: FileChunk[] = [];
  const end = dataOffset + size;
  let at = dataOffset;
  for (let number = firstFrom(outOffsets, length, dataOffset); at < end; number++) {
    if (number >= length || outOffsets[number] !== at) return undefined;
    const digest = digests.subarray(number * SHA256_LENGTH, (number + 1) * SHA256_LENGTH);
    const isHole = inEnds[number] === 0;
    found.push({ size: sizes[number]!, digest: isHole ? undefined : digest });
    at += sizes[number]!;
  }
  return at === end ? found : undefined;
}

/** Returns the number of the first chunk that begins at or after `offset`. */
function firstFrom(outOffsets: Float64Array, length: number, offset: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (outOffsets[middle]! < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
