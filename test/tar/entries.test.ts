import { describe, expect, test } from 'vitest';
import type { TarEntry } from '#src/tar/entry.js';
import { TarScanner } from '#src/tar/tar-scanner.js';
import {
  base256,
  block,
  char,
  DEFAULT_MTIME,
  dir,
  fifo,
  file,
  gnuLongLink,
  gnuLongName,
  hardlink,
  headerBlock,
  MAGIC,
  octal,
  paxGlobal,
  paxHeader,
  raw,
  symlink,
  tarOf,
  unterminated,
  zeroBlock,
} from '../support/tar.js';
import { contentOf, scanAll, scanOne } from './scan-all.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const paths = (tar: Uint8Array) => scanAll(tar).entries.map((entry) => text(entry.path));

describe('kinds', () => {
  test.each<[string, Buffer, Partial<TarEntry>]>([
    ['file', file('a', 'x'), { kind: 'file', size: 1, storedSize: 1, mode: 0o644 }],
    ['v7 file', headerBlock({ name: 'a', type: '\0', magic: MAGIC.v7 }), { kind: 'file', size: 0 }],
    ['contiguous file', headerBlock({ name: 'a', type: '7' }), { kind: 'file', size: 0 }],
    ['v7 directory', headerBlock({ name: 'a/', type: '\0', magic: MAGIC.v7 }), { kind: 'dir' }],
    ['file with a slash', headerBlock({ name: 'a/', type: '0' }), { kind: 'file' }],
    ['directory', dir('a'), { kind: 'dir', mode: 0o755 }],
    ['symlink', symlink('a', '../x'), { kind: 'symlink', linkTarget: Buffer.from('../x') }],
    ['hard link', hardlink('a', 'b'), { kind: 'hardlink', linkTarget: Buffer.from('b') }],
    ['char', char('a', 1, 3), { kind: 'char', deviceMajor: 1, deviceMinor: 3 }],
    ['block', block('a', 259, 1048575), { kind: 'block', deviceMajor: 259, deviceMinor: 1048575 }],
    ['fifo', fifo('a'), { kind: 'fifo', deviceMajor: 0 }],
  ])('%s', (_name, member, want) => {
    const entry = scanOne(tarOf(member));
    if (want.linkTarget) want = { ...want, linkTarget: new Uint8Array(want.linkTarget) };
    expect(entry).toMatchObject(want);
  });

  test('only links have a target, only devices have numbers', () => {
    const fields = { name: 'a', linkName: 'b', major: 1, minor: 2 };
    for (const type of ['0', '5', '6']) {
      const entry = scanOne(tarOf(headerBlock({ ...fields, type })));
      expect([entry.linkTarget.length, entry.deviceMajor, entry.deviceMinor]).toEqual([0, 0, 0]);
    }
  });

  test('v7 has no device numbers: what stands there is no field', () => {
    const entry = scanOne(tarOf(char('c', 1, 3, { header: { magic: MAGIC.v7, major: 1, minor: 3 } })));
    expect([entry.kind, entry.deviceMajor, entry.deviceMinor]).toEqual(['char', 0, 0]);
  });

  test('an unknown type is skipped with its data and its records, and said so', () => {
    const volume = headerBlock({ name: 'label\x1b[31m\x9b', type: 'V', size: 700 });
    const { entries, warnings } = scanAll(
      tarOf(paxHeader({ path: 'lost' }), volume, raw(Buffer.alloc(700, 'x')), file('a')),
    );
    expect(entries.map((entry) => text(entry.path))).toEqual(['a']);
    expect(warnings).toEqual(['tar entry "lost" at 1024: unknown type "V", skipped']);
    // A PAX size is its size, as in Go: else its data could hold entries that other readers skip.
    const hidden = tarOf(file('hidden')).subarray(0, 1024);
    const sized = headerBlock({ name: 'x', type: 'V', size: 0 });
    expect(paths(tarOf(paxHeader({ size: '1024' }), sized, raw(hidden), file('a')))).toEqual(['a']);
    expect(scanAll(tarOf(headerBlock({ name: 'a\x1b[31m\u009b', type: 'V' }))).warnings[0]).toContain(
      '"a\\x1b[31m\\xc2\\x9b"',
    );
  });

  test.each(['1', '2', '3', '4', '5', '6'])('type %s carries no data whatever its size says', (type) => {
    const liar = headerBlock({ name: 'liar', type, size: 123456, linkName: 'x' });
    const { entries } = scanAll(tarOf(liar, file('next', 'content')));
    expect(entries.map((entry) => [text(entry.path), entry.size, entry.storedSize])).toEqual([
      ['liar', 0, 0],
      ['next', 7, 7],
    ]);
    expect(paths(tarOf(paxHeader({ size: '99999' }), headerBlock({ name: 'l', type }), file('n')))).toEqual([
      'l',
      'n',
    ]);
  });

  test('a v7 directory carries no data either', () => {
    const liar = headerBlock({ name: 'd/', type: '\0', magic: MAGIC.v7, size: 99999 });
    expect(paths(tarOf(liar, file('next')))).toEqual(['d/', 'next']);
  });
});

