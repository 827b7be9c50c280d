import { LayerslayerError } from '../base/errors.js';
import type { Compression } from './layer-index.js';

/** First bytes of formats that layers come in, ours and others'; the others are refused by name. */
const FORMATS: readonly { name: string; magic: readonly number[]; compression?: Compression }[] = [
  { name: 'gzip', magic: [0x1f, 0x8b], compression: 'gzip' }, // RFC 1952, 2.3.1
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] }, // RFC 8878, 3.1.1
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68] },
  { name: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18] },
];

/** Bytes that decide the format: those of the longest magic. */
export const MAGIC_LENGTH = 6;

/** A zstd stream may begin with a skippable frame (RFC 8878, 3.1.2): 0x184D2A50 to 0x184D2A5F, little-endian. */
function isSkippableZstdFrame(head: Uint8Array): boolean {
  return (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
}

/**
 * What the first MAGIC_LENGTH bytes of a blob, or all, say it is. Anything without a known magic is taken for a plain tar, whose own
 * checksums then decide.
 * @throws LayerslayerError UNSUPPORTED, naming the compression
 */
export function detectCompression(head: Uint8Array): Compression {
  const name = compressionName(head);
  if (name === undefined) return 'none';
  const compression = FORMATS.find((format) => format.name === name)?.compression;
  if (compression) return compression;
  throw new LayerslayerError(
    'UNSUPPORTED',
    `the layer is compressed with ${name}: gzip or no compression is wanted`,
  );
}

/** The name of the compression that the first MAGIC_LENGTH bytes show; undefined: none that is known. */
export function compressionName(head: Uint8Array): string | undefined {
  if (isSkippableZstdFrame(head)) return 'zstd';
  return FORMATS.find(({ magic }) => magic.every((byte, i) => head[i] === byte))?.name;
}
