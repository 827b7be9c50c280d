import { type Digest, digestHex, isDigest } from '../oci/digest.js';
import { MODE_MASK } from '../tar/attributes.js';
import { MAX_DEVICE_NUMBER } from '../tar/limits.js';
import { corruptTable } from './table-fault.js';

/** @throws LayerslayerError CORRUPT_LAYER unless `value` is an integer from 0 to 2^53-1 */
export function checkedCount(value: unknown, what: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw corruptTable(`${what} is ${JSON.stringify(value)}, want an integer from 0 to 2^53-1`);
}

/**
 * Returns the bits of a mode that an entry has. Some writers add the file type.
 * @throws LayerslayerError CORRUPT_LAYER
 */
export function checkedMode(value: unknown): number {
  return (checkedCount(value, 'a mode') % 2 ** 32) & MODE_MASK;
}

/** @throws LayerslayerError CORRUPT_LAYER unless `value` is a device's major or minor number */
export function checkedDevice(value: unknown): number {
  const number = checkedCount(value, 'a device number');
  if (number <= MAX_DEVICE_NUMBER) return number;
  throw corruptTable(`a device number is ${number}, the limit is ${MAX_DEVICE_NUMBER}`);
}

/** @throws LayerslayerError CORRUPT_LAYER unless `value` is a SHA-256 */
export function checkedSha256(value: unknown): Digest {
  if (isDigest(value) && value.startsWith('sha256:')) return value;
  throw corruptTable(`a digest is ${JSON.stringify(value)?.slice(0, 100)}, want a SHA-256`);
}

/** Returns the bytes of a digest. */
export function digestBytes(digest: Digest): Uint8Array {
  return Buffer.from(digestHex(digest), 'hex');
}
