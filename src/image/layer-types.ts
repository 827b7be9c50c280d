import { LayerslayerError } from '../base/errors.js';
import { kindOfHead } from '../layer/layer-head.js';
import { isEncryptedType, layerKind, showMediaType } from '../oci/layer-type.js';
import type { ResolvedImage } from './image-source.js';

/** What helps with a layer that has no files to show. */
const ADVICE = 'it has no files to list or mount; inspect shows it, save downloads it as it is';

/**
 * Refuses layers whose type says that they are no tar, before a byte of any is fetched.
 * @param numbers of the layers wanted, from 1; one that is not there is the caller's to refuse
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

/** Whether one of the layers has a type that says nothing of its bytes. */
export function hasUnknownType({ manifest }: ResolvedImage, numbers: readonly number[]): boolean {
  return numbers.some((number) => layerKind(manifest.layers[number - 1]?.mediaType) === 'unknown');
}

/**
 * Refuses a layer of unknown type whose first bytes are no archive.
 * @param head HEAD_LENGTH bytes, or all of the layer
 * @throws LayerslayerError UNSUPPORTED, naming the type or the compression; CORRUPT_LAYER for data behind zeros
 */
export function checkHead(head: Uint8Array, mediaType: string | undefined): void {
  if (head.length === 0) return;
  const shown = showMediaType(mediaType);
  const kind = kindOfHead(head);
  if (kind === 'other') {
    throw new LayerslayerError('UNSUPPORTED', `its bytes are neither a tar nor gzip (${shown}): ${ADVICE}`);
  }
  if (kind === 'zeros, then data') {
    throw new LayerslayerError('CORRUPT_LAYER', `data after zeros at its start: no tar archive (${shown})`);
  }
}