describe('names', () => {
  const NOT_UTF8 = Buffer.from('caf\xe9\n\t\x01\x7f\xff', 'latin1');

  test.each<[string, Buffer]>([
    ['not UTF-8', NOT_UTF8],
    ['100 bytes, no NUL', Buffer.alloc(100, 'n')],
    ['255-byte components', Buffer.from(`${'a'.repeat(255)}/${'b'.repeat(255)}`)],
    ['4095 bytes', Buffer.alloc(4095, 'ab/')],
    ['./ and //', Buffer.from('.//a/../b')],
    ['backslash', Buffer.from('a\\b')],
  ])('%s comes as it is, as path and as target', (_name, bytes) => {
    const entry = scanOne(tarOf(symlink(bytes, bytes)));
    expect(Buffer.from(entry.path)).toEqual(bytes);
    expect(Buffer.from(entry.linkTarget)).toEqual(bytes);
    const long = scanOne(tarOf(gnuLongName(bytes), gnuLongLink(bytes), symlink('s', 't')));
    expect([Buffer.from(long.path), Buffer.from(long.linkTarget)]).toEqual([bytes, bytes]);
  });

  test('ustar joins its prefix, also at full width', () => {
    expect(paths(tarOf(headerBlock({ prefix: 'p/q', name: 'n' })))).toEqual(['p/q/n']);
    const wide = headerBlock({ prefix: 'p'.repeat(155), name: 'n'.repeat(100) });
    expect(paths(tarOf(wide))).toEqual([`${'p'.repeat(155)}/${'n'.repeat(100)}`]);
  });

  test('star has a shorter prefix, GNU and v7 have none', () => {
    const star = headerBlock({
      name: 'n',
      prefix: 'p'.repeat(131),
      patches: [
        { at: 476, bytes: `${octal(1, 12)}\0` },
        { at: 508, bytes: 'tar\0' },
      ],
    });
    expect(paths(tarOf(star))).toEqual([`${'p'.repeat(131)}/n`]);
    // atime and ctime of incremental GNU archives stand there.
    const gnu = headerBlock({ name: 'n', magic: MAGIC.gnu, prefix: `${octal(DEFAULT_MTIME, 12)}\0` });
    expect(paths(tarOf(gnu))).toEqual(['n']);
    expect(paths(tarOf(headerBlock({ name: 'n', magic: MAGIC.gnu, prefix: 'p' })))).toEqual(['n']);
    expect(paths(tarOf(headerBlock({ name: 'n', magic: MAGIC.v7, prefix: 'p' })))).toEqual(['n']);
  });

  test('a long name beats the PAX path, PAX beats the header', () => {
    expect(paths(tarOf(gnuLongName('L'), file('h', '', { pax: { path: 'P' } })))).toEqual(['L']);
    expect(paths(tarOf(file('h', '', { pax: { path: 'P' } })))).toEqual(['P']);
  });

  test('a long name ends at its NUL; an empty one is none', () => {
    expect(paths(tarOf(gnuLongName('abc\0def'), file('h')))).toEqual(['abc']);
    expect(paths(tarOf(gnuLongName(''), file('h')))).toEqual(['h']);
    const empty = headerBlock({ name: '././@LongLink', type: 'L', magic: MAGIC.gnu });
    expect(paths(tarOf(empty, file('h')))).toEqual(['h']);
  });

  test('a v7 directory is told by its PAX path or long name', () => {
    const v7 = headerBlock({ name: 'short', type: '\0', magic: MAGIC.v7 });
    expect(scanOne(tarOf(gnuLongName('d/'), v7)).kind).toBe('dir');
    expect(scanOne(tarOf(paxHeader({ path: 'd/' }), v7)).kind).toBe('dir');
  });

  test('entries are no Buffers, whose slice would be a view', () => {
    const tar = tarOf(file('n', '', { pax: { path: 'p' }, xattrs: { a: 'b' } }), symlink('l', 't'));
    for (const entry of scanAll(tar).entries) {
      for (const bytes of [entry.path, entry.linkTarget, ...entry.xattrs.flatMap((x) => [x.name, x.value])]) {
        expect(bytes.constructor).toBe(Uint8Array);
      }
    }
  });
});

