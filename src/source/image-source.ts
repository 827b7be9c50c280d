import type { Blob } from '../blob/blob.js';
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

/** An image of one platform, as an image index lists it. */
export interface OfferedImage {
  platform: Platform;
  digest: Digest; // of its manifest
  size: number; // bytes of the manifest
}

/** What a reference stands for. Plain data. */
export interface ImageOffer {
  digest: Digest; // of the image index, or of the manifest when there is none
  isIndex: boolean;
  images: OfferedImage[]; // in the order of the index, attestations left out; else the one image
}

/** The documents of an image, byte for byte: what their digests are of. */
export interface ImageDocuments {
  manifest: Uint8Array;
  config: Uint8Array;
}

/** A place where images live: a registry, later an OCI layout or a docker-archive. */
export interface ImageSource {
  /** @throws LayerslayerError NOT_FOUND, UNAUTHORIZED, NO_MATCHING_PLATFORM, UNSUPPORTED, network codes */
  resolve(reference: string, platform: Platform, signal?: AbortSignal): Promise<ResolvedImage>;
  /** All that the reference offers; throws as `resolve`. */
  listImages(reference: string, signal?: AbortSignal): Promise<ImageOffer>;
  /** Throws as `resolve`. */
  documents(image: ResolvedImage, signal?: AbortSignal): Promise<ImageDocuments>;
  /** The bytes of one of the image's layers. No request is made before the first read. */
  open(image: ResolvedImage, layer: Descriptor): Blob;
  close(): Promise<void>;
}
