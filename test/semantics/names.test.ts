import { expect, it } from 'vitest';
import * as tar from '../support/tar.js';
import { dir, fifo, file, hardlink, opaque, raw, symlink, whiteout } from './members.js';
import { playCases } from './play.js';

/** Rules O6 and O8: names as they are cleaned, hidden, refused; and bytes as they are. */
const REFUSED = 'umoci refuses or makes files of such names';
const IMPLIED = 'implied parents';

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const latin1 = (value: Uint8Array) => Buffer.from(value).toString('latin1');
const given = (path: (root: string) => string) => path;

const N255 = 'n'.repeat(255);
const N256 = 'n'.repeat(256);
const NOT_UTF8 = bytes('x', [0xff, 0xfe, 0x80, 0xc0, 0xaf], 'y');
const LONG_TARGET = `${'t/'.repeat(2047)}t`; // 4095 bytes

const scene = playCases({
  'dots, slashes and .. are cleaned': {
    layers: [
      [
        file(
          given((root) => `./${root}/a`),
          'a',
        ),
        file(
          given((root) => `/${root}/b`),
          'b',
        ),
        file(
          given((root) => `//.//${root}/.//c`),
          'c',
        ),
        file(
          given((root) => `${root}/x/../d`),
          'd',
        ),
        file(
          given((root) => `../../${root}/e`),
          'e',
        ),
        file(
          given((root) => `${root}/../../../${root}/f`),
          'f',
        ),
        file(
          given((root) => `/../${root}/./g/.`),
          'g',
        ),
        file(
          given((root) => `${root}/y/z/../../h`),
          'h',
        ),
        dir(given((root) => `${root}//i//`)),
      ],
    ],
    tree: { a: '=a', b: '=b', c: '=c', d: '=d', e: '=e', f: '=f', g: '=g', h: '=h', i: 'dir' },
  },
  'names with dots that are names': {
    layers: [[file('...', '3'), file('..a', '..a'), file('a..', 'a..'), file('.a.', '.a.'), dir('.../..b')]],
    tree: { '..a': '=..a', 'a..': '=a..', '.a.': '=.a.', '...': 'dir', '.../..b': 'dir' },
    notUmoci: 'rule 5',
  },
  'markers are recognised after cleaning': {
    layers: [
      [file('a', ''), file('b', ''), file('c', ''), dir('d'), file('d/old', ''), file('keep', '')],
      [
        file(given((root) => `./${root}/x/../.wh.a`)),
        file(given((root) => `${root}/.wh.b/`)),
        file(given((root) => `${root}//.//.wh.c`)),
        file(given((root) => `${root}/d/y/.././.wh..wh..opq`)),
        file(
          given((root) => `${root}/.wh.keep/../kept`),
          'kept',
        ),
      ],
    ],
    tree: { d: 'dir', keep: '=', kept: '=kept' },
  },
  'markers create no parents': {
    layers: [[dir('d')], [whiteout('new/a'), opaque('newer'), whiteout('d/e/f/g'), opaque('d/e')]],
    tree: { d: 'dir' },
  },
  'a marker of nothing that could be a name': {
    layers: [
      [dir('d'), file('d/a', 'a'), file('d/...', 'dots')],
      [file('d/.wh.', ''), file('d/.wh..', ''), file('d/.wh...', ''), file('d/last', 'last')],
    ],
    tree: { d: 'dir', 'd/a': '=a', 'd/...': '=dots', 'd/last': '=last' },
    warns: ['d/.wh.', 'd/.wh..', 'd/.wh...'],
    notUmoci: REFUSED,
  },
  'a marker of three dots and of a name with a dot': {
    layers: [
      [file('...', ''), file('.a', ''), file('..a', '')],
      [whiteout('...'), whiteout('.a'), whiteout('..a')],
    ],
    tree: {},
  },
  'names that only look like markers': {
    layers: [
      [
        file('a', 'a'),
        file('.wh', '1'),
        file('foo.wh.bar', '2'),
        file('.WH.a', '3'),
        file('wh.a', '4'),
        file(' .wh.a', '5'),
        file('..wh.a', '6'),
        file('.wh_a', '7'),
        file('.Wh..wh..opq', '8'),
        dir('.wh0'),
      ],
    ],
    tree: {
      a: '=a',
      '.wh': '=1',
      'foo.wh.bar': '=2',
      '.WH.a': '=3',
      'wh.a': '=4',
      ' .wh.a': '=5',
      '..wh.a': '=6',
      '.wh_a': '=7',
      '.Wh..wh..opq': '=8',
      '.wh0': 'dir',
    },
  },
  'a marker of a marker': {
    layers: [
      [file('a', 'a'), file('.wh', 'wh')],
      [whiteout('.wh.a'), whiteout('.wh')],
    ],
    tree: { a: '=a' },
  },
  'aufs metadata is not shown, links into it get their content': {
    layers: [
      [
        dir('.wh..wh.plnk', { mode: 0o700 }),
        file('.wh..wh.plnk/1.2', 'linked', { mode: 0o751 }),
        dir('.wh..wh.orph'),
        file('.wh..wh.aufs', 'x'),
        hardlink('a', '.wh..wh.plnk/1.2'),
        hardlink('b', '.wh..wh.plnk/1.2'),
        fifo('.wh..wh.plnk/3.4'),
        hardlink('p', '.wh..wh.plnk/3.4'),
      ],
    ],
    tree: { a: '=linked', b: '=linked', p: 'fifo' },
    groups: [['a', 'b']],
    attributes: { a: { mode: '751', nlink: '2' }, p: { nlink: '1' } },
    notUmoci: 'aufs metadata',
  },
  'aufs metadata hides nothing': {
    layers: [
      [file('.plnk', 'p'), file('plnk', 'p'), dir('d'), file('d/f', 'f')],
      [dir('.wh..wh.plnk'), file('d/.wh..wh.f', 'f'), file('d/.wh..wh..op', '')],
    ],
    tree: { '.plnk': '=p', plnk: '=p', d: 'dir', 'd/f': '=f' },
  },
  'a component of 255 bytes, and one of 256': {
    layers: [
      [
        file(N255, '255'),
        file(N256, '256'),
        dir(`dir-${'n'.repeat(251)}`),
        file(`dir-${'n'.repeat(251)}/f`, 'f'),
        file(`dir-${'n'.repeat(252)}/f`, 'f'),
        file('é'.repeat(128), '128 characters of two bytes'),
        file('last', 'last'),
      ],
    ],
    tree: {
      [N255]: '=255',
      [`dir-${'n'.repeat(251)}`]: 'dir',
      [`dir-${'n'.repeat(251)}/f`]: '=f',
      last: '=last',
    },
    warns: [`${'n'.repeat(100)}…`, `dir-${'n'.repeat(100)}…`, `${'\\xc3\\xa9'.repeat(30)}…`],
    notUmoci: REFUSED,
  },
  'a whiteout of 251 bytes and of 255': {
    layers: [
      [file('a'.repeat(251), 'a'), file('b'.repeat(255), 'b'), file('c', 'c')],
      [whiteout('a'.repeat(251)), whiteout('b'.repeat(255))],
    ],
    tree: { c: '=c' },
  },
  'a hard link to a name that was skipped': {
    layers: [[file(N256, '256'), hardlink('l', N256), file('last', 'last')]],
    tree: { last: '=last' },
    warns: [`${'n'.repeat(100)}…`, 'l'],
    notUmoci: REFUSED,
  },
  'a NUL in a name': {
    layers: [
      [
        file('pax', 'x', { pax: { path: 'will-not-be-read\0evil' } }),
        raw((root) => tar.file('x', 'x', { pax: { path: `${root}/a\0b` } })),
        file('last', 'last'),
      ],
    ],
    tree: { last: '=last' },
    warns: ['a\\x00b'],
    notUmoci: REFUSED,
  },
  'a header name ends at its first NUL': {
    layers: [[raw((root) => tar.file('', 'x', { header: { name: `${root}/a\0b` } }))]],
    tree: { a: '=x' },
  },
  'bytes as they are': {
    layers: [
      [
        file(NOT_UTF8, 'not UTF-8'),
        symlink('to-bytes', NOT_UTF8),
        hardlink('linked', NOT_UTF8),
        file('new\nline', 'n'),
        file('tab\t"quote"\\', 't'),
        file(' ', 'space'),
        file('-rf', 'dash'),
        file('\x01\x1b[31m', 'control'),
        file('é', 'NFC'),
        file('e\u0301', 'NFD'),
        file('\ud7ff\uffff😀', 'planes'),
        file('A', 'upper'),
        file('a', 'lower'),
        dir(bytes('dir', [0x80])),
        file(bytes('dir', [0x80], '/', [0xfe]), 'deep'),
      ],
    ],
    tree: {
      [latin1(NOT_UTF8)]: '=not UTF-8',
      'to-bytes': `-> ${latin1(NOT_UTF8)}`,
      linked: '=not UTF-8',
      'new\nline': '=n',
      'tab\t"quote"\\': '=t',
      ' ': '=space',
      '-rf': '=dash',
      '\x01\x1b[31m': '=control',
      [latin1(bytes('é'))]: '=NFC',
      [latin1(bytes('e\u0301'))]: '=NFD',
      [latin1(bytes('\ud7ff\uffff😀'))]: '=planes',
      A: '=upper',
      a: '=lower',
      'dir\x80': 'dir',
      'dir\x80/\xfe': '=deep',
    },
    groups: [[latin1(NOT_UTF8), 'linked']],
  },
  'bytes as they are, long': {
    layers: [
      [
        file(bytes('long', new Array(200).fill(0xff)), 'long'),
        symlink('long-target', LONG_TARGET),
        symlink('bytes-target', bytes(new Array(300).fill(0xfe))),
        hardlink('linked', bytes('long', new Array(200).fill(0xff))),
      ],
    ],
    tree: {
      [`long${'\xff'.repeat(200)}`]: '=long',
      'long-target': `-> ${LONG_TARGET}`,
      'bytes-target': `-> ${'\xfe'.repeat(300)}`,
      linked: '=long',
    },
    groups: [['linked', `long${'\xff'.repeat(200)}`]],
  },
  'whiteouts of odd names': {
    layers: [
      [
        file(NOT_UTF8, ''),
        file('new\nline', ''),
        file('__proto__', ''),
        file('constructor', ''),
        file('a', 'a'),
      ],
      [
        file(bytes('.wh.', [...NOT_UTF8])),
        whiteout('new\nline'),
        whiteout('__proto__'),
        whiteout('constructor'),
        whiteout('toString'),
      ],
    ],
    tree: { a: '=a' },
  },
  'names that objects have': {
    layers: [
      [
        dir('__proto__'),
        file('__proto__/__proto__', 'p'),
        file('constructor', 'c'),
        file('hasOwnProperty', 'h'),
        file('toString', 't'),
        hardlink('valueOf', '__proto__/__proto__'),
        file('x', 'x', { xattrs: { 'user.__proto__': 'v', __proto__x: '' } }),
      ],
      [file('__proto__/toString', 't')],
    ],
    tree: {
      // As a computed key: else it would be the object's prototype.
      ['__proto__']: 'dir',
      '__proto__/__proto__': '=p',
      '__proto__/toString': '=t',
      constructor: '=c',
      hasOwnProperty: '=h',
      toString: '=t',
      valueOf: '=p',
      x: '=x',
    },
    groups: [['__proto__/__proto__', 'valueOf']],
    attributes: { '__proto__/__proto__': { nlink: '2' } },
  },
  'overlay’s own attributes are data': {
    layers: [
      [dir('d'), file('d/old', 'old'), file('f', 'f'), dir('r')],
      [
        dir('d', { xattrs: { 'trusted.overlay.opaque': 'y', 'user.overlay.opaque': 'y' } }),
        dir('moved', { xattrs: { 'trusted.overlay.redirect': 'd' } }),
        file('f', 'new', { xattrs: { 'trusted.overlay.metacopy': '', 'trusted.overlay.whiteout': '' } }),
        file('e', 'e', { xattrs: { 'user.overlay.whiteout': 'y' } }),
      ],
    ],
    tree: { d: 'dir', 'd/old': '=old', moved: 'dir', f: '=new', e: '=e', r: 'dir' },
    attributes: {
      d: { xattrs: 'trusted.overlay.opaque=0x79\nuser.overlay.opaque=0x79' },
      moved: { xattrs: 'trusted.overlay.redirect=0x64' },
      e: { xattrs: 'user.overlay.whiteout=0x79' },
    },
    notUmoci: 'leaves trusted.overlay attributes out',
  },
  'a directory entry for the root, others are skipped': {
    layers: [
      [
        raw(() =>
          tar.dir('./', { mode: 0o1711, uid: 11, gid: 12, mtime: 42, xattrs: { 'user.root': 'yes' } }),
        ),
        raw(() => tar.file('.', 'root?')),
        raw(() => tar.symlink('/', 'elsewhere')),
        raw(() => tar.fifo('a/..')),
        file('last', 'last'),
      ],
    ],
    tree: { last: '=last' },
    notUmoci: REFUSED,
  },
  'an empty name is skipped': {
    layers: [[raw(() => tar.file('', 'nameless')), file('last', 'last')]],
    tree: { last: '=last' },
    notUmoci: REFUSED,
  },
  'path components beyond any object’s patience': {
    layers: [[file(`${'d/'.repeat(60)}f`, 'deep')]],
    tree: {
      ...Object.fromEntries(
        Array.from({ length: 60 }, (_, depth) => [
          Array(depth + 1)
            .fill('d')
            .join('/'),
          'dir',
        ]),
      ),
      [`${'d/'.repeat(60)}f`]: '=deep',
    },
    notUmoci: IMPLIED,
  },
});

it('the root has the attributes of its entry', () => {
  const { type, mode, uid, gid, mtime, xattrs } = scene.listing.get('')!;
  expect({ type, mode, uid, gid, mtime, xattrs }).toEqual({
    type: 'd',
    mode: '1711',
    uid: '11',
    gid: '12',
    mtime: '42.0000000000',
    xattrs: 'user.root=0x796573',
  });
});

it('the warnings name what was skipped at the root', () => {
  const quoted = scene.said.split('\n').map((line) => /"((?:[^"\\]|\\.)*)"/.exec(line)?.[1]);
  expect(quoted.filter((name) => name !== undefined && !name.startsWith('case-')).sort()).toEqual([
    '',
    '.',
    '/',
    'a/..',
    'will-not-be-read\\x00evil',
  ]);
});

it('nothing of a marker or of aufs is visible', () => {
  expect([...scene.listing.keys()].filter((path) => /(^|\/)\.wh\./.test(path))).toEqual([]);
});
