import { LayerslayerError } from '../../base/errors.js';
import type { Digest } from '../../oci/digest.js';
import { LAYERS_MAX } from '../../oci/manifest.js';
import type { ResolvedImage } from '../../source/image-source.js';

/** A blob of an image, and the layers that it is: a manifest may name one blob twice. */
export interface WantedBlob {
  digest: Digest;
  size: number; // compressed bytes, as its descriptor says
  numbers: number[];
}

/**
 * Each blob once.
 * @param numbers of layers, from 1
 * @throws LayerslayerError UNSUPPORTED, INVALID_ARGUMENT
 */
export function wantedBlobs(
  { manifest: { layers } }: ResolvedImage,
  numbers: readonly number[],
): WantedBlob[] {
  if (layers.length > LAYERS_MAX) {
    throw new LayerslayerError(
      'UNSUPPORTED',
      `the image has ${layers.length} layers, the limit is ${LAYERS_MAX}`,
    );
  }
  const wanted = new Map<Digest, WantedBlob>();
  for (const number of new Set(numbers)) {
    const layer = layers[number - 1];
    if (!layer) {
      throw new LayerslayerError('INVALID_ARGUMENT', `got layer ${number}, want 1 to ${layers.length}`);
    }
    const { digest, size } = layer;
    const known = wanted.get(digest);
    if (known) known.numbers.push(number);
    else wanted.set(digest, { digest, size, numbers: [number] });
  }
  return [...wanted.values()];
}
