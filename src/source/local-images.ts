import type { FilePart } from '../blob/file-part.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { LocalLocation } from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import type { FoundImage, ImageDocuments, ImageOffer, ResolvedImage } from './image-source.js';

/** The images of one directory or archive on this machine. */
export interface LocalImages {
  /**
   * @throws LayerslayerError NOT_FOUND, INVALID_REFERENCE (it names several images),
   *   NO_MATCHING_PLATFORM, UNSUPPORTED, DIGEST_MISMATCH, CORRUPT_LAYER, IO_FAILED; each names the
   *   directory or archive
   */
  resolve(location: LocalLocation, platform: Platform): Promise<FoundImage>;
  /** Throws as `resolve`. */
  listImages(location: LocalLocation): Promise<ImageOffer>;
  /** Throws as `resolve`. */
  documents(image: ResolvedImage, location: LocalLocation): Promise<ImageDocuments>;
  /** Where the bytes of a layer lie; throws as `resolve`. */
  locate(image: ResolvedImage, location: LocalLocation, layer: Descriptor): Promise<FilePart>;
  close(): Promise<void>;
}
