import { BLOCK_SIZE } from '../../blob/page.js';
import { SHA256_LENGTH } from '../../oci/digest.js';
import { type ChunkColumns, MAX_CHUNK_SIZE, type Verification } from '../layer-index.js';
import { damaged } from './index-head.js';
import { COUNT_LENGTH, packCount, packIntegers, unpackCount, unpackIntegers } from './packed-columns.js';

/** The number of each kind in the file's header. */
export const VERIFICATION_KINDS: Record<Verification['kind'], number> = { blocks: 1, spans: 2, chunks: 3 };

/** Bytes before the digests of blocks. */
const BLOCK_SIZE_LENGTH = 4;

/** The digests of any kind. They do not compress. */
export function packDigests(verification: Verification): Uint8Array[] {
  if (verification.kind === 'chunks') return [verification.chunks.digests];
  if (verification.kind === 'spans') return [verification.digests];
  const blockSize = Buffer.alloc(BLOCK_SIZE_LENGTH);
  blockSize.writeUInt32LE(verification.blockSize);
  return [Buffer.concat([blockSize, verification.digests])];
}

/** The chunks without their digests; nothing if there are none. */
export function* packChunks(verification: Verification): Iterable<Uint8Array> {
  if (verification.kind !== 'chunks' || verification.chunks.length === 0) return;
  const { length, outOffsets, sizes, inOffsets, inEnds, innerOffsets } = verification.chunks;
  const gaps = new Float64Array(length);
  const inSteps = new Float64Array(length);
  const inLengths = new Float64Array(length);
  let outEnd = 0;
  let inOffset = 0; // of the last chunk that is no hole
  for (let i = 0; i < length; i++) {
    gaps[i] = outOffsets[i]! - outEnd;
    outEnd = outOffsets[i]! + sizes[i]!;
    if (inEnds[i] === 0) continue;
    inSteps[i] = inOffsets[i]! - inOffset;
    inLengths[i] = inEnds[i]! - inOffsets[i]!;
    inOffset = inOffsets[i]!;
  }
  yield packCount(length);
  for (const column of [gaps, sizes, inSteps, inLengths, innerOffsets]) yield packIntegers(column, length);
}

/** What an index must fit, read from elsewhere in its file. */
interface Extent {
  checkpoints: number;
  blobSize: number; // bytes
  tarSize: number; // bytes
}

/**
 * @param kind number in the file's header
 * @throws LayerslayerError CORRUPT_LAYER for another kind, and for numbers that don't fit together:
 *   a published index may contain any
 */
export function unpackVerification(
  kind: number,
  packedDigests: Uint8Array,
  packedChunks: Uint8Array,
  extent: Extent,
): Verification {
  switch (kind) {
    case VERIFICATION_KINDS.blocks: {
      if (packedDigests.length < BLOCK_SIZE_LENGTH) throw damaged('digests');
      const blockSize = Buffer.from(packedDigests.buffer, packedDigests.byteOffset, 4).readUInt32LE();
      if (blockSize !== BLOCK_SIZE) throw damaged('block size'); // readers have no other one
      return { kind: 'blocks', blockSize, digests: packedDigests.subarray(BLOCK_SIZE_LENGTH) };
    }
    case VERIFICATION_KINDS.spans:
      if (packedDigests.length !== extent.checkpoints * SHA256_LENGTH) throw damaged('digests');
      return { kind: 'spans', digests: packedDigests };
    case VERIFICATION_KINDS.chunks:
      return { kind: 'chunks', chunks: unpackChunks(packedChunks, packedDigests, extent) };
    default:
      throw damaged('verification');
  }
}

function unpackChunks(packed: Uint8Array, digests: Uint8Array, { blobSize, tarSize }: Extent): ChunkColumns {
  const length = unpackCount(packed);
  if (digests.length !== length * SHA256_LENGTH) throw damaged('digests');
  const [outOffsets, sizes, inOffsets, inEnds, innerOffsets] = Array.from(
    { length: 5 },
    () => new Float64Array(length),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  const chunks: ChunkColumns = { length, outOffsets, sizes, inOffsets, inEnds, innerOffsets, digests };
  if (length === 0) return chunks;
  let at = COUNT_LENGTH;
  for (const column of [outOffsets, sizes, inOffsets, inEnds, innerOffsets]) {
    at = unpackIntegers(packed, at, column);
  }
  let outEnd = 0;
  let inOffset = 0;
  for (let i = 0; i < length; i++) {
    const size = sizes[i]!;
    const gap = outOffsets[i]!;
    outOffsets[i] = gap + outEnd;
    outEnd += gap + size;
    if (![gap, size, innerOffsets[i]!].every(isCount) || size < 1 || size > MAX_CHUNK_SIZE) {
      throw damaged('chunks');
    }
    if (outEnd > tarSize) throw damaged('chunks');
    const inLength = inEnds[i]!;
    if (inLength === 0) {
      inOffsets[i] = 0;
      continue;
    }
    inOffset += inOffsets[i]!;
    inOffsets[i] = inOffset;
    inEnds[i] = inOffset + inLength;
    if (![inOffset, inLength].every(isCount) || inEnds[i]! > blobSize) throw damaged('chunks');
  }
  return chunks;
}

export function isCount(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0;
}
