import type { Digest } from './digest.js';
import type { Platform } from './platform.js';

/** OCI image-spec, descriptor.md. */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  size: number; // bytes, 0 to 2^53-1
  platform?: Platform; // only in an image index
  annotations?: Record<string, string>;
  data?: Uint8Array; // inlined content, already checked against digest and size
}
