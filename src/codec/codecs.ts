import { LayerslayerError } from '../base/errors.js';
import type { Codec } from './codec.js';
import { gzip } from './gzip/gzip-codec.js';
import { plain } from './plain/plain-codec.js';
import { zstd } from './zstd/zstd-codec.js';

/** A format that layers come in. Without a codec it is refused by name. */
export interface Format {
  name: string;
  suffix: string; // of a tar's file name
  /** First bytes of a blob, or a function that recognises them. */
  magic: readonly number[] | ((head: Uint8Array) => boolean);
  codec?: Codec;
}

/** All formats, in the order in which their magic is tried. Plain matches anything. */
const FORMATS: readonly Format[] = [
  { name: 'gzip', suffix: '.tar.gz', magic: [0x1f, 0x8b], codec: gzip }, // RFC 1952, 2.3.1
  { name: 'zstd', suffix: '.tar.zst', magic: isZstd, codec: zstd },
  { name: 'xz', suffix: '.tar.xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'bzip2', suffix: '.tar.bz2', magic: [0x42, 0x5a, 0x68] },
  { name: 'lz4', suffix: '.tar.lz4', magic: [0x04, 0x22, 0x4d, 0x18] },
  { name: 'lzip', suffix: '.tar.lz', magic: [0x4c, 0x5a, 0x49, 0x50] },
  { name: 'lzop', suffix: '.tar.lzo', magic: [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d] },
  { name: 'compress', suffix: '.tar.Z', magic: [0x1f, 0x9d] },
  { name: 'plain', suffix: '.tar', magic: [], codec: plain },
];

/** A frame (RFC 8878, 3.1.1), or a skippable one (3.1.2): 0x184D2A50 to 0x184D2A5F. */
function isZstd(head: Uint8Array): boolean {
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return true;
  return (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18;
}

/** Bytes that decide the format: those of the longest magic. */
export const MAGIC_LENGTH = 6;

/** The codec of blobs that are not compressed. */
export const PLAIN: Codec = plain;

const codecs: Codec[] = [];
const suffixes: string[] = [];
const compressions: string[] = [];
for (const { codec, suffix } of FORMATS) {
  suffixes.push(suffix);
  if (codec) codecs.push(codec);
  if (codec && !codec.isIdentity) compressions.push(codec.name);
}

export const CODECS: readonly Codec[] = codecs;

/** File name suffixes of all formats. */
export const SUFFIXES: readonly string[] = suffixes;

/** Names the compressions that can be read, for messages: `gzip or …`. */
export const COMPRESSION_NAMES = compressions.join(' or ');

/**
 * Returns the format of a blob. A media type is only a hint.
 * @param head its first MAGIC_LENGTH bytes, or all of them
 */
export function formatOf(head: Uint8Array): Format {
  return FORMATS.find(({ magic }) =>
    typeof magic === 'function' ? magic(head) : magic.every((byte, i) => head[i] === byte),
  )!;
}

/**
 * Returns the codec of a blob.
 * @param head its first MAGIC_LENGTH bytes, or all of them
 * @throws LayerslayerError UNSUPPORTED, naming the compression
 */
export function codecOf(head: Uint8Array): Codec {
  const { name, codec } = formatOf(head);
  if (codec) return codec;
  throw new LayerslayerError(
    'UNSUPPORTED',
    `the layer is compressed with ${name}: ${COMPRESSION_NAMES} or no compression is wanted`,
  );
}

/** @throws LayerslayerError UNSUPPORTED if no codec has that name */
export function codecNamed(name: string): Codec {
  const codec = CODECS.find((candidate) => candidate.name === name);
  if (codec) return codec;
  throw new LayerslayerError('UNSUPPORTED', `no codec is named ${JSON.stringify(name)}`);
}
