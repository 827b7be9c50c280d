import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import {
  base256,
  char,
  dir,
  file,
  gnuLongLink,
  gnuLongName,
  hardlink,
  headerBlock,
  octal,
  oldGnuSparse,
  paxGlobal,
  paxHeader,
  paxSparse,
  raw,
  sealed,
  symlink,
  tarOf,
  unterminated,
  zeroBlock,
} from '../support/tar.js';
import { type Scan, scanAll } from './scan-all.js';

const MIB = 1024 * 1024;
const corrupt = (message: RegExp) =>
  expect.objectContaining({ code: 'CORRUPT_LAYER', message: expect.stringMatching(message) });

/** Something of everything that a tar can hold. */
const ALL_SORTS = tarOf(
  dir('foo/'),
  file('foo/a', 'content', { mode: 0o4755, uid: 70_000_000, mtime: '-1.5', xattrs: { 'user.a': '=\n\0' } }),
  symlink('foo/bar', '../x'),
  paxGlobal({ comment: 'x' }),
  hardlink('h', 'foo/a'),
  char('dev/null', 1, 3),
  gnuLongName('n/'.repeat(300)),
  gnuLongLink('t'.repeat(600)),
  symlink('s', 't'),
  headerBlock({ prefix: 'p'.repeat(150), name: 'n', size: base256(513, 12) }),
  raw(Buffer.alloc(513, 'd')),
  oldGnuSparse(
    'old',
    50_000,
    Array.from({ length: 9 }, (_, i) => ({ offset: i * 4096, data: 'piece' })),
  ),
  paxSparse('0.0', 'zero', 9000, [{ offset: 512, data: 'xy' }]),
  paxSparse('0.1', 'one', 9000, [{ offset: 512, data: 'xy' }]),
  paxSparse(
    '1.0',
    'ten',
    900_000,
    Array.from({ length: 99 }, (_, i) => ({ offset: i * 4096, data: 'xy' })),
  ),
  headerBlock({ name: 'volume', type: 'V' }),
);

