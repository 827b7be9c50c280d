import { chooseLayer } from '../../image/choose-layer.js';
import { isDigestPrefix } from '../../oci/digest.js';
import type { ResolvedImage } from '../../source/image-source.js';
import { usageError } from './usage-error.js';

/**
 * Parses a number (1 is the base), a digest, or the beginning of one.
 * @throws LayerslayerError INVALID_ARGUMENT
 */
export function parseLayer(text: string): number | string {
  if (isDigestPrefix(text)) return text;
  const number = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (number >= 1) return number;
  throw usageError(
    `not a layer: ${JSON.stringify(text)}: want its number from 1, its digest, or the start of that`,
  );
}

/**
 * Returns the numbers of the layers that `--layer` names, base first and each once; all if none.
 * @throws LayerslayerError as `chooseLayer`
 */
export function chooseLayers(image: ResolvedImage, wanted: readonly (number | string)[]): number[] {
  if (wanted.length === 0) return image.manifest.layers.map((_, i) => i + 1);
  return [...new Set(wanted.map((one) => chooseLayer(image, one)))].sort((a, b) => a - b);
}
