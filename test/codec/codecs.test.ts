import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CODECS, codecNamed, codecOf, formatOf, MAGIC_LENGTH, SUFFIXES } from '#src/codec/codecs.js';
import { file, tarOf } from '../support/tar.js';
import { compressZstd } from '../support/zstd.js';
import { type CodecFixture, codecSuite } from './codec-suite.js';

const ZSTD = [
  [0x28, 0xb5, 0x2f, 0xfd],
  [0x50, 0x2a, 0x4d, 0x18], // a skippable frame first
  [0x5f, 0x2a, 0x4d, 0x18],
];
const OTHERS: [string, number[]][] = [
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['lzip', [0x4c, 0x5a, 0x49, 0x50]],
  ['lzop', [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d]],
  ['compress', [0x1f, 0x9d]],
];

describe('the compression of a blob', () => {
  it('is gzip or zstd, or plain when no magic is known', () => {
    expect(codecOf(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0)).name).toBe('gzip');
    expect(codecOf(tarOf(file('a', 'a'))).name).toBe('plain');
    expect(codecOf(new Uint8Array(1024)).name).toBe('plain');
    for (const magic of ZSTD) expect(codecOf(Uint8Array.from([...magic, 9, 9, 9])).name).toBe('zstd');
  });

  it.each(OTHERS)('that is %s is refused by name', (name, magic) => {
    const refused = expect(() => codecOf(Uint8Array.from([...magic, 9, 9, 9])));
    refused.toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    refused.toThrow(new RegExp(`compressed with ${name}:`));
  });

  it('gives a file its suffix, also one that is refused', () => {
    const suffix = (...head: number[]) => formatOf(Uint8Array.from(head)).suffix;
    expect([suffix(0x1f, 0x8b, 8), suffix(), suffix(0x1f)]).toEqual(['.tar.gz', '.tar', '.tar']);
    expect(ZSTD.map((magic) => suffix(...magic, 9))).toEqual(ZSTD.map(() => '.tar.zst'));
    expect(OTHERS.map(([, magic]) => suffix(...magic, 9))).toEqual(
      ['xz', 'bz2', 'lz4', 'lz', 'lzo', 'Z'].map((end) => `.tar.${end}`),
    );
    const wanted = ['.tar', '.tar.gz', ...OTHERS.map(([, magic]) => suffix(...magic))];
    expect(SUFFIXES).toEqual(expect.arrayContaining(wanted));
    expect(new Set(SUFFIXES).size).toBe(SUFFIXES.length);
  });

  it('is told by no less than a whole magic', () => {
    for (const [, magic] of [
      ['gzip', [0x1f, 0x8b]] as const,
      ...ZSTD.map((magic) => ['zstd', magic] as const),
      ...OTHERS,
    ]) {
      expect(magic.length).toBeLessThanOrEqual(MAGIC_LENGTH);
      for (let length = 0; length < magic.length; length++) {
        expect(codecOf(Uint8Array.from(magic.slice(0, length))).name).toBe('plain');
      }
    }
  });

  it('is found by its name, which fits into an index file', () => {
    for (const codec of CODECS) {
      expect(codecNamed(codec.name)).toBe(codec);
      expect(codec.name).toMatch(/^[a-z0-9-]{1,16}$/);
    }
    expect(() => codecNamed('zip')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });
});

/** A line a codec. */
const FIXTURES: readonly CodecFixture[] = [
  { codec: 'gzip', compress: (bytes) => gzipSync(bytes, { level: 1, memLevel: 3 }), isChecked: true },
  { codec: 'zstd', compress: (bytes) => compressZstd(bytes, ['-1', '--zstd=wlog=18']), isChecked: true },
  { codec: 'plain', compress: (bytes) => Uint8Array.from(bytes), isChecked: false },
];
for (const fixture of FIXTURES) codecSuite(fixture);

it('every codec is in the suite', () => {
  expect(FIXTURES.map(({ codec }) => codec)).toEqual(CODECS.map(({ name }) => name));
});