describe('limits', () => {
  const shown = (tar: Uint8Array, ...sizes: number[]) => {
    const { entries, warnings } = scanAll(tar, ...sizes);
    return { paths: entries.map(({ path }) => Buffer.from(path).toString().slice(0, 50)), warnings };
  };
  const skipped = (name: string, why: RegExp) =>
    expect.stringMatching(new RegExp(`^tar entry "${name}.* at \\d+: skipped: its ${why.source}`));
  /** Consecutive data, so that a wrong size is detected. */
  const around = (...members: Uint8Array[]) => tarOf(file('before', 'b'), ...members, file('after', 'a'));

  test.each([
    ['L', file('cut', 'x'.repeat(700)), /long name has 1048577 bytes, the limit is 1048576/],
    ['K', symlink('cut', 'x'), /long link target has 1048577 bytes, the limit is 1048576/],
  ])('%s data of more than 1 MiB skips its entry', (type, member, why) => {
    const long = Buffer.concat([
      headerBlock({ name: 'x', type, size: MIB + 1 }),
      raw(Buffer.alloc(MIB + 1, 'x')),
    ]);
    for (const size of [511, 70_000]) {
      expect(shown(around(long, member), size)).toEqual({
        paths: ['before', 'after'],
        warnings: [skipped('cut', why)],
      });
    }
    // The last header of a kind counts.
    const last = type === 'L' ? gnuLongName('last') : gnuLongLink('last');
    expect(shown(around(long, last, member)).warnings).toEqual([]);
  });

  test('an oversized long link target does not affect a file', () => {
    const long = Buffer.concat([
      headerBlock({ name: 'x', type: 'K', size: MIB + 1 }),
      raw(Buffer.alloc(MIB + 1)),
    ]);
    expect(shown(around(long, file('f'))).paths).toEqual(['before', 'f', 'after']);
  });

  test('PAX data of more than 1 MiB skips its entry, but its size record counts', () => {
    const comment = 'x'.repeat(MIB);
    const all: Record<string, string>[] = [
      { comment },
      { size: '1000', comment },
      { comment, size: '1000' },
      { size: '', comment },
    ];
    for (const records of all) {
      const hasSize = (records.size ?? '') !== '';
      const member = Buffer.concat([
        headerBlock({ name: 'cut', size: hasSize ? 3 : 1000 }),
        tarOf(file('inside')).subarray(0, 1024), // its content: not an entry
      ]);
      for (const size of [997, 300_000]) {
        expect(shown(around(paxHeader(records), member), size)).toEqual({
          paths: ['before', 'after'],
          warnings: [skipped('cut', /PAX data has \d+ bytes, the limit is 1048576/)],
        });
      }
    }
    const long = paxHeader({ comment });
    expect(shown(around(long, paxHeader({ path: 'named' }), file('f'))).paths).toEqual([
      'before',
      'named',
      'after',
    ]);
    expect(() => scanAll(around(long))).not.toThrow();
    // An oversized name behind it changes nothing.
    const longName = Buffer.concat([
      headerBlock({ name: 'x', type: 'L', size: MIB + 1 }),
      raw(Buffer.alloc(MIB + 1, 'x')),
    ]);
    const member = Buffer.concat([
      headerBlock({ name: 'cut', size: 3 }),
      tarOf(file('inside')).subarray(0, 1024),
    ]);
    expect(shown(around(paxHeader({ size: '1000', comment }), longName, member)).paths).toEqual([
      'before',
      'after',
    ]);
    const bad = [
      `9 size=x\n${'x'.repeat(MIB)}`,
      `${'9'.repeat(MIB + 5)}`,
      `0 ${' '.repeat(MIB)}`,
      `99 size=${'0'.repeat(90)}\n`,
    ];
    for (const data of bad) {
      const padded = data.padEnd(MIB + 5, 'x');
      const header = Buffer.concat([headerBlock({ name: 'x', type: 'x', size: padded.length }), raw(padded)]);
      expect(() => scanAll(around(header, file('f')))).toThrow(corrupt(/PAX/));
    }
  });

  test('a path, a name and a target are read up to the limits, and no further', () => {
    const deep = (count: number) => gnuLongName(`${'d/'.repeat(count - 1)}f`);
    const tar = (...members: Uint8Array[]) => shown(around(...members)).warnings;
    expect(tar(deep(4096), file('x'), gnuLongName('n'.repeat(255)), file('x'))).toEqual([]);
    expect(tar(deep(4097), file('x'))).toEqual([
      skipped('d/d', /path has more than the limit of 4096 components/),
    ]);
    expect(tar(gnuLongName(`a/${'n'.repeat(256)}/b`), dir('x'))).toEqual([
      skipped('a/nnn', /path has a component of 256 bytes, the limit is 255/),
    ]);
    expect(tar(gnuLongLink('t'.repeat(4095)), symlink('s', 't'))).toEqual([]);
    const target = /link target has 4096 bytes, the limit is 4095/;
    expect(tar(gnuLongLink('t'.repeat(4096)), symlink('s', 't'))).toEqual([skipped('s', target)]);
    expect(tar(gnuLongLink('t/'.repeat(2048)), hardlink('h', 't'))).toEqual([skipped('h', target)]);
  });

  test('limits apply to the cleaned path', () => {
    const n = 'n'.repeat(300);
    const clean = [
      `${n}/../a`,
      `a${'/'.repeat(MIB - 9)}b`,
      './'.repeat(9000),
      '../'.repeat(9000),
      `${'a/../'.repeat(9000)}b`,
    ];
    for (const path of clean) expect(shown(around(gnuLongName(path), dir('x'))).warnings).toEqual([]);
    const long = [`a/../${n}`, `${n}/.`, `../${n}/./`, `${n}/../../${n}`];
    for (const path of long) expect(shown(around(gnuLongName(path), dir('x'))).warnings).toHaveLength(1);
    // A whiteout of a 255-byte name is longer by its prefix.
    const whiteout = (length: number) =>
      shown(around(gnuLongName(`.wh.${'n'.repeat(length)}`), file('x'))).warnings;
    expect([whiteout(255), whiteout(256)]).toEqual([[], [expect.stringContaining('260 bytes')]]);
    expect(shown(around(gnuLongName(`.wh.${'n'.repeat(255)}/a`), file('x'))).warnings).toHaveLength(1);
  });

  test('extension blocks of an old sparse map end at 1 MiB', () => {
    const first = oldGnuSparse('s', 9, [], { patches: [{ at: 482, bytes: '\x01' }] });
    const more = zeroBlock();
    more[504] = 1;
    const last = zeroBlock();
    const blocks = MIB / 512;
    const map = (count: number) =>
      unterminated(first, ...Array<Buffer>(count - 1).fill(more), last, file('after'));
    expect(scanAll(map(blocks)).entries).toHaveLength(2);
    expect(shown(map(blocks + 5))).toEqual({
      paths: ['after'],
      warnings: [skipped('s', /sparse map is longer than the limit of 1048576 bytes/)],
    });
  });

  test('a line map ends at 1 MiB', () => {
    const pax = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '0' };
    const map = (count: number) => `${count}\n${'0\n'.repeat(2 * count)}`; // six digits, then four bytes a pair
    const fits = map(Math.floor((MIB - 7) / 4));
    const { entries } = scanAll(tarOf(file('s', raw(fits), { pax })));
    expect(entries[0]).toMatchObject({ size: 0, storedSize: 0, sparse: [] });
    const beyond = raw(`${map(MIB / 4)}${'x'.repeat(3000)}`);
    expect(shown(around(file('s', beyond, { pax })))).toEqual({
      paths: ['before', 'after'],
      warnings: [skipped('s', /sparse map is longer than the limit/)],
    });
  });

  test.each<[string, Uint8Array, RegExp]>([
    [
      'a negative device number',
      char('c', 1, 2, { header: { minor: base256(-1, 8) } }),
      /device minor is -1/,
    ],
    ['a device number of 2^32', char('c', 2 ** 32, 2), /device major is 4294967296/],
    ['a sparse file of 2^53 bytes', oldGnuSparse('c', 2 ** 53, []), /sparse file of 9007199254740992 bytes/],
  ])('%s skips its entry', (_name, member, why) => {
    expect(shown(around(member))).toEqual({
      paths: ['before', 'after'],
      warnings: [expect.stringMatching(why)],
    });
  });

  test.each<[string, Uint8Array, string]>([
    ['a uid of 2^32-1', headerBlock({ name: 'a', uid: 2 ** 32 - 1 }), 'uid 4294967295'],
    ['a gid of 2^32', headerBlock({ name: 'a', gid: 2 ** 32 }), 'gid 4294967296'],
    ['a negative uid', headerBlock({ name: 'a', uid: base256(-2, 8) }), 'uid -2'],
    [
      'a PAX uid past 64 bits',
      Buffer.concat([paxHeader({ uid: '9'.repeat(30) }), file('a')]),
      'uid Infinity',
    ],
  ])('%s is shown as 65534', (_name, member, what) => {
    const { entries, warnings } = scanAll(tarOf(member));
    const key = what.slice(0, 3) as 'uid' | 'gid';
    expect(entries[0]).toMatchObject({ uid: 0, gid: 0, [key]: 65534 });
    expect(warnings).toEqual([expect.stringContaining(`: ${what} is shown as 65534`)]);
  });

  test('times beyond 64 bits are clamped, and sizes of entries without data are ignored', () => {
    const far = 2 ** 52 - 1;
    const times = [
      file('a', '', { mtime: '9'.repeat(30) }),
      file('b', '', { mtime: `-${'9'.repeat(30)}.5` }),
    ];
    const field = headerBlock({ name: 'c', mtime: Buffer.alloc(12, 0xbf) });
    const directory = headerBlock({ name: 'd/', type: '5', size: Buffer.from('much') });
    const { entries } = scanAll(tarOf(...times, field, directory));
    expect(entries.map(({ mtimeSeconds }) => mtimeSeconds).slice(0, 3)).toEqual([far, -far, far]);
    expect(entries).toHaveLength(4);
  });

  test('attributes that Linux cannot return are omitted', () => {
    const fits = { [`user.${'n'.repeat(250)}`]: 'x', 'user.v': 'v'.repeat(65_536) };
    const { entries, warnings } = scanAll(
      tarOf(
        file('a', '', {
          xattrs: { ...fits, [`user.${'n'.repeat(251)}`]: 'x', 'user.w': 'v'.repeat(65_537) },
        }),
      ),
    );
    expect(entries[0]!.xattrs.map(({ name }) => name.length)).toEqual([255, 6]);
    expect(warnings).toEqual([]);
  });
});

