import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LayerslayerError } from '#dist/base/errors.js';
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
  gnuLongName('n'.repeat(600)),
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
  const extension = (type: string, size: number) =>
    tarOf(headerBlock({ name: 'x', type, size }), raw(Buffer.alloc(size, 'x')), file('a'));

  test.each([
    ['L', 'GNU long name'],
    ['K', 'GNU long name'],
    ['x', 'PAX header'],
  ])('%s data of more than 1 MiB is refused before it is gathered', (type, what) => {
    const header = extension(type, MIB + 1).subarray(0, 512);
    expect(() => scanAll(header)).toThrow(
      corrupt(new RegExp(`${what} of ${MIB + 1} bytes, more than the limit of ${MIB}`)),
    );
  });

  test('L and x data of 1 MiB are taken', () => {
    const { entries } = scanAll(tarOf(gnuLongName('n'.repeat(MIB - 1)), file('a')));
    expect(entries[0]!.path.length).toBe(MIB - 1);
    const record = `${MIB} path=`;
    const path = 'p'.repeat(MIB - record.length - 1);
    expect(scanAll(tarOf(paxHeader({ path }), file('a'))).entries[0]!.path.length).toBe(path.length);
    expect(() => scanAll(tarOf(paxHeader({ path: `${path}p` }), file('a')))).toThrow(corrupt(/limit/));
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
    expect(() => scanAll(map(blocks + 1))).toThrow(corrupt(/sparse map is longer than the limit of 1048576/));
  });

  test('a line map ends at 1 MiB', () => {
    const pax = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '0' };
    const map = (count: number) => `${count}\n${'0\n'.repeat(2 * count)}`; // six digits, then four bytes a pair
    const fits = map(Math.floor((MIB - 7) / 4));
    const { entries } = scanAll(tarOf(file('s', raw(fits), { pax })));
    expect(entries[0]).toMatchObject({ size: 0, storedSize: 0, sparse: [] });
    expect(() => scanAll(tarOf(file('s', raw(map(MIB / 4)), { pax })))).toThrow(
      corrupt(/sparse map is longer than the limit/),
    );
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
    [
      'a negative device number',
      char('c', 1, 2, { header: { minor: base256(-1, 8) } }),
      /device minor is -1/,
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
    ['a size past 64 bits', headerBlock({ name: 'a', size: Buffer.alloc(12, 0xbf) }), /the size field/],
    [
      'a uid of 2^32-1',
      headerBlock({ name: 'a', uid: 2 ** 32 - 1 }),
      /uid is 4294967295, want 0 to 4294967294/,
    ],
    ['a gid of 2^32', headerBlock({ name: 'a', gid: 2 ** 32 }), /gid is 4294967296/],
    ['a negative uid', headerBlock({ name: 'a', uid: base256(-2, 8) }), /uid is -2/],
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

  test('an archive that begins with zeros is empty, or no archive', () => {
    for (const size of [1024, 1536, 1024 + 100, 512 + 88, 5000]) {
      expect(scanAll(Buffer.alloc(size), 511).entries).toEqual([]);
    }
    const data = Buffer.concat([Buffer.alloc(1024), file('a', 'a')]);
    for (const at of [512, 1024, 4096, 9999]) {
      const zeros = Buffer.alloc(10_000);
      zeros[at] = 1;
      for (const size of [1, 512, 700, 10_000]) {
        expect(() => scanAll(zeros, size)).toThrow(corrupt(/data after blocks of zeros at the start|within/));
      }
    }
    expect(() => scanAll(data)).toThrow(corrupt(/at 1024: data after blocks of zeros at the start/));
    // Behind an archive's end anything may stand, as on a tape.
    expect(scanAll(Buffer.concat([tarOf(file('a')), data])).entries).toHaveLength(1);
  });

  test('a name does not bring control characters into a message', () => {
    const { warnings } = scanAll(tarOf(headerBlock({ name: '\x1b]0;evil\x07\n', type: 'V' })));
    expect(warnings[0]).toMatch(/^[\x20-\x7e]+$/);
    const long = scanAll(tarOf(gnuLongName('n'.repeat(5000)), headerBlock({ type: 'V' })));
    expect(long.warnings[0]!.length).toBeLessThan(300);
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
