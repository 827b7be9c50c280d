import { type Digest, digestAlgorithm, digestHex } from './digest.js';

/** Returns the path of a blob in an image layout (image-spec, image-layout.md). */
export function blobPath(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}
