import { LayerslayerError } from '../base/errors.js';
import type { Digest } from '../oci/digest.js';
import type { ResolvedImage } from '../source/image-source.js';

/**
 * Returns the number (from 1, base first) of `--layer`'s layer. A digest that the image has more
 * than once (as for empty layers) is the same bytes each time: the first counts.
 * @throws LayerslayerError NOT_FOUND if the image has no such layer
 */
export function chooseLayer(image: ResolvedImage, wanted: number | Digest): number {
  const { layers } = image.manifest;
  const number =
    typeof wanted === 'number' ? wanted : layers.findIndex((layer) => layer.digest === wanted) + 1;
  if (number >= 1 && number <= layers.length) return number;
  const want = layers.length === 0 ? 'it has none' : `want 1 to ${layers.length} or one of their digests`;
  throw new LayerslayerError('NOT_FOUND', `${image.reference} has no layer ${wanted}: ${want}`);
}
