import type { Digest } from '../../oci/digest.js';

/** What an archive of an image has in it. */
export interface ArchivePlan {
  /** Names of directories, parents first. */
  directories: readonly string[];
  /**
   * Blobs of layers, base first, each once. Those of one name are the same layer, compressed
   * differently: all are checked, and one of them is written.
   */
  layers: readonly ArchivedLayer[];
  /** Files that come last: without them, an archive that was cut short is no image. */
  documents: readonly { name: string; bytes: Uint8Array }[];
  /** Of the manifest in the archive; of a docker-archive, which has none, of the image's. */
  digest: Digest;
}

export interface ArchivedLayer {
  name: string; // of the file
  digest: Digest; // of the blob
  numbers: readonly number[]; // of the layers that the blob is, from 1
  /** The layer is decompressed. Its bytes must have this digest. Default: the blob as it is. */
  diffId?: Digest;
}
