import { type Descriptor, parseDescriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { ownField, parseJsonObject } from '../../oci/json.js';
import { MANIFEST_SIZE_MAX } from '../../oci/manifest.js';

/** Names the layer that a zTOC describes. */
const LAYER_DIGEST = 'com.amazon.soci.image-layer-digest';

/**
 * Finds the zTOC of a layer in a SOCI index manifest.
 * @param manifest its bytes, whose digest the caller has checked
 * @returns undefined if it has none: small layers do without
 * @throws LayerslayerError UNSUPPORTED if the bytes are no manifest
 */
export function zTocOf(manifest: Uint8Array, layer: Digest): Descriptor | undefined {
  const layers = ownField(parseJsonObject(manifest, 'SOCI index', MANIFEST_SIZE_MAX), 'layers');
  if (!Array.isArray(layers)) return undefined;
  const descriptors = layers.map((item, i) => parseDescriptor(item, `zTOC ${i + 1} of a SOCI index`));
  return descriptors.find(({ annotations }) => annotations?.[LAYER_DIGEST] === layer);
}