describe('numbers', () => {
  test('mode keeps permission, setuid, setgid and sticky bits only', () => {
    expect(scanOne(tarOf(headerBlock({ name: 'a', mode: 0o104755 }))).mode).toBe(0o4755);
    expect(scanOne(tarOf(headerBlock({ name: 'a', mode: 0o7777 }))).mode).toBe(0o7777);
  });

  test.each([0, 1000, 0o7777777, 2 ** 31, 2 ** 32 - 2])('owner %d, octal, base-256 or PAX', (id) => {
    const pax = scanOne(tarOf(paxHeader({ uid: `${id}`, gid: `${id}` }), file('a')));
    const header = scanOne(tarOf(file('a', '', { header: { uid: id, gid: id } })));
    expect([pax.uid, pax.gid, header.uid, header.gid]).toEqual([id, id, id, id]);
  });

  test('PAX owners beat the header, also when the header is not zero', () => {
    const entry = scanOne(tarOf(paxHeader({ uid: '1', gid: '0' }), file('a', '', { uid: 5, gid: 6 })));
    expect([entry.uid, entry.gid]).toEqual([1, 0]);
  });

  test.each<[number | string, number, number]>([
    [0, 0, 0],
    [-1, -1, 0],
    ['-1.5', -2, 500000000],
    ['1700000000.123456789', 1700000000, 123456789],
    [2 ** 32 + 7, 2 ** 32 + 7, 0],
    [253402300800, 253402300800, 0],
    ['9000000000000000000', 2 ** 52 - 1, 0],
    ['-9000000000000000000.5', 1 - 2 ** 52, 500000000],
  ])('mtime %s', (mtime, seconds, nanoseconds) => {
    const entry = scanOne(tarOf(file('a', '', { mtime })));
    expect([entry.mtimeSeconds, entry.mtimeNanoseconds]).toEqual([seconds, nanoseconds]);
  });

  test('base-256 mtime, negative and far', () => {
    for (const mtime of [-1, -(2 ** 40), 2 ** 40]) {
      const entry = scanOne(tarOf(headerBlock({ name: 'a', mtime: base256(mtime, 12) })));
      expect([entry.mtimeSeconds, entry.mtimeNanoseconds]).toEqual([mtime, 0]);
    }
  });

  test('fields that nothing reads are not judged', () => {
    const junk = Buffer.from('junk');
    const patches = [{ at: 329, bytes: 'junk' }];
    const header = { uid: junk, gid: junk, mtime: junk, size: junk, patches };
    const records = paxHeader(
      { uid: '1', gid: '2', mtime: '3', size: '0' },
      { uid: junk, mode: junk, mtime: junk },
    );
    expect(scanOne(tarOf(records, headerBlock({ name: 'a', ...header })))).toMatchObject({
      uid: 1,
      gid: 2,
      mtimeSeconds: 3,
    });
  });

  test('one entry does not inherit from the one before', () => {
    const rich = file('a', 'x', { uid: 7, gid: 8, mtime: '1.5', xattrs: { 'user.a': 'v' } });
    const [, device, plain] = scanAll(tarOf(rich, char('c', 1, 2), file('b'))).entries;
    expect(device).toMatchObject({ size: 0, storedSize: 0, uid: 0, xattrs: [], mtimeNanoseconds: 0 });
    expect(plain).toMatchObject({
      uid: 0,
      gid: 0,
      mtimeSeconds: DEFAULT_MTIME,
      mtimeNanoseconds: 0,
      xattrs: [],
    });
    expect(plain).toMatchObject({ deviceMajor: 0, deviceMinor: 0 });
  });
});

