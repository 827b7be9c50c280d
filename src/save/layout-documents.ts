import type { Digest } from '../oci/digest.js';
import type { ResolvedImage } from '../source/image-source.js';

/** OCI image-spec, image-layout.md. */
export const LAYOUT_VERSION = '1.0.0';

/** The content of `oci-layout`. */
export const LAYOUT_MARKER = JSON.stringify({ imageLayoutVersion: LAYOUT_VERSION });

/** OCI image-spec, annotations.md: the name of an image within its layout. */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** A manifest in a layout. */
export interface ListedManifest {
  image: ResolvedImage;
  name: string;
  mediaType: string;
  digest: Digest;
  size: number; // bytes
}

/** Returns what `index.json` says of a manifest. */
export function indexEntry({ image, name, mediaType, digest, size }: ListedManifest): object {
  const { os, architecture, variant, osVersion } = image.platform;
  const platform = { architecture, os, 'os.version': osVersion, variant };
  return { mediaType, digest, size, platform, annotations: { [REF_NAME]: name } };
}
