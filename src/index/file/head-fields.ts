import {
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  digestHex,
  parseDigest,
} from '../../oci/digest.js';
import type { LayerIndex } from '../layer-index.js';
import { MAX_GROUP_SIZE, USUAL_GROUP_SIZE } from '../states/checkpoints.js';
import { damaged, readSize, writeSize } from './index-head.js';
import { VERIFICATION_KINDS } from './verification-codec.js';

// The fields of the header that describe the layer: FORMAT.md.

const CODEC_OFFSET = 16;
const CODEC_LENGTH = 16;
const BLOB_SIZE_OFFSET = 32;
const TAR_SIZE_OFFSET = 40;
const VERIFICATION_OFFSET = 48;
const ALGORITHM_OFFSET = 52;
const DIGEST_OFFSET = 56;
const GROUP_SIZE_OFFSET = 120;

const DIGEST_ALGORITHMS: Record<DigestAlgorithm, number> = { sha256: 1, sha512: 2 };

type Described = Pick<
  LayerIndex,
  'codec' | 'blobSize' | 'tarSize' | 'verification' | 'digest' | 'checkpoints'
>;

export function writeFields(head: Buffer, layer: Described): void {
  head.write(layer.codec, CODEC_OFFSET, CODEC_LENGTH, 'latin1');
  writeSize(head, layer.blobSize, BLOB_SIZE_OFFSET);
  writeSize(head, layer.tarSize, TAR_SIZE_OFFSET);
  head.writeUInt32LE(VERIFICATION_KINDS[layer.verification.kind], VERIFICATION_OFFSET);
  head.writeUInt32LE(DIGEST_ALGORITHMS[digestAlgorithm(layer.digest)], ALGORITHM_OFFSET);
  head.write(digestHex(layer.digest), DIGEST_OFFSET, 'hex');
  const { groupSize } = layer.checkpoints;
  head.writeUInt32LE(groupSize === USUAL_GROUP_SIZE ? 0 : groupSize, GROUP_SIZE_OFFSET);
}

export function readCodec(head: Buffer): string {
  return head.toString('latin1', CODEC_OFFSET, CODEC_OFFSET + CODEC_LENGTH).replace(/\0+$/, '');
}

/** Returns the bytes of the blob. */
export function readBlobSize(head: Buffer): number {
  return readSize(head, BLOB_SIZE_OFFSET);
}

/** Returns the bytes of the uncompressed tar. */
export function readTarSize(head: Buffer): number {
  return readSize(head, TAR_SIZE_OFFSET);
}

/** Returns a value of `VERIFICATION_KINDS`, unchecked. */
export function readVerificationKind(head: Buffer): number {
  return head.readUInt32LE(VERIFICATION_OFFSET);
}

/** @throws LayerslayerError INVALID_ARGUMENT for an unknown algorithm */
export function readDigest(head: Buffer): Digest {
  const number = head.readUInt32LE(ALGORITHM_OFFSET);
  const [algorithm] = Object.entries(DIGEST_ALGORITHMS).find(([, known]) => known === number) ?? [];
  const length = algorithm === 'sha512' ? 64 : 32;
  return parseDigest(`${algorithm}:${head.toString('hex', DIGEST_OFFSET, DIGEST_OFFSET + length)}`);
}

/** @throws LayerslayerError CORRUPT_LAYER past the limit */
export function readGroupSize(head: Buffer): number {
  const groupSize = head.readUInt32LE(GROUP_SIZE_OFFSET) || USUAL_GROUP_SIZE;
  if (groupSize > MAX_GROUP_SIZE) throw damaged('states of a group');
  return groupSize;
}
