import type { EntryTable } from '../index/entry-table.js';
import type { Digest } from '../oci/digest.js';

/** A blob with its index: what the merged tree points into. */
export interface Layer {
  readonly digest: Digest;
  readonly entries: EntryTable;

  /**
   * Exactly the bytes `[offset, offset + length)` of the content of the file entry in `row`; the range lies inside
   * its logical size. Holes of sparse files read as zeros. Synchronous when the windows are in memory (a warm read
   * costs no promise). The result may be a view of memory that is used again: the caller does not write to it, and uses
   * or copies it before it awaits anything else (`await read(…)` itself is fine).
   * @throws LayerslayerError as `Blob.read`, CORRUPT_LAYER
   */
  read(row: number, offset: number, length: number, signal?: AbortSignal): Uint8Array | Promise<Uint8Array>;
}
