import { describe, expect, test } from 'vitest';
import {
  base256,
  file,
  gnuLongName,
  hardlink,
  headerBlock,
  MAGIC,
  oldGnuSparse,
  type Piece,
  paxHeader,
  paxSparse,
  raw,
  tarOf,
} from '../support/tar.js';
import { contentOf, scanAll, scanOne } from './scan-all.js';

const corrupt = (message: RegExp) =>
  expect.objectContaining({ code: 'CORRUPT_LAYER', message: expect.stringMatching(message) });

/** `count` pieces of unequal length with holes between, the first at 100. */
function pieces(count: number): Piece[] {
  return Array.from({ length: count }, (_, i) => ({
    offset: 100 + i * 5000,
    data: Buffer.alloc(1 + ((i * 37) % 1500), 65 + (i % 26)),
  }));
}

function plain(size: number, parts: readonly Piece[]): Buffer {
  const out = Buffer.alloc(size);
  for (const { offset, data } of parts) Buffer.from(data).copy(out, offset);
  return out;
}

const WRITERS = {
  old: oldGnuSparse,
  '0.0': (path: string, size: number, parts: readonly Piece[]) => paxSparse('0.0', path, size, parts),
  '0.1': (path: string, size: number, parts: readonly Piece[]) => paxSparse('0.1', path, size, parts),
  '1.0': (path: string, size: number, parts: readonly Piece[]) => paxSparse('1.0', path, size, parts),
};

describe.each(Object.entries(WRITERS))('format %s', (_format, write) => {
  // 4 pairs fit the old header, 25 one extension block, 46 two. 200 make a line map of several
  // blocks.
  test.each([0, 1, 4, 5, 25, 26, 46, 47, 200])('%d pieces read as the plain file', (count) => {
    const parts = pieces(count);
    const size = 100 + count * 5000 + 4096;
    const tar = tarOf(file('before', 'b'), write('dir/sparse', size, parts), file('after', 'content'));
    const { entries } = scanAll(tar);
    expect(entries.map((entry) => Buffer.from(entry.path).toString())).toEqual([
      'before',
      'dir/sparse',
      'after',
    ]);
    const sparse = entries[1]!;
    expect(sparse.size).toBe(size);
    expect(sparse.dataOffset % 512).toBe(0);
    expect(sparse.sparse).toEqual(parts.map(({ offset, data }) => ({ offset, length: data.length })));
    expect(contentOf(tar, sparse).equals(plain(size, parts))).toBe(true);
    expect(contentOf(tar, entries[2]!).toString()).toBe('content');
  });

  test('empty segments, as GNU tar ends a map with, are left out', () => {
    const parts: Piece[] = [
      { offset: 0, data: '' },
      { offset: 512, data: 'x' },
      { offset: 4096, data: '' },
    ];
    expect(scanOne(tarOf(write('s', 4096, parts))).sparse).toEqual([{ offset: 512, length: 1 }]);
  });

  test('data up to the last byte, without any hole', () => {
    const tar = tarOf(write('s', 3, [{ offset: 0, data: 'abc' }]));
    expect(contentOf(tar, scanOne(tar)).toString()).toBe('abc');
  });

  test.each<[string, number, Piece[]]>([
    ['past the size', 512, [{ offset: 512, data: 'x' }]],
    [
      'overlapping',
      4096,
      [
        { offset: 0, data: 'xxx' },
        { offset: 2, data: 'x' },
      ],
    ],
    [
      'going back',
      4096,
      [
        { offset: 512, data: 'x' },
        { offset: 0, data: 'x' },
      ],
    ],
    ['beyond 2^53', 2 ** 53 - 1, [{ offset: 2 ** 53 - 2, data: 'xxx' }]],
  ])('segments %s are corrupt', (_name, size, parts) => {
    expect(() => scanAll(tarOf(write('s', size, parts)))).toThrow(
      corrupt(/sparse segment \d+ is \d+ bytes at/),
    );
  });

  test('a logical size of 2^53 skips the file', () => {
    const { entries, warnings } = scanAll(
      tarOf(write('s', 2 ** 53, [{ offset: 9, data: 'x' }]), file('after')),
    );
    expect(entries.map(({ path }) => Buffer.from(path).toString())).toEqual(['after']);
    expect(warnings).toEqual([expect.stringContaining('the limit is 9007199254740991')]);
  });
});

