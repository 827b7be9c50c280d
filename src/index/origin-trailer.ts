import { LayerslayerError } from '../base/errors.js';
import { type IndexOrigin, parseOrigin } from './index-origin.js';

/** Bytes of the length at the end of a trailer. */
const LENGTH_BYTES = 4;

/** Longest origin, bytes of JSON. */
const ORIGIN_MAX = 4096;

/**
 * Returns the bytes behind an index on disk that no own pass made: its origin as JSON, and the
 * JSON's length (little-endian). Readers of the index find its sections by offset, so they do not
 * see the trailer. In one file, index and origin are replaced together.
 */
export function originTrailer(origin: IndexOrigin): Uint8Array {
  const json = Buffer.from(JSON.stringify(origin));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(json.length);
  return Buffer.concat([json, length]);
}

/**
 * @param read returns `length` bytes at `offset` of the file
 * @param size of the file, bytes
 * @throws LayerslayerError CORRUPT_LAYER if it has no trailer; what `read` throws
 */
export function readOriginTrailer(
  read: (offset: number, length: number) => Uint8Array,
  size: number,
): IndexOrigin {
  const damaged = () => new LayerslayerError('CORRUPT_LAYER', 'its origin is missing');
  if (size < LENGTH_BYTES) throw damaged();
  const length = Buffer.from(read(size - LENGTH_BYTES, LENGTH_BYTES)).readUInt32LE();
  const start = size - LENGTH_BYTES - length;
  if (length > ORIGIN_MAX || start < 0) throw damaged();
  const text = Buffer.from(read(start, length)).toString();
  try {
    const origin = parseOrigin(JSON.parse(text));
    if (origin) return origin;
  } catch {
    // Reported below.
  }
  throw damaged();
}
