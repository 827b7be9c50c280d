import { setImmediate as nextTurn } from 'node:timers/promises';
import { LayerslayerError } from '../base/errors.js';
import type { IndexOrigin } from '../index/cached-indexes.js';
import type { EntryTable } from '../index/entry-table.js';
import type { Digest } from '../oci/digest.js';
import type { FileChunk } from './file-chunks.js';
import type { TableChunks } from './inflate/inflate-protocol.js';

export { type FileChunk, rowChunks } from './file-chunks.js';
export type { TableChunks } from './inflate/inflate-protocol.js';

/** A blob with its index: what the merged tree points into. */
export interface Layer {
  readonly digest: Digest;
  readonly origin: IndexOrigin; // of its index; only that of an own pass was compared with the bytes
  readonly fingerprint: number; // of its index, see `LayerIndex`
  readonly hidesTableMarkers?: boolean | undefined; // a merge hides files of eStargz at its root (rule O10)
  readonly entries: EntryTable;

  /**
   * Returns the bytes `[offset, offset + length)` of the file entry in `row`; the range is inside
   * its logical size. Holes of sparse files are zeros. Synchronous if the chunks are in memory: a
   * warm read costs no promise. The result is read-only and valid until the next await (`await
   * read(…)` itself is fine).
   * @throws LayerslayerError as `Blob.read`, CORRUPT_LAYER
   */
  read(row: number, offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array>;

  /**
   * Returns the chunks of the file entry in `row`, if the index is from a table that has digests of
   * the files' bytes. `read` returns no other bytes.
   * @returns undefined if there is no such table, or it does not divide the file
   */
  fileChunks?(row: number): readonly FileChunk[] | undefined;
  /** The table that `fileChunks` returns chunks of. Threads share its columns. */
  readonly chunkTable?: TableChunks | undefined;
}

export interface RangeOptions {
  offset?: number | undefined; // bytes; default: 0
  length?: number | undefined; // maximum bytes; default: up to the end of the file
  signal?: AbortSignal | undefined;
}

/** The bytes of a range. The chunks belong to the receiver. */
export interface FileStream extends AsyncIterable<Uint8Array> {
  readonly size: number; // bytes of the whole file
  readonly length: number; // bytes of the range, cut at the end of the file
}

/** Bytes of a chunk of a stream. */
const CHUNK_SIZE = 256 * 1024;

/**
 * Opens the file entry in a row of a layer, for reading once. Bytes are fetched on iteration.
 * @throws LayerslayerError INVALID_ARGUMENT if the row is no file, or a number is out of range; on
 *   iteration: as `Layer.read`; the signal's reason
 */
export function openFile(
  layer: Layer,
  row: number,
  { offset = 0, length, signal }: RangeOptions = {},
): FileStream {
  checkCount('offset', offset);
  checkCount('length', length ?? 0);
  const { entries } = layer;
  const isRow = Number.isInteger(row) && row >= 0 && row < entries.length;
  if (!isRow || entries.kind(row) !== 'file')
    throw new LayerslayerError('INVALID_ARGUMENT', `not a regular file: row ${row} of ${layer.digest}`);
  const size = entries.size(row);
  const end = Math.min(size, offset + (length ?? size));
  return {
    size,
    length: Math.max(0, end - offset),
    async *[Symbol.asyncIterator]() {
      for (let at = offset; at < end; at += CHUNK_SIZE) {
        signal?.throwIfAborted();
        // A copy: what the layer returns is valid until the next await.
        yield new Uint8Array(await layer.read(row, at, Math.min(CHUNK_SIZE, end - at), signal));
        // Only the event loop frees buffers, and a cached file needs no turn of it.
        await nextTurn();
      }
    },
  };
}

/** @throws LayerslayerError INVALID_ARGUMENT */
export function checkCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new LayerslayerError('INVALID_ARGUMENT', `got ${name} ${value}, want 0 or more`);
}
