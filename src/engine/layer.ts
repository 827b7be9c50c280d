import type { IndexOrigin } from '../index/cached-indexes.js';
import type { EntryTable } from '../index/entry-table.js';
import type { Digest } from '../oci/digest.js';

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
}