describe('corrupt headers', () => {
  const at512 = (block: Uint8Array) => unterminated(file('before'), block);

  test.each<[string, Buffer, RegExp]>([
    ['a wrong checksum', headerBlock({ name: 'a', checksum: Buffer.from('0001234\0') }), /checksum/],
    ['a checksum of letters', headerBlock({ name: 'a', checksum: Buffer.from('checksum') }), /checksum/],
    ['text', raw('This is not a tar header at all.'), /checksum/],
    [
      'a size of letters',
      headerBlock({ name: 'a', size: Buffer.from('much') }),
      /the size field is not a number/,
    ],
    ['a uid of letters', headerBlock({ name: 'a', uid: Buffer.from('root') }), /the uid field/],
    ['a mode of letters', headerBlock({ name: 'a', mode: Buffer.from('rwx') }), /the mode field/],
    ['an mtime of letters', headerBlock({ name: 'a', mtime: Buffer.from('now') }), /the mtime field/],
    [
      'a device number of letters',
      char('c', 1, 2, { header: { major: Buffer.from('x') } }),
      /the device major field/,
    ],
    ['a negative size', headerBlock({ name: 'a', size: base256(-1, 12) }), /size is -1, want 0 to/],
    [
      'a negative PAX size',
      Buffer.concat([file('c'), paxHeader({ size: '-512' }), file('a')]),
      /size is -512/,
    ],
    [
      'a negative size of records',
      headerBlock({ name: 'a', type: 'x', size: base256(-512, 12) }),
      /size is -512/,
    ],
    [
      'a negative size of an unknown type',
      headerBlock({ name: 'a', type: 'V', size: base256(-512, 12) }),
      /size/,
    ],
    [
      'a negative global size',
      headerBlock({ name: 'a', type: 'g', size: base256(-512, 12) }),
      /size is -512/,
    ],
    ['a size of 2^53', headerBlock({ name: 'a', size: 2 ** 53 }), /size is 9007199254740992/],
    ['a size past 64 bits', headerBlock({ name: 'a', size: Buffer.alloc(12, 0xbf) }), /size is Infinity/],
  ])('%s', (_name, block, message) => {
    expect(() => scanAll(at512(block))).toThrow(corrupt(message));
    expect(() => scanAll(at512(block))).toThrow(/reading tar entry at (512|1024|1536|2048)/);
  });

  test('the offset is that of the header', () => {
    expect(() => scanAll(unterminated(file('a', 'x'), raw('junk')))).toThrow(
      'reading tar entry at 1024: the checksum',
    );
  });

  test('signed checksums count, as old Sun tars wrote them', () => {
    const block = headerBlock({ name: Buffer.from('caf\xe9', 'latin1') });
    const sum = Number.parseInt(block.toString('latin1', 148, 154), 8);
    const signed = sealed(block, Buffer.from(`${octal(sum - 256, 7)}\0 `));
    expect(scanAll(tarOf(signed)).entries).toHaveLength(1);
    expect(() => scanAll(tarOf(sealed(block, Buffer.from(`${octal(sum - 255, 7)}\0 `))))).toThrow(
      corrupt(/checksum/),
    );
  });

  test('data after one block of zeros is corrupt', () => {
    expect(() => scanAll(unterminated(file('a'), zeroBlock(), file('b')))).toThrow(
      corrupt(/at 1024: data after one block of zeros/),
    );
  });

  test('an archive that begins with zeros is empty or damaged', () => {
    for (const size of [1024, 1536, 1024 + 100, 512 + 88, 5000]) {
      expect(scanAll(Buffer.alloc(size), 511).entries).toEqual([]);
    }
    const data = Buffer.concat([Buffer.alloc(1024), file('a', 'a')]);
    for (const at of [512, 1024, 4096, 9999]) {
      const zeros = Buffer.alloc(10_000);
      zeros[at] = 1;
      for (const size of [1, 512, 700, 10_000]) {
        expect(() => scanAll(zeros, size)).toThrow(corrupt(/data after leading zero blocks|within/));
      }
    }
    expect(() => scanAll(data)).toThrow(
      corrupt(/at 1024: not a tar archive: data after leading zero blocks/),
    );
    // Data after an archive's end is ignored, as on a tape.
    expect(scanAll(Buffer.concat([tarOf(file('a')), data])).entries).toHaveLength(1);
  });

  test('a name does not bring control characters into a message', () => {
    const { warnings } = scanAll(tarOf(headerBlock({ name: '\x1b]0;evil\x07\n', type: 'V' })));
    expect(warnings[0]).toMatch(/^[\x20-\x7e]+$/);
    const long = scanAll(tarOf(gnuLongName('n'.repeat(5000)), headerBlock({ type: 'V' })));
    expect(long.warnings[0]!.length).toBeLessThan(350);
  });
});

