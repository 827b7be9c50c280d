import type { Digest } from '../oci/digest.js';

/**
 * Small blobs (manifests, configs) kept between runs, by digest. What is read is checked again, so a damaged one is a
 * miss. Neither call throws for a cache that is full, gone or not writable.
 */
export interface KeptBlobs {
  /** undefined: not kept. */
  read(digest: Digest): Promise<Uint8Array | undefined>;
  write(digest: Digest, bytes: Uint8Array): Promise<void>;
}

/** Keeps nothing. */
export const NOTHING_KEPT: KeptBlobs = {
  read: () => Promise.resolve(undefined),
  write: () => Promise.resolve(),
};
