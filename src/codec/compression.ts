import { LayerslayerError } from '../base/errors.js';

/** What the bytes of a layer were found to be; a media type is only a hint. */
export type Compression = 'gzip' | 'none';

/** First bytes of formats that layers come in, ours and others'; the others are refused by name. */
const FORMATS: readonly Format[] = [
  { name: 'gzip', suffix: '.tar.gz', magic: [0x1f, 0x8b], compression: 'gzip' }, // RFC 1952, 2.3.1
  { name: 'zstd', suffix: '.tar.zst', magic: [0x28, 0xb5, 0x2f, 0xfd] }, // RFC 8878, 3.1.1
  { name: 'xz', suffix: '.tar.xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'bzip2', suffix: '.tar.bz2', magic: [0x42, 0x5a, 0x68] },
  { name: 'lz4', suffix: '.tar.lz4', magic: [0x04, 0x22, 0x4d, 0x18] },
  { name: 'lzip', suffix: '.tar.lz', magic: [0x4c, 0x5a, 0x49, 0x50] },
  { name: 'lzop', suffix: '.tar.lzo', magic: [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d] },
  { name: 'compress', suffix: '.tar.Z', magic: [0x1f, 0x9d] },
];

interface Format {
  name: string;
  suffix: string; // of a tar's file name
  magic: readonly number[];
  compression?: Compression; // ours; undefined: we cannot read it
}

const PLAIN_SUFFIX = '.tar';

/** All that `compressionSuffix` may return. */
export const COMPRESSION_SUFFIXES: readonly string[] = [...FORMATS.map(({ suffix }) => suffix), PLAIN_SUFFIX];

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

/** How the file name of a tar ends whose bytes begin so: `.tar.gz`, `.tar` … */
export function compressionSuffix(head: Uint8Array): string {
  const name = compressionName(head);
  return FORMATS.find((format) => format.name === name)?.suffix ?? PLAIN_SUFFIX;
}
