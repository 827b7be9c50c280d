import { expect, it } from 'vitest';
import * as tar from '../support/tar.js';
import { block, char, dir, fifo, file, hardlink, type Member, raw, symlink } from './members.js';
import { playCases } from './play.js';

/**
 * Rules E1 to E8: types, numbers, extension headers. Each case's last member proves that all before
 * it was read whole.
 */
const REFUSED = 'umoci refuses such archives';

const LAST = file('last', 'last');
/** A member out of a header block as it stands, and its data. */
const made = (path: string, fields: tar.HeaderFields, data: tar.Bytes = '', size?: number): Member =>
  raw((root) => {
    const name = `${root}/${path}`;
    return Buffer.concat([
      tar.headerBlock({ name, mode: 0o644, size: size ?? Buffer.from(data).length, ...fields }),
      tar.raw(data),
    ]);
  });
const pax = (records: (root: string) => tar.Records): Member => raw((root) => tar.paxHeader(records(root)));
const paxOf = (records: tar.Records): Member => pax(() => records);
const longName = (path: string): Member => raw((root) => tar.gnuLongName(`${root}/${path}`));
const longLink = (target: string): Member => raw(() => tar.gnuLongLink(target));
/** Headers as the content of a file. */
const SMUGGLED = Buffer.concat([tar.file('smuggled', 'evil'), tar.file('smuggled-too', 'evil')]);
/** As find prints them: the whole seconds below, then the nanoseconds above those. */
const seconds = (text: string) => ({ mtime: text, atime: text, ctime: text });
const sparseTime = '1500000000.0000000000';