describe('old GNU format', () => {
  test('a PAX size is that of its data', () => {
    const member = oldGnuSparse('s', 4096, [{ offset: 512, data: 'data' }], { size: 0 });
    const tar = tarOf(paxHeader({ size: '4' }), member, file('after'));
    expect(scanAll(tar).entries.map((entry) => entry.storedSize)).toEqual([4, 0]);
  });

  test('base-256 offsets', () => {
    const at = 2 ** 40;
    expect(scanOne(tarOf(oldGnuSparse('s', at + 1, [{ offset: at, data: 'x' }]))).sparse).toEqual([
      { offset: at, length: 1 },
    ]);
  });

  test('long names outlive extension blocks', () => {
    const name = 'n/'.repeat(150);
    const tar = tarOf(gnuLongName(name), oldGnuSparse('s', 500_000, pieces(60)));
    for (const chunk of [1, 100, 512, 1000]) {
      expect(Buffer.from(scanAll(tar, chunk).entries[0]!.path).toString()).toBe(name);
    }
  });

  test('an extension block cut short, or missing, is corrupt', () => {
    const tar = oldGnuSparse('s', 500_000, pieces(60));
    for (const end of [512, 600, 1024, 1100])
      expect(() => scanAll(tar.subarray(0, end))).toThrow(corrupt(/the tar ends at/));
  });

  test.each<[string, Buffer]>([
    ['star, with another layout', oldGnuSparse('s', 0, [], { magic: MAGIC.ustar })],
    ['a negative offset', oldGnuSparse('s', 9, [], { patches: [{ at: 386, bytes: base256(-1, 12) }] })],
    [
      'a negative length',
      oldGnuSparse('s', 9, [], {
        patches: [
          { at: 398, bytes: base256(-1, 12) },
          { at: 386, bytes: '00000000000' },
        ],
      }),
    ],
    ['letters for numbers', oldGnuSparse('s', 9, [], { patches: [{ at: 386, bytes: 'offset' }] })],
    ['data that no segment claims', Buffer.concat([oldGnuSparse('s', 99, [], { size: 5 }), raw('12345')])],
    ['less data than the segments', oldGnuSparse('s', 99, [{ offset: 0, data: 'abc' }], { size: 2 })],
  ])('%s is corrupt', (_name, member) => {
    expect(() => scanAll(tarOf(member))).toThrow(corrupt(/sparse/));
  });
});