describe('data', () => {
  test('dataOffset is where the content lies', () => {
    const tar = tarOf(
      file('a', 'x'.repeat(512)),
      dir('d'),
      file('b', 'y'.repeat(513), { mtime: '1.5' }),
      file('c', 'z'),
    );
    const { entries, size } = scanAll(tar);
    const files = entries.filter((entry) => entry.kind === 'file');
    expect(files.map((entry) => contentOf(tar, entry).toString())).toEqual([
      'x'.repeat(512),
      'y'.repeat(513),
      'z',
    ]);
    expect(entries.every((entry) => entry.dataOffset % 512 === 0)).toBe(true);
    expect(size).toBe(tar.length);
  });

  test('content that looks like headers is content', () => {
    expect(paths(tarOf(file('a', file('inner')), file('b')))).toEqual(['a', 'b']);
  });

  test('a file of 16 GiB is stepped over', () => {
    const BLOCK = 64 * 1024 * 1024;
    const PIECES = 256;
    const size = BLOCK * PIECES;
    const offsets: number[] = [];
    const scanner = new TarScanner({
      onEntry: (entry) => offsets.push(entry.dataOffset),
      onWarning: (message) => expect.fail(message),
    });
    const push = (bytes: Uint8Array) => scanner.push(bytes, 0, bytes.length);
    push(headerBlock({ name: 'huge', size }));
    const piece = new Uint8Array(BLOCK);
    for (let i = 0; i < PIECES; i++) push(piece);
    push(file('after'));
    expect(offsets).toEqual([512, size + 1024]);
    expect(scanner.finish().size).toBe(size + 1024);
  });

  test('what is missing of a huge file is told to the byte', () => {
    expect(() => scanAll(headerBlock({ name: 'huge', size: 2 ** 53 - 1 }))).toThrow(
      /9007199254740991 bytes short/,
    );
  });

  test('a PAX size beats the header, zero or not, for its own entry only', () => {
    const content = raw('0123456789');
    const sized = (size: number) => headerBlock({ name: 'a', size });
    for (const lie of [0, 3, 5000]) {
      const tar = tarOf(paxHeader({ size: '10' }), sized(lie), content, file('b', 'bb'));
      const { entries } = scanAll(tar);
      expect(entries.map((entry) => [text(entry.path), entry.size])).toEqual([
        ['a', 10],
        ['b', 2],
      ]);
      expect(contentOf(tar, entries[0]!).toString()).toBe('0123456789');
    }
  });

  test('a PAX size is not that of an extension header in between (CVE-2025-62518)', () => {
    // A reader that takes it for the long name's size finds `smuggled` inside the content.
    const content = file('smuggled', 'x');
    const name = 'n'.repeat(120);
    for (const between of [
      gnuLongName(name),
      Buffer.concat([paxGlobal({ comment: 'c' }), gnuLongName(name)]),
    ]) {
      const tar = tarOf(
        paxHeader({ size: String(content.length) }),
        between,
        headerBlock({ name: 'short', size: 0 }),
        content,
        file('b'),
      );
      expect(paths(tar)).toEqual([name, 'b']);
    }
    // The other way round: the outer size is 0, the header's is not.
    const hidden = tarOf(
      paxHeader({ size: '0' }),
      gnuLongName(name),
      headerBlock({ name: 's', size: 1024 }),
      file('b'),
    );
    expect(paths(hidden)).toEqual([name, 'b']);
  });
});

describe('the end', () => {
  test('everything after two blocks of zeros is ignored', () => {
    const { entries, size } = scanAll(unterminated(tarOf(file('a')), file('b'), Buffer.from('junk')));
    expect(entries).toHaveLength(1);
    expect(size).toBe(3 * 512 + 512 + 4);
  });

  test.each<[string, Buffer]>([
    ['nothing at all', Buffer.alloc(0)],
    ['only end blocks', tarOf()],
    ['no end blocks', unterminated(file('a', 'x'))],
    ['one end block', unterminated(file('a', 'x'), zeroBlock())],
    ['no padding after the last content', unterminated(file('a', 'x')).subarray(0, 513)],
    ['10 KiB of zeros', unterminated(file('a'), Buffer.alloc(10240))],
  ])('%s is a tar', (_name, tar) => {
    expect(scanAll(tar).size).toBe(tar.length);
    expect(scanAll(tar).warnings).toEqual([]);
  });

  test('a name of zeros is no end block', () => {
    expect(scanAll(tarOf(headerBlock({ name: '', mode: 0o644 }))).entries).toHaveLength(1);
  });

  test('records without an entry at the end of the stream are cut short', () => {
    for (const records of [paxHeader({ path: 'x' }), gnuLongName('x'), gnuLongLink('x')]) {
      expect(() => scanAll(unterminated(file('a'), records))).toThrow(
        'reading tar entry at 512: the tar ends at 1536, before the entry that this header begins',
      );
    }
  });

  test('records without an entry before the end blocks: a warning', () => {
    const { entries, warnings } = scanAll(tarOf(file('a'), paxHeader({ path: 'x' })));
    expect(entries).toHaveLength(1);
    expect(warnings).toEqual(['tar at 1536: the archive ends after an extension header without its entry']);
  });
});