describe('cut short', () => {
  test('every cut within a header, records, map or content is corrupt; every other is a shorter tar', () => {
    const tar = unterminated(ALL_SORTS).subarray(0, -1024);
    const { entries } = scanAll(tar);
    let cleanCuts = 0;
    for (let end = 0; end <= tar.length; end += 1) {
      // Whole headers and the bytes around them; the inside of long content only here and there.
      if (end % 512 > 20 && end % 512 < 500 && end % 97 !== 0) continue;
      let scan: Scan | undefined;
      try {
        scan = scanAll(tar.subarray(0, end));
      } catch (error) {
        expect(error).toEqual(corrupt(/the tar ends at \d+, /));
        continue;
      }
      cleanCuts++;
      const whole = entries.filter((entry) => entry.dataOffset + entry.storedSize <= end);
      expect(scan.entries.length).toBe(whole.length);
      expect(scan.size).toBe(end);
    }
    expect(cleanCuts).toBeGreaterThan(entries.length);
  });
});

describe('properties', () => {
  const whole = scanAll(ALL_SORTS);

  test('every chunking gives the same entries', () => {
    expect(whole.entries.length).toBe(11);
    for (const size of [1, 2, 7, 511, 512, 513, 1000, 65536]) expect(scanAll(ALL_SORTS, size)).toEqual(whole);
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 3000 })), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(sizes, (list) => {
        expect(scanAll(ALL_SORTS, ...list)).toEqual(whole);
      }),
      { numRuns: 150 },
    );
  });

  /** Scans, and answers what came; anything thrown but CORRUPT_LAYER fails the test. */
  function survive(tar: Uint8Array): void {
    try {
      const scan = scanAll(tar, 997);
      for (const entry of scan.entries) {
        expect(entry.dataOffset % 512).toBe(0);
        expect(entry.uid).toBeLessThan(2 ** 32 - 1);
        expect(Number.isSafeInteger(entry.size) && entry.size >= 0).toBe(true);
        let end = 0;
        let stored = 0;
        for (const segment of entry.sparse ?? []) {
          expect(segment.offset).toBeGreaterThanOrEqual(end);
          expect(segment.length).toBeGreaterThan(0);
          end = segment.offset + segment.length;
          stored += segment.length;
        }
        expect(end).toBeLessThanOrEqual(entry.size);
        expect(entry.storedSize).toBe(entry.sparse ? stored : entry.size);
      }
      // Each entry took a header of its own: nothing is read twice.
      expect(scan.entries.length).toBeLessThanOrEqual(tar.length / 512);
    } catch (error) {
      if (!(error instanceof LayerslayerError)) throw error;
      expect(error.code).toBe('CORRUPT_LAYER');
    }
  }

  const change = fc.record({
    at: fc.nat(ALL_SORTS.length - 1),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  });

  test('mutated archives end in entries or CORRUPT_LAYER', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), (changes, reseal) => {
        const tar = Buffer.from(ALL_SORTS);
        for (const { at, bytes } of changes) {
          tar.set(bytes.subarray(0, tar.length - at), at);
          // A right checksum lets the change through to what lies behind it.
          const start = at - (at % 512);
          if (reseal) sealed(tar.subarray(start, start + 512)).copy(tar, start);
        }
        survive(tar);
      }),
      { numRuns: 1500 },
    );
  });

  test('shuffled and repeated blocks end in entries or CORRUPT_LAYER', () => {
    const blocks = ALL_SORTS.length / 512;
    fc.assert(
      fc.property(fc.array(fc.nat(blocks - 1), { maxLength: 40 }), (order) => {
        survive(Buffer.concat(order.map((i) => ALL_SORTS.subarray(i * 512, i * 512 + 512))));
      }),
      { numRuns: 1000 },
    );
  });

  test('any PAX data ends in entries or CORRUPT_LAYER', () => {
    const key = fc.constantFrom(
      ...['path', 'size', 'uid', 'mtime', 'SCHILY.xattr.user.a', '__proto__'],
      ...['major', 'minor', 'name', 'size', 'realsize', 'numblocks', 'map', 'offset', 'numbytes'].map(
        (k) => `GNU.sparse.${k}`,
      ),
    );
    const value = fc.constantFrom(
      '',
      '0',
      '1',
      '-1',
      '3',
      '0,3',
      '0,1,1,2',
      '9007199254740992',
      'x',
      '1.5',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 8 }), (records) => {
        survive(tarOf(paxHeader(records), file('a', 'abc'), file('b')));
      }),
      { numRuns: 1500 },
    );
  });
});
