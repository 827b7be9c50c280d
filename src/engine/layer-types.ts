import { LayerslayerError } from '../base/errors.js';
import { COMPRESSION_NAMES } from '../codec/codecs.js';
import { kindOfHead } from '../index/layer-head.js';
import { isEncryptedType, layerKind, showMediaType } from '../oci/layer-type.js';
import type { ResolvedImage } from '../source/image-source.js';

/** Advice for a layer that holds no files. */
const ADVICE = 'it holds no files; use inspect to show it, save to download it';

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

/**
 * Rejects a layer of unknown type whose first bytes are not an archive.
 * @param head HEAD_LENGTH bytes, or the whole layer
 * @throws LayerslayerError UNSUPPORTED, naming the type or the compression; CORRUPT_LAYER for data
 *   after zeros
 */
export function checkHead(head: Uint8Array, mediaType: string | undefined): void {
  if (head.length === 0) return;
  const shown = showMediaType(mediaType);
  const kind = kindOfHead(head);
  if (kind === 'other') {
    throw new LayerslayerError(
      'UNSUPPORTED',
      `neither a tar nor a ${COMPRESSION_NAMES} stream (${shown}): ${ADVICE}`,
    );
  }
  if (kind === 'zeros, then data') {
    throw new LayerslayerError('CORRUPT_LAYER', `not a tar archive: data after leading zeros (${shown})`);
  }
}
