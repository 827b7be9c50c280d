import { type Digest, isDigest } from '../oci/digest.js';

/**
 * `docker.io/library/nginx:alpine@sha256:…`. A reference by digest may name an image index; the digest here is that of the
 * manifest that was chosen from it.
 */
export function imageTitle({ reference, digest }: { reference: string; digest: Digest }): string {
  // Places on this machine may have an @ of their own: `oci:dir:@0`.
  const at = reference.lastIndexOf('@');
  const name = isDigest(reference.slice(at + 1)) ? reference.slice(0, at) : reference;
  return `${name}@${digest}`;
}