describe('PAX formats', () => {
  const records = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9' };
  const lines = (text: string, size?: number) =>
    tarOf(file('s', raw(text), { pax: records, header: size === undefined ? {} : { size } }));

  test('GNU.sparse.name is the name', () => {
    const tar = tarOf(
      file('made-up', '0\n', {
        pax: { ...records, 'GNU.sparse.name': 'real', path: 'other' },
        header: { size: 512 },
      }),
    );
    expect(Buffer.from(scanOne(tar).path).toString()).toBe('real');
  });

  test('an unknown version makes an ordinary file', () => {
    for (const [major, minor] of [
      ['1', '1'],
      ['2', '0'],
      ['0', '2'],
      ['1', ''],
    ]) {
      const pax = { ...records, 'GNU.sparse.major': major!, 'GNU.sparse.minor': minor! };
      expect(scanOne(tarOf(file('s', 'abc', { pax })))).toMatchObject({ size: 3, sparse: undefined });
    }
  });

  test('a line map is not read from past its data', () => {
    const next = file('0\n'); // a header that would do as a map
    for (const tar of [tarOf(file('s', '', { pax: records }), next), lines('0\n', 511)]) {
      expect(() => scanAll(tar)).toThrow(corrupt(/the sparse map passes the end of its data/));
    }
  });

  test('a negative length does not make up for a segment without data', () => {
    const pax = { 'GNU.sparse.map': '10,-5,5,5', 'GNU.sparse.numblocks': '2', 'GNU.sparse.size': '99' };
    expect(() => scanAll(tarOf(file('s', '', { pax })))).toThrow(
      corrupt(/sparse segment 0 is -5 bytes at 10/),
    );
  });

  test('a map on what is no file is corrupt', () => {
    expect(() => scanAll(tarOf(hardlink('h', 't', { pax: records })))).toThrow(
      corrupt(/a sparse map on a hardlink/),
    );
  });

  test.each<[string, Buffer]>([
    ['1.0 without a count', lines('\n')],
    ['1.0 with a sign', lines('1\n-1\n5\n')],
    ['1.0 with letters', lines('1\nx\n5\n')],
    ['1.0 with a blank line', lines('1\n\n5\n')],
    ['1.0 with NULs where lines should be', lines('2\n0\n5\n')],
    ['1.0 with a map longer than its data', lines('9\n', 100)],
    ['1.0 without data', tarOf(file('s', '', { pax: records }), file('0\n'))],
    ['1.0 that claims too little', lines('1\n0\n5\n', 512)],
    ['1.0 that claims too much', lines('0\n', 513)],
    ['1.0 with a count past 2^53', lines('99999999999999999999999\n0\n1\n')],
    ['0.1 without numblocks', tarOf(file('s', 'x', { pax: { 'GNU.sparse.map': '0,1' } }))],
    [
      '0.1 with another numblocks',
      tarOf(file('s', 'x', { pax: { 'GNU.sparse.map': '0,1', 'GNU.sparse.numblocks': '2' } })),
    ],
    [
      '0.1 with an odd map',
      tarOf(file('s', 'x', { pax: { 'GNU.sparse.map': '0,1,2', 'GNU.sparse.numblocks': '1.5' } })),
    ],
    [
      '0.1 with an empty number',
      tarOf(file('s', 'x', { pax: { 'GNU.sparse.map': '0,1,', 'GNU.sparse.numblocks': '1' } })),
    ],
    [
      '0.1 negative',
      tarOf(file('s', 'x', { pax: { 'GNU.sparse.map': '-1,1', 'GNU.sparse.numblocks': '1' } })),
    ],
    [
      '0.0 out of turn',
      tarOf(
        file('s', 'x', {
          pax: [
            ['GNU.sparse.numbytes', '1'],
            ['GNU.sparse.offset', '0'],
          ],
        }),
      ),
    ],
    [
      '0.0 with two offsets',
      tarOf(
        file('s', 'x', {
          pax: [
            ['GNU.sparse.offset', '1'],
            ['GNU.sparse.offset', '0'],
          ],
        }),
      ),
    ],
    [
      '0.0 with half a pair',
      tarOf(
        file('s', '', {
          pax: [
            ['GNU.sparse.numblocks', '0'],
            ['GNU.sparse.offset', '0'],
          ],
        }),
      ),
    ],
    [
      'a real size that is no number',
      tarOf(file('s', raw('0\n'), { pax: { ...records, 'GNU.sparse.realsize': 'x' } })),
    ],
  ])('%s is corrupt', (_name, tar) => {
    expect(() => scanAll(tar)).toThrow(corrupt(/sparse|size/));
  });
});

test('headerBlock says S without a map: an empty sparse file', () => {
  const tar = tarOf(headerBlock({ name: 's', type: 'S', magic: MAGIC.gnu }));
  expect(scanOne(tar)).toMatchObject({ size: 0, storedSize: 0, sparse: [] });
});
