import type { BlobSource } from '../blob/blob-reader.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ImageConfig } from '../oci/image-config.js';
import type { Manifest } from '../oci/manifest.js';
import type { Platform } from '../oci/platform.js';

/** An image that was found: plain data, so that it crosses threads as it is. */
export interface ResolvedImage {
  reference: string; // canonical, with tag or digest: docker.io/library/nginx:alpine
  digest: Digest; // of the manifest that was chosen, not of the image index
  platform: Platform;
  manifest: Manifest;
  config: ImageConfig;
}

/** A place where images live: a registry, later an OCI layout or a docker-archive. */
export interface ImageSource {
  /** @throws LayerslayerError NOT_FOUND, UNAUTHORIZED, NO_MATCHING_PLATFORM, UNSUPPORTED, network codes */
  resolve(reference: string, platform: Platform, signal?: AbortSignal): Promise<ResolvedImage>;
  /** The bytes of one of the image's layers. No request is made before the first read. */
  open(image: ResolvedImage, layer: Descriptor): BlobSource;
  close(): Promise<void>;
}
