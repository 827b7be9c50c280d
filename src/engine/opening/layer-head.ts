import { LayerslayerError } from '../../base/errors.js';
import { COMPRESSION_NAMES, codecOf } from '../../codec/codecs.js';
import { showMediaType } from '../../oci/layer-type.js';
import { isTarHeader } from '../../tar/checksum.js';
import { BLOCK_SIZE } from '../../tar/header.js';
import { ADVICE } from './layer-types.js';

/** Format of the first bytes of a layer of unknown type. */
export type HeadKind =
  | 'archive' // compressed, or a tar header
  | 'zeros' // only zeros so far: perhaps an empty archive
  | 'zeros, then data' // not an archive, which begins with a header or is empty
  | 'other';

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

/**
 * @param head HEAD_LENGTH bytes, or the whole blob
 * @throws LayerslayerError UNSUPPORTED for an unsupported compression, naming it
 */
export function kindOfHead(head: Uint8Array): HeadKind {
  if (isTarHeader(head) || !codecOf(head).isIdentity) return 'archive';
  const data = head.findIndex((byte) => byte !== 0);
  if (data < 0) return 'zeros';
  if (data >= BLOCK_SIZE) return 'zeros, then data';
  return 'other';
}
