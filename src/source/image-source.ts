import type { Blob } from '../blob/blob.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ImageConfig } from '../oci/image-config.js';
import type { Manifest } from '../oci/manifest.js';
import type { Platform } from '../oci/platform.js';
import type { TagPage } from '../registry/registry-client.js';

export type { TagPage };

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

/** The document that a reference names: a manifest or an image index. */
export interface NamedDocument {
  digest: Digest; // of the bytes, checked
  bytes: Uint8Array;
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
  /**
   * Returns what the reference names, whatever it is: the manifest of an artifact, too. In a layout
   * where several images have the name, that is `index.json`.
   * @throws LayerslayerError NOT_FOUND, UNAUTHORIZED, UNSUPPORTED, DIGEST_MISMATCH, network codes
   */
  readNamed(reference: string, signal?: AbortSignal): Promise<NamedDocument>;
  /**
   * Returns a page of a repository's tags, or all names in a layout or archive.
   * @param reference one of the repository; its tag does not count
   * @param next of the page before; undefined: the first page
   * @throws LayerslayerError NOT_FOUND, UNAUTHORIZED, UNSUPPORTED, network codes
   */
  listTags(reference: string, next?: string, signal?: AbortSignal): Promise<TagPage>;
  /** Returns the bytes of a layer. Makes no request before the first read. */
  open(image: ResolvedImage, layer: Descriptor): Blob;
  close(): Promise<void>;
}
