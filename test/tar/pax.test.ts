import { describe, expect, test } from 'vitest';
import {
  file,
  gnuLongLink,
  gnuLongName,
  headerBlock,
  paxGlobal,
  paxHeader,
  raw,
  symlink,
  tarOf,
} from '../support/tar.js';
import { scanAll, scanOne } from './scan-all.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const xattrsOf = (tar: Uint8Array) => scanOne(tar).xattrs.map(({ name, value }) => [text(name), text(value)]);

/** An `x` header whose data is exactly these bytes, and a file. */
const paxData = (data: string) =>
  tarOf(headerBlock({ name: 'x', type: 'x', size: Buffer.byteLength(data) }), raw(data), file('a'));

describe('records', () => {
  test('values hold equals signs, newlines, NULs and any bytes', () => {
    const value = Buffer.from(`=\n\0\xff30 path=evil\n`, 'latin1');
    expect(xattrsOf(tarOf(file('a', '', { xattrs: { 'security.capability': value } })))).toEqual([
      ['security.capability', text(value)],
    ]);
  });

  test('several attributes keep their order, names keep their bytes', () => {
    const xattrs = { 'user.b': '2', 'user.ä': '1', 'trusted.overlay.opaque': 'y', 'user.a': '3' };
    const utf8 = (name: string) => Buffer.from(name).toString('latin1');
    expect(xattrsOf(tarOf(file('a', '', { xattrs })))).toEqual(
      Object.entries(xattrs).map(([name, value]) => [utf8(name), value]),
    );
  });

  test('keys are never object keys', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const xattrs = names.map((name) => [name, 'v'] as const);
    expect(xattrsOf(tarOf(file('a', '', { xattrs, pax: xattrs })))).toEqual(xattrs);
    expect(({} as { v?: unknown }).v).toBeUndefined();
  });

  test('of a key that comes twice the last counts', () => {
    const entry = scanOne(
      tarOf(
        paxHeader([
          ['path', 'first'],
          ['SCHILY.xattr.user.a', '1'],
          ['path', 'last'],
          ['SCHILY.xattr.user.a', '2'],
        ]),
        file('a'),
      ),
    );
    expect(text(entry.path)).toBe('last');
    expect(entry.xattrs.map(({ value }) => text(value))).toEqual(['2']);
  });

  test('an empty value removes its key', () => {
    const entry = scanOne(
      tarOf(
        paxHeader([
          ['path', 'gone'],
          ['path', ''],
          ['uid', ''],
          ['mtime', ''],
          ['size', ''],
          ['linkpath', ''],
          ['SCHILY.xattr.user.a', '1'],
          ['SCHILY.xattr.user.a', ''],
        ]),
        symlink('kept', 'target', { uid: 3, mtime: 4 }),
      ),
    );
    expect([text(entry.path), text(entry.linkTarget), entry.uid, entry.mtimeSeconds]).toEqual([
      'kept',
      'target',
      3,
      4,
    ]);
    expect(entry.xattrs).toEqual([]);
  });

  test('LIBARCHIVE attributes and unknown keys are passed over, as in Go', () => {
    const pax = {
      'LIBARCHIVE.xattr.user.a': 'dg==',
      comment: 'c',
      'VENDOR.x': 'y',
      'SCHILY.dev': '7',
      atime: 'never',
    };
    expect(xattrsOf(tarOf(file('a', '', { pax })))).toEqual([]);
  });

  test('a NUL in a path is handed on: the merged tree skips that entry alone', () => {
    const entry = scanOne(tarOf(paxHeader({ path: 'a\0b', linkpath: 'c\0d' }), symlink('s', 't')));
    expect([text(entry.path), text(entry.linkTarget)]).toEqual(['a\0b', 'c\0d']);
  });

  test('an empty header says nothing', () => {
    expect(text(scanOne(paxData('')).path)).toBe('a');
  });

  test.each<[string, string]>([
    ['no length', 'path=b\n'],
    ['no space', '12path=bbbb\n'],
    ['length too short', '9 path=bb\n'],
    ['length too long', '12 path=bb\n'],
    ['length past the end', '99 path=bb\n'],
    ['length within its own digits', '2 path=bb\n'],
    ['zero length', '0 path=bb\n'],
    ['negative length', '-1 path=bb\n'],
    ['length past 2^53', '99999999999999999999 path=bb\n'],
    ['no equals sign', '9 pathbb\n'],
    ['equals sign of the next record', '9 pathbb\n9 uid=12\n'],
    ['no key', '6 =bb\n'],
    ['no newline', '10 path=bb'],
    ['NUL in the key', '28 SCHILY.xattr.user\0.a=val\n'],
    ['garbage after the last', '11 path=bb\n\0\0'],
    ['uid no number', '9 uid=ab\n'],
    ['uid with a space', '9 uid= 1\n'],
    ['mtime no time', '12 mtime=ab\n'],
    ['size no number', '12 size=1.5\n'],
  ])('%s: %j is corrupt', (_name, data) => {
    expect(() => scanAll(paxData(data))).toThrow(expect.objectContaining({ code: 'CORRUPT_LAYER' }));
  });
});

describe('headers in a row', () => {
  test('of two PAX headers the last counts, whole', () => {
    const entry = scanOne(tarOf(paxHeader({ path: 'one', uid: '7' }), paxHeader({ gid: '8' }), file('own')));
    expect([text(entry.path), entry.uid, entry.gid]).toEqual(['own', 0, 8]);
  });

  test('of two long names and two long targets the last counts', () => {
    const entry = scanOne(
      tarOf(gnuLongName('one'), gnuLongLink('x'), gnuLongName('two'), gnuLongLink('y'), symlink('s', 't')),
    );
    expect([text(entry.path), text(entry.linkTarget)]).toEqual(['two', 'y']);
  });

  test('they add up across kinds, and are gone after their entry', () => {
    const tar = tarOf(
      gnuLongName('name'),
      paxHeader({ uid: '7' }),
      gnuLongLink('target'),
      symlink('s', 't'),
      symlink('s2', 't2'),
    );
    const got = scanAll(tar).entries.map((entry) => [text(entry.path), text(entry.linkTarget), entry.uid]);
    expect(got).toEqual([
      ['name', 'target', 7],
      ['s2', 't2', 0],
    ]);
  });

  test('a global header changes nothing, before or between', () => {
    const globals = paxGlobal({
      path: 'evil',
      uid: '66',
      size: '99',
      mtime: '1',
      'SCHILY.xattr.user.a': 'v',
    });
    const plain = tarOf(paxHeader({ gid: '5' }), file('a', 'x'), file('b', 'y'));
    const mixed = tarOf(
      globals,
      paxHeader({ gid: '5' }),
      globals,
      file('a', 'x'),
      globals,
      file('b', 'y'),
      globals,
    );
    const facts = (tar: Uint8Array) =>
      scanAll(tar).entries.map(({ dataOffset, ...rest }) => ({ ...rest, first: tar[dataOffset] }));
    expect(facts(mixed)).toEqual(facts(plain));
    expect(scanAll(mixed).warnings).toEqual([]);
  });

  test('a global header of any size or content is read past', () => {
    const large = 3 * 1024 * 1024;
    const junk = headerBlock({ name: 'g', type: 'g', size: large });
    expect(scanAll(tarOf(junk, Buffer.alloc(large, 'junk'), file('a'))).entries).toHaveLength(1);
  });
});
