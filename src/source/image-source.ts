import type { Blob } from '../blob/blob.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ImageConfig } from '../oci/image-config.js';
import type { Manifest } from '../oci/manifest.js';
import type { Platform } from '../oci/platform.js';

/** The image that a search found. */
export interface FoundImage {
  digest: Digest; // of the chosen manifest, not of the image index
  platform: Platform;
  manifest: Manifest;
  config: ImageConfig;
}

/** A resolved image: plain data, which crosses threads as it is. */
export interface ResolvedImage extends FoundImage {
  reference: string; // canonical, with tag or digest: docker.io/library/nginx:alpine
}

/** An image of one platform, as an image index lists it. */
export interface OfferedImage {
  platform: Platform;
  digest: Digest; // of its manifest
  size: number; // bytes of the manifest
}

/** The images that a reference names. Plain data. */
export interface ImageOffer {
  digest: Digest; // of the image index, or of the manifest when there is none
  isIndex: boolean;
  images: OfferedImage[]; // in the order of the index, without attestations
}

/** The documents of an image, byte for byte: what their digests are of. */
export interface ImageDocuments {
  manifest: Uint8Array;
  config: Uint8Array;
}

/** Where images are: registries, OCI layouts, archives. */
export interface ImageSource {
  /**
   * @throws LayerslayerError NOT_FOUND, UNAUTHORIZED, NO_MATCHING_PLATFORM, UNSUPPORTED, network
   *   codes
   */
  resolve(reference: string, platform: Platform, signal?: AbortSignal): Promise<ResolvedImage>;
  /** Throws as `resolve`. */
  listImages(reference: string, signal?: AbortSignal): Promise<ImageOffer>;
  /** Throws as `resolve`. */
  documents(image: ResolvedImage, signal?: AbortSignal): Promise<ImageDocuments>;
  /** Returns the bytes of a layer. Makes no request before the first read. */
  open(image: ResolvedImage, layer: Descriptor): Blob;
  close(): Promise<void>;
}
