import { codecOf } from '../codec/codecs.js';
import { checksumMatches, sumOfBlock } from '../tar/checksum.js';
import { BLOCK_SIZE } from '../tar/header.js';

/** Bytes fetched of a layer of unknown type to detect its format. */
export const HEAD_LENGTH = 64 * 1024;

/** Format of the first bytes of a layer of unknown type. */
export type HeadKind =
  | 'archive' // compressed, or a tar header
  | 'zeros' // only zeros so far: perhaps an empty archive
  | 'zeros, then data' // not an archive, which begins with a header or is empty
  | 'other';

/**
 * Returns the format of a layer's first bytes, for layers whose media type is unknown.
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

/** Returns whether the bytes begin with a header block with a valid checksum. */
export function isTarHeader(head: Uint8Array): boolean {
  if (head.length < BLOCK_SIZE) return false;
  const sum = sumOfBlock(new DataView(head.buffer, head.byteOffset, head.byteLength), 0);
  return sum !== 0 && checksumMatches(head, 0, sum);
}
