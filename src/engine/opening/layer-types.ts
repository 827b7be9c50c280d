import { LayerslayerError } from '../../base/errors.js';
import { isEncryptedType, layerKind, showMediaType } from '../../oci/layer-type.js';
import type { ResolvedImage } from '../../source/image-source.js';

/** Bytes fetched of a layer of unknown type to detect its format. */
export const HEAD_LENGTH = 64 * 1024;

/** Advice for a layer that holds no files. */
export const ADVICE = 'it holds no files; use inspect to show it, save to download it';

/**
 * Rejects layers whose media type is not a tar, before fetching a byte.
 * @param numbers of the wanted layers, from 1; the caller rejects those out of range
 * @throws LayerslayerError UNSUPPORTED, naming the first such layer and its type
 */
export function refuseOtherTypes({ manifest }: ResolvedImage, numbers: readonly number[]): void {
  for (const number of numbers) {
    const mediaType = manifest.layers[number - 1]?.mediaType;
    if (mediaType === undefined || layerKind(mediaType) !== 'other') continue;
    const what = isEncryptedType(mediaType) ? 'is encrypted' : 'is not a tar archive';
    throw new LayerslayerError(
      'UNSUPPORTED',
      `layer ${number} ${what} (${showMediaType(mediaType)}): ${ADVICE}`,
    );
  }
}

/** Returns whether the type of any layer is unknown. */
export function hasUnknownType({ manifest }: ResolvedImage, numbers: readonly number[]): boolean {
  return numbers.some((number) => layerKind(manifest.layers[number - 1]?.mediaType) === 'unknown');
}
