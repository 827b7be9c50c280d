import { describe, expect, it } from 'vitest';
import {
  COMPRESSION_SUFFIXES,
  compressionSuffix,
  detectCompression,
  MAGIC_LENGTH,
} from '#dist/codec/compression.js';
import { file, tarOf } from '../support/tar.js';

const OTHERS: [string, number[]][] = [
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['zstd', [0x50, 0x2a, 0x4d, 0x18]], // a skippable frame first
  ['zstd', [0x5f, 0x2a, 0x4d, 0x18]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['lzip', [0x4c, 0x5a, 0x49, 0x50]],
  ['lzop', [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d]],
  ['compress', [0x1f, 0x9d]],
];

describe('the compression of a blob', () => {
  it('is gzip, or none when no magic is known', () => {
    expect(detectCompression(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0))).toBe('gzip');
    expect(detectCompression(tarOf(file('a', 'a')))).toBe('none');
    expect(detectCompression(new Uint8Array(1024))).toBe('none');
  });

  it.each(OTHERS)('that is %s is refused by name', (name, magic) => {
    const refused = expect(() => detectCompression(Uint8Array.from([...magic, 9, 9, 9])));
    refused.toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    refused.toThrow(new RegExp(`compressed with ${name}:`));
  });

  it('gives a file its suffix, also one that is refused', () => {
    const suffix = (...head: number[]) => compressionSuffix(Uint8Array.from(head));
    expect([suffix(0x1f, 0x8b, 8), suffix(), suffix(0x1f)]).toEqual(['.tar.gz', '.tar', '.tar']);
    expect(OTHERS.map(([, magic]) => suffix(...magic, 9))).toEqual(
      ['zst', 'zst', 'zst', 'xz', 'bz2', 'lz4', 'lz', 'lzo', 'Z'].map((end) => `.tar.${end}`),
    );
    expect([...COMPRESSION_SUFFIXES].sort()).toEqual([
      '.tar',
      '.tar.Z',
      '.tar.bz2',
      '.tar.gz',
      '.tar.lz',
      '.tar.lz4',
      '.tar.lzo',
      '.tar.xz',
      '.tar.zst',
    ]);
  });

  it('is told by no less than a whole magic', () => {
    for (const [, magic] of [['gzip', [0x1f, 0x8b]] as const, ...OTHERS]) {
      expect(magic.length).toBeLessThanOrEqual(MAGIC_LENGTH);
      for (let length = 0; length < magic.length; length++) {
        expect(detectCompression(Uint8Array.from(magic.slice(0, length)))).toBe('none');
      }
    }
  });
});
