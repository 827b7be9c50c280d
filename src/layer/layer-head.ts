import { checksumMatches, sumOfBlock } from '../tar/checksum.js';
import { BLOCK_SIZE } from '../tar/header.js';
import { detectCompression } from './compression.js';

/** Bytes of a layer of unknown type that are fetched before anything is known of it. */
export const HEAD_LENGTH = 64 * 1024;

/** What a layer of unknown type begins with. */
export type HeadKind =
  | 'archive' // gzip, or a tar header
  | 'zeros' // nothing but zeros so far: perhaps an empty archive
  | 'zeros, then data' // no archive: that begins with a header, or is empty
  | 'other';

/**
 * Tells what the first bytes of a layer are, whose media type says nothing of them.
 * @param head HEAD_LENGTH bytes, or the whole blob
 * @throws LayerslayerError UNSUPPORTED for a compression that is none of ours, naming it
 */
export function kindOfHead(head: Uint8Array): HeadKind {
  if (isTarHeader(head) || detectCompression(head) === 'gzip') return 'archive';
  const data = head.findIndex((byte) => byte !== 0);
  if (data < 0) return 'zeros';
  if (data >= BLOCK_SIZE) return 'zeros, then data';
  return 'other';
}

/** Whether the bytes begin with a header block whose checksum is right. */
export function isTarHeader(head: Uint8Array): boolean {
  if (head.length < BLOCK_SIZE) return false;
  const sum = sumOfBlock(new DataView(head.buffer, head.byteOffset, head.byteLength), 0);
  return sum !== 0 && checksumMatches(head, 0, sum);
}