const scene = playCases({
  'every type': {
    layers: [
      [
        made('zero', { type: '0' }, 'zero'),
        made('nul', { type: '\0' }, 'nul'),
        symlink('link', 'zero'),
        char('char', 1, 3, { mode: 0o666 }),
        block('block', 8, 17),
        dir('dir', { mode: 0o1777 }),
        fifo('fifo', { mode: 0o640 }),
        hardlink('hard', 'nul'),
        LAST,
      ],
    ],
    tree: {
      zero: '=zero',
      nul: '=nul',
      link: '-> zero',
      char: 'char 1:3',
      block: 'block 8:11',
      dir: 'dir',
      fifo: 'fifo',
      hard: '=nul',
      last: '=last',
    },
    groups: [['hard', 'nul']],
    attributes: {
      link: { mode: '777', size: '4' },
      char: { mode: '666', size: '0' },
      dir: { mode: '1777' },
      fifo: { mode: '640' },
    },
  },
  'type 7 is a file': {
    layers: [[made('seven', { type: '7' }, 'seven'), LAST]],
    tree: { seven: '=seven', last: '=last' },
    notUmoci: REFUSED,
  },
  'a v7 name that ends in a slash is a directory': {
    layers: [
      [
        made('v7/', { type: '\0', magic: tar.MAGIC.v7, mode: 0o755 }),
        made('v7/f', { type: '\0', magic: tar.MAGIC.v7 }, 'f'),
        made('sized/', { type: '\0', magic: tar.MAGIC.v7, mode: 0o755 }, '', 700),
        LAST,
      ],
    ],
    tree: { v7: 'dir', 'v7/f': '=f', sized: 'dir', last: '=last' },
  },
  'unknown types are skipped, with their data': {
    layers: [
      [
        ...['V', 'M', 'D', 'N', 'A', 'Z', '8', 'z', 'E', 'I', '\xff'].map((type, at) =>
          made(`skip-${at}`, { type }, 'x'.repeat(600)),
        ),
        LAST,
      ],
    ],
    tree: { last: '=last' },
    warns: Array.from({ length: 11 }, (_, at) => `skip-${at}`),
    notUmoci: REFUSED,
  },
  'an extension header is for the unknown member after it only': {
    layers: [[paxOf({ uid: '77', mtime: '5' }), made('skip', { type: 'Z' }, 'x'), LAST]],
    tree: { last: '=last' },
    attributes: { last: { uid: '0', mtime: sparseTime } },
    warns: ['skip'],
    notUmoci: REFUSED,
  },
  'links, directories, devices and fifos carry no data whatever their size says': {
    layers: [
      [
        file('f', 'f'),
        made('l', { type: '2', linkName: 'f', mode: 0o777 }, '', 5000),
        raw((root) => tar.headerBlock({ type: '1', name: `${root}/h`, linkName: `${root}/f`, size: 5000 })),
        made('d', { type: '5', mode: 0o755 }, '', 5000),
        made('c', { type: '3', major: 1, minor: 2 }, '', 5000),
        made('b', { type: '4', major: 1, minor: 2 }, '', 5000),
        made('p', { type: '6' }, '', 5000),
        paxOf({ size: '1234' }),
        dir('d2'),
        paxOf({ size: '1234' }),
        symlink('l2', 'f'),
        LAST,
      ],
    ],
    tree: {
      f: '=f',
      l: '-> f',
      h: '=f',
      d: 'dir',
      c: 'char 1:2',
      b: 'block 1:2',
      p: 'fifo',
      d2: 'dir',
      l2: '-> f',
      last: '=last',
    },
    groups: [['f', 'h']],
    attributes: { l: { size: '1' }, c: { size: '0' }, p: { size: '0' } },
  },
  'devices as large as Linux has them': {
    layers: [[char('c', 4095, 1048575), block('b', 0, 0), char('w', 0, 0), char('e', 259, 256)]],
    tree: { c: 'char fff:fffff', b: 'block 0:0', w: 'char 0:0', e: 'char 103:100' },
  },

  // names in headers
  'fields that are full, without a NUL': {
    layers: [
      [
        dir('p'.repeat(100)),
        raw((root) => {
          const prefix = root + '/'.repeat(55 - root.length) + 'p'.repeat(100); // 155 bytes
          return tar.file('', 'full', { header: { name: 'n'.repeat(100), prefix } });
        }),
        symlink('l', 't'.repeat(100)),
      ],
    ],
    tree: {
      ['p'.repeat(100)]: 'dir',
      [`${'p'.repeat(100)}/${'n'.repeat(100)}`]: '=full',
      l: `-> ${'t'.repeat(100)}`,
    },
  },
  'a prefix is one of ustar only': {
    layers: [
      [
        dir('p'),
        raw((root) => tar.file('', '1', { header: { name: 'ustar', prefix: `${root}/p` } })),
        made('v7', { magic: tar.MAGIC.v7, prefix: 'no' }, '3'),
        // The times that GNU tar --incremental puts there.
        made('gnu-times', { magic: tar.MAGIC.gnu, prefix: '14253643532\x0014253643532' }, '4'),
      ],
    ],
    tree: { p: 'dir', 'p/ustar': '=1', v7: '=3', 'gnu-times': '=4' },
  },
  'a prefix with GNU magic is none': {
    layers: [[made('gnu', { magic: tar.MAGIC.gnu, prefix: 'no' }, '2')]],
    tree: { gnu: '=2' },
    notUmoci: 'Go reads what its own writer once wrote by mistake',
  },
  'a prefix of star ends after 131 bytes': {
    layers: [
      [
        dir('p'.repeat(80)),
        raw((root) => {
          const prefix = root + '/'.repeat(51 - root.length) + 'p'.repeat(80); // 131 bytes
          const patches = [
            { at: 476, bytes: '13107710140\x00' },
            { at: 488, bytes: '13107710140\x00' },
            { at: 508, bytes: 'tar\0' },
          ];
          return tar.file('', 'star', { header: { name: 'n', prefix, patches } });
        }),
      ],
    ],
    tree: { ['p'.repeat(80)]: 'dir', [`${'p'.repeat(80)}/n`]: '=star' },
  },
  'long names and targets, by GNU and by PAX': {
    layers: [
      [
        dir('d'),
        longName(`d/${'l'.repeat(200)}`),
        made('cut', { magic: tar.MAGIC.gnu }, 'L'),
        longLink('k'.repeat(300)),
        longName('d/both'),
        made('cut', { magic: tar.MAGIC.gnu, type: '2', linkName: 'cut', mode: 0o777 }),
        file(`d/${'x'.repeat(201)}`, 'x'),
        symlink('d/pax-target', 'y'.repeat(301)),
        LAST,
      ],
    ],
    tree: {
      d: 'dir',
      [`d/${'l'.repeat(200)}`]: '=L',
      'd/both': `-> ${'k'.repeat(300)}`,
      [`d/${'x'.repeat(201)}`]: '=x',
      'd/pax-target': `-> ${'y'.repeat(301)}`,
      last: '=last',
    },
  },
  'a long name that is a directory, a hard link, a v7 directory': {
    layers: [
      [
        longName('dir/'),
        made('cut', { magic: tar.MAGIC.gnu, type: '5', mode: 0o700 }),
        longName('dir/f'),
        made('cut', { magic: tar.MAGIC.gnu }, 'f'),
        raw((root) => tar.gnuLongLink(`${root}/dir/f`)),
        longName('dir/h'),
        made('cut', { magic: tar.MAGIC.gnu, type: '1', linkName: 'cut' }),
      ],
    ],
    tree: { dir: 'dir', 'dir/f': '=f', 'dir/h': '=f' },
    groups: [['dir/f', 'dir/h']],
    attributes: { dir: { mode: '700' } },
  },

  // which of several extension headers counts
  'of two long names the last counts': {
    layers: [
      [
        longName('first'),
        longName('second'),
        file('cut', 'x'),
        longLink('one'),
        longLink('two'),
        symlink('l', 'cut'),
        LAST,
      ],
    ],
    tree: { second: '=x', l: '-> two', last: '=last' },
  },
  'of two PAX headers the last counts, and only it': {
    layers: [
      [
        pax((root) => ({ path: `${root}/first`, uid: '5', size: '1', 'SCHILY.xattr.user.a': '1' })),
        pax((root) => ({ path: `${root}/second`, gid: '6' })),
        file('cut', 'xyz'),
        LAST,
      ],
    ],
    tree: { second: '=xyz', last: '=last' },
    attributes: { second: { uid: '0', gid: '6', xattrs: '' } },
  },
  'PAX headers are for one member': {
    layers: [
      [
        pax((root) => ({
          path: `${root}/named`,
          uid: '5',
          gid: '6',
          mtime: '7.5',
          size: '3',
          'SCHILY.xattr.user.a': '1',
        })),
        file('cut', 'abc'),
        file('next', 'next'),
        LAST,
      ],
    ],
    tree: { named: '=abc', next: '=next', last: '=last' },
    attributes: {
      named: { uid: '5', gid: '6', mtime: '7.5000000000', xattrs: 'user.a=0x31' },
      next: { uid: '0', gid: '0', mtime: sparseTime, xattrs: '' },
    },
  },
  'a GNU long name beats a PAX path, in either order': {
    layers: [
      [
        pax((root) => ({ path: `${root}/pax-1` })),
        longName('gnu-1'),
        file('cut', '1'),
        longName('gnu-2'),
        pax((root) => ({ path: `${root}/pax-2` })),
        file('cut', '2'),
        LAST,
      ],
    ],
    tree: { 'gnu-1': '=1', 'gnu-2': '=2', last: '=last' },
  },
  'a global header changes nothing': {
    layers: [
      [
        raw((root) =>
          tar.paxGlobal({
            path: `${root}/global`,
            uid: '5',
            size: '2',
            mtime: '1',
            'SCHILY.xattr.user.g': '1',
            comment: 'a commit',
          }),
        ),
        file('f', 'content'),
        paxOf({ uid: '7' }),
        raw(() => tar.paxGlobal({ uid: '6' })),
        file('g', 'g'),
        LAST,
      ],
    ],
    tree: { f: '=content', g: '=g', last: '=last' },
    attributes: { f: { uid: '0', mtime: sparseTime, xattrs: '' } },
    notUmoci: 'Go passes global headers on, umoci fails on them',
  },

  // sizes
  'a PAX size beats the header’s': {
    layers: [
      [
        paxOf({ size: '700' }),
        made('larger', {}, 'y'.repeat(700), 3),
        paxOf({ size: '3' }),
        made('smaller', {}, 'abc', 0),
        paxOf({ size: '0' }),
        made('none', {}, '', 1000),
        LAST,
      ],
    ],
    tree: { larger: `=${'y'.repeat(700)}`, smaller: '=abc', none: '=', last: '=last' },
    attributes: { larger: { size: '700' } },
  },
  'a PAX size is not for the extension headers in between': {
    layers: [
      [
        // CVE-2025-62518: applied to the long name, it would make a reader parse the file's content
        // as headers
        paxOf({ size: `${SMUGGLED.length}` }),
        longName('named'),
        raw(() => Buffer.concat([tar.headerBlock({ name: 'cut', size: 0, mode: 0o644 }), SMUGGLED])),
        paxOf({ size: '512' }),
        longLink('target'),
        raw((root) => Buffer.concat([tar.symlink(`${root}/l`, 'cut')])),
        paxOf({ size: '1024' }),
        raw(() => tar.paxGlobal({ comment: 'x'.repeat(300) })),
        made('after-global', {}, 'z'.repeat(1024), 0),
        LAST,
      ],
    ],
    tree: {
      named: `=${SMUGGLED.toString('latin1')}`,
      l: '-> target',
      'after-global': `=${'z'.repeat(1024)}`,
      last: '=last',
    },
    notUmoci: 'Go passes global headers on, umoci fails on them',
  },
  'a PAX size on a hard link has no data': {
    layers: [[file('f', 'f'), paxOf({ size: '5000' }), hardlink('h', 'f'), LAST]],
    tree: { f: '=f', h: '=f', last: '=last' },
    groups: [['f', 'h']],
  },
  'sizes at the borders of a block': {
    layers: [
      [...[0, 1, 511, 512, 513, 1023, 1024, 1025].map((size) => file(`s${size}`, 'x'.repeat(size))), LAST],
    ],
    tree: {
      ...Object.fromEntries(
        [0, 1, 511, 512, 513, 1023, 1024, 1025].map((size) => [`s${size}`, `=${'x'.repeat(size)}`]),
      ),
      last: '=last',
    },
    attributes: {
      s0: { size: '0', blocks512: '0' },
      s1: { size: '1', blocks512: '1' },
      s512: { size: '512', blocks512: '1' },
      s513: { size: '513', blocks512: '2' },
    },
  },

  // numbers
  'octal, in every dress': {
    layers: [
      [
        made('spaces', { uid: Buffer.from('   755 \0'), mtime: Buffer.from('        100 ') }),
        made('full', { uid: Buffer.from('00001755'), mtime: Buffer.from('000000000100') }),
        made('short', { uid: Buffer.from('7\0\0\0\0\0\0\0'), mtime: Buffer.from('1\0garbage...') }),
        made('blank', { uid: Buffer.alloc(8), gid: Buffer.from('        '), mtime: Buffer.alloc(12) }),
        made('type-bits', { mode: 0o104755 }),
        made('far', { mtime: Buffer.from('77777777777\0') }),
      ],
    ],
    tree: { spaces: '=', full: '=', short: '=', blank: '=', 'type-bits': '=', far: '=' },
    attributes: {
      spaces: { uid: '493', ...seconds('64.0000000000') },
      full: { uid: '1005', ...seconds('64.0000000000') },
      short: { uid: '7', ...seconds('1.0000000000') },
      blank: { uid: '0', gid: '0', ...seconds('0.0000000000') },
      'type-bits': { mode: '4755' },
      far: seconds('8589934591.0000000000'),
    },
  },
  'base-256, negative too': {
    layers: [
      [
        made('big', {
          uid: tar.base256(4294967294, 8),
          gid: tar.base256(2097152, 8),
          mtime: tar.base256(8589934592, 12),
        }),
        made('negative', { mtime: tar.base256(-1, 12) }),
        made('small', { uid: tar.base256(7, 8), mtime: tar.base256(0, 12), mode: tar.base256(0o640, 8) }),
        made('sized', { size: tar.base256(5, 12) }, 'five!'),
        LAST,
      ],
    ],
    tree: { big: '=', negative: '=', small: '=', sized: '=five!', last: '=last' },
    attributes: {
      big: { uid: '4294967294', gid: '2097152', ...seconds('8589934592.0000000000') },
      negative: seconds('-1.0000000000'),
      small: { uid: '7', mode: '640', ...seconds('0.0000000000') },
    },
  },
  'base-256 times before 1901 and in 9999': {
    layers: [
      [
        made('before', { mtime: tar.base256(-2208988800, 12) }),
        made('far', { mtime: tar.base256(253402300799, 12) }),
      ],
    ],
    tree: { before: '=', far: '=' },
    attributes: { before: seconds('-2208988800.0000000000'), far: seconds('253402300799.0000000000') },
    notUmoci: 'the file systems below umoci end in 2446',
  },
  'PAX numbers': {
    layers: [
      [
        paxOf({ uid: '4294967294', gid: '2097152' }),
        file('owners'),
        ...[
          ['a', '-1.5'],
          ['b', '-0.000000001'],
          ['c', '0.999999999'],
          ['d', '1.0000000019'],
          ['e', '4294967296.5'],
          ['f', '8589934592'],
          ['g', '-62135596800'],
          ['h', '253402300799.999999999'],
          ['i', '12.'],
          ['j', '-86400.000000001'],
        ].flatMap(([name, mtime]) => [paxOf({ mtime: mtime! }), file(name!)]),
        paxOf({ atime: '5', ctime: '6', mtime: '7' }),
        file('times'),
      ],
    ],
    tree: Object.fromEntries(['owners', ...'abcdefghij', 'times'].map((name) => [name, '='])),
    attributes: {
      owners: { uid: '4294967294', gid: '2097152' },
      a: seconds('-2.5000000000'),
      b: seconds('-1.9999999990'),
      c: seconds('0.9999999990'),
      d: seconds('1.0000000010'),
      e: seconds('4294967296.5000000000'),
      f: seconds('8589934592.0000000000'),
      g: seconds('-62135596800.0000000000'),
      h: seconds('253402300799.9999999990'),
      i: seconds('12.0000000000'),
      j: seconds('-86401.9999999990'),
      times: seconds('7.0000000000'),
    },
    notUmoci: 'the file systems below umoci end in 2446',
  },

  // PAX records
  'a record with an empty value removes its key': {
    layers: [
      [
        pax((root) => [
          ['path', `${root}/wrong`],
          ['path', ''],
          ['size', '9'],
          ['size', ''],
          ['mtime', ''],
          ['uid', '5'],
          ['uid', ''],
          ['gid', ''],
          ['SCHILY.xattr.user.a', '1'],
          ['SCHILY.xattr.user.a', ''],
          ['SCHILY.xattr.user.b', ''],
          ['SCHILY.xattr.user.c', 'c'],
        ]),
        file('f', 'content', { gid: 3 }),
        paxOf({ linkpath: '' }),
        symlink('l', 'target'),
        LAST,
      ],
    ],
    tree: { f: '=content', l: '-> target', last: '=last' },
    attributes: { f: { uid: '0', gid: '3', mtime: sparseTime, xattrs: 'user.c=0x63' } },
  },
  'of a record that comes twice the last counts': {
    layers: [
      [
        pax((root) => [
          ['path', `${root}/first`],
          ['uid', '1'],
          ['path', `${root}/second`],
          ['uid', '2'],
          ['SCHILY.xattr.user.a', '1'],
          ['SCHILY.xattr.user.a', '2'],
        ]),
        file('cut', 'x'),
      ],
    ],
    tree: { second: '=x' },
    attributes: { second: { uid: '2', xattrs: 'user.a=0x32' } },
  },
  'xattrs are bytes': {
    layers: [
      [
        file('f', 'f', {
          xattrs: {
            'security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex'),
            'user.binary': Buffer.from([0, 255, 10, 61, 0]),
            'user.text': 'a=b\n12 path=evil\n',
            'trusted.t': '1',
          },
        }),
        dir('d', { xattrs: { 'user.d': 'd' } }),
        symlink('l', 'f', { xattrs: { 'trusted.l': 'l' } }),
        fifo('p', { xattrs: { 'trusted.p': 'p' } }),
      ],
    ],
    tree: { f: '=f', d: 'dir', l: '-> f', p: 'fifo' },
    attributes: {
      f: {
        xattrs: [
          'security.capability=0x0100000200200000000000000000000000000000',
          'trusted.t=0x31',
          'user.binary=0x00ff0a3d00',
          `user.text=0x${Buffer.from('a=b\n12 path=evil\n').toString('hex')}`,
        ].join('\n'),
      },
      d: { xattrs: 'user.d=0x64' },
      l: { xattrs: 'trusted.l=0x6c' },
      p: { xattrs: 'trusted.p=0x70' },
    },
  },
  'a value of 64 KiB, the kernel’s limit': {
    layers: [[file('f', 'f', { xattrs: { 'user.long': 'v'.repeat(65536) } })]],
    tree: { f: '=f' },
    attributes: { f: { xattrs: `user.long=0x${'76'.repeat(65536)}` } },
    notUmoci: 'the file systems below umoci have no room',
  },
  'xattrs that Linux cannot carry are not listed': {
    layers: [
      [
        file('f', 'f', {
          xattrs: [
            ['', 'nameless'],
            [`user.${'n'.repeat(251)}`, 'a name of 256 bytes'],
            [`user.${'n'.repeat(250)}`, 'of 255'],
            ['user.large', 'v'.repeat(65537)],
            ['user.ok', '1'],
          ],
        }),
      ],
    ],
    tree: { f: '=f' },
    attributes: {
      f: { xattrs: `user.${'n'.repeat(250)}=0x${Buffer.from('of 255').toString('hex')}\nuser.ok=0x31` },
    },
    notUmoci: 'no file system below umoci holds them',
  },
  'records that have no effect': {
    layers: [
      [
        paxOf({
          comment: 'x',
          uname: 'somebody',
          gname: 'some group',
          charset: 'ISO-IR 10646 2000 UTF-8',
          hdrcharset: 'BINARY',
          'SCHILY.dev': '7',
          'SCHILY.ino': '8',
          'SCHILY.nlink': '9',
          'SCHILY.realsize': '77',
          'LIBARCHIVE.creationtime': '5',
          'APPLE.x': 'y',
          'GNU.sparse.name': 'not sparse: no map, no version',
        }),
        file('f', 'f'),
      ],
    ],
    tree: { f: '=f' },
    attributes: { f: { nlink: '1', size: '1' } },
  },
  'PAX names of any bytes': {
    layers: [
      [
        raw((root) =>
          Buffer.concat([
            tar.paxHeader({
              path: Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe, 0x3d, 0x0a])]),
            }),
            tar.file('cut', 'x'),
          ]),
        ),
        raw((root) =>
          Buffer.concat([
            tar.paxHeader({ linkpath: Buffer.from([0xc3, 0x28, 0x0a, 0x80]) }),
            tar.symlink(`${root}/l`, 'cut'),
          ]),
        ),
      ],
    ],
    tree: { '\xff\xfe=\n': '=x', l: '-> \xc3\x28\n\x80' },
  },
  'a checksum of signed bytes': {
    layers: [
      [
        raw((root) => {
          const block = tar.headerBlock({ name: `${root}/\u00ff`, mode: 0o644 });
          const sum = block.reduce(
            (total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte > 127 ? byte - 256 : byte),
            0,
          );
          return tar.sealed(block, Buffer.from(`${tar.octal(sum, 7)}\0 `));
        }),
      ],
    ],
    tree: { '\xc3\xbf': '=' },
  },
});

it('nothing smuggled is there', () => {
  expect([...scene.listing.keys()].filter((path) => path.includes('smuggled'))).toEqual([]);
});
