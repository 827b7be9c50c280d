import { type Digest, isDigest } from '../oci/digest.js';

/**
 * Returns `docker.io/library/nginx:alpine@sha256:…`. A reference by digest may name an image index;
 * this digest is that of the chosen manifest.
 */
export function imageTitle({ reference, digest }: { reference: string; digest: Digest }): string {
  // Places on this machine may have an @ of their own: `oci:dir:@0`.
  const at = reference.lastIndexOf('@');
  const name = isDigest(reference.slice(at + 1)) ? reference.slice(0, at) : reference;
  return `${name}@${digest}`;
}
