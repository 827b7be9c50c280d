import type { Digest } from '../oci/digest.js';

/**
 * Small blobs (manifests, configs) cached between runs, by digest. Contents are checked again when
 * read, so a damaged one is a miss. Neither call throws for a cache that is full, gone or
 * read-only.
 */
export interface KeptBlobs {
  /** Returns undefined if it is not cached. */
  read(digest: Digest): Promise<Uint8Array | undefined>;
  write(digest: Digest, bytes: Uint8Array): Promise<void>;
}

/** Caches nothing. */
export const NOTHING_KEPT: KeptBlobs = {
  read: () => Promise.resolve(undefined),
  write: () => Promise.resolve(),
};
