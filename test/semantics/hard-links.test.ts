import * as tar from '../support/tar.js';
import { block, dir, fifo, file, hardlink, opaque, raw, symlink, whiteout } from './members.js';
import { playCases } from './play.js';

/** Rule O7: one inode under several names. */
const SKIPS = 'umoci fails on such links';

playCases({
  'a link in the layer of its target': {
    layers: [
      [file('a', 'text', { mode: 0o640, uid: 5, mtime: 77, xattrs: { 'user.k': 'v' } }), hardlink('b', 'a')],
    ],
    tree: { a: '=text', b: '=text' },
    groups: [['a', 'b']],
    attributes: {
      a: { nlink: '2' },
      b: { nlink: '2', mode: '640', uid: '5', mtime: '77.0000000000', xattrs: 'user.k=0x76', size: '4' },
    },
  },
  'a link whose header says other attributes': {
    layers: [
      [
        file('a', 'text', { mode: 0o640, uid: 5 }),
        hardlink('b', 'a', { mode: 0o777, uid: 6, xattrs: { 'user.k': 'v' }, header: { size: 512 } }),
        file('c', 'c'),
      ],
    ],
    tree: { a: '=text', b: '=text', c: '=c' },
    groups: [['a', 'b']],
    attributes: { a: { mode: '640', uid: '5', xattrs: '' } },
  },
  'links to links': {
    layers: [[dir('d'), file('a', 'a'), hardlink('b', 'a'), hardlink('d/c', 'b'), hardlink('d/d', 'd/c')]],
    tree: { d: 'dir', a: '=a', b: '=a', 'd/c': '=a', 'd/d': '=a' },
    groups: [['a', 'b', 'd/c', 'd/d']],
    attributes: { a: { nlink: '4' } },
  },
  'a link into a lower layer': {
    layers: [[file('a', 'a')], [], [hardlink('b', 'a')]],
    tree: { a: '=a', b: '=a' },
    groups: [['a', 'b']],
    attributes: { b: { nlink: '2' } },
  },
  'a link into a lower layer, its target replaced above': {
    layers: [[file('a', 'old')], [hardlink('b', 'a')], [file('a', 'new')]],
    tree: { a: '=new', b: '=old' },
    attributes: { a: { nlink: '1' }, b: { nlink: '1' } },
  },
  'a link into a lower layer, its target replaced later in its own layer': {
    layers: [[file('a', 'old')], [hardlink('b', 'a'), file('a', 'new'), hardlink('c', 'a')]],
    tree: { a: '=new', b: '=old', c: '=new' },
    groups: [['a', 'c']],
    attributes: { b: { nlink: '1' } },
  },
  'the target was replaced before in the same layer': {
    layers: [[file('a', 'old')], [file('a', 'new'), hardlink('b', 'a')]],
    tree: { a: '=new', b: '=new' },
    groups: [['a', 'b']],
  },
  'the target is written twice around the link': {
    layers: [[file('a', 'first'), hardlink('b', 'a'), file('a', 'second')]],
    tree: { a: '=second', b: '=first' },
    attributes: { a: { nlink: '1' }, b: { nlink: '1' } },
  },
  'a chain whose middle is replaced': {
    layers: [[file('a', 'a'), hardlink('b', 'a'), hardlink('c', 'b'), file('b', 'new')]],
    tree: { a: '=a', b: '=new', c: '=a' },
    groups: [['a', 'c']],
  },
  'deleting names of a group, one a layer': {
    layers: [
      [file('a', 'a'), hardlink('b', 'a'), hardlink('c', 'a'), hardlink('d', 'a')],
      [whiteout('a')],
      [whiteout('c')],
    ],
    tree: { b: '=a', d: '=a' },
    groups: [['b', 'd']],
    attributes: { b: { nlink: '2' } },
  },
  'a group across directories, one of them hidden': {
    layers: [[dir('d'), file('d/a', 'a'), hardlink('b', 'd/a'), hardlink('c', 'd/a')], [opaque('d')]],
    tree: { d: 'dir', b: '=a', c: '=a' },
    groups: [['b', 'c']],
  },
  'a name that moves to another group': {
    layers: [[file('a', 'a'), hardlink('x', 'a'), file('b', 'b')], [hardlink('x', 'b')]],
    tree: { a: '=a', b: '=b', x: '=b' },
    groups: [['b', 'x']],
    attributes: { a: { nlink: '1' } },
  },
  'a link over its own target’s other name': {
    layers: [[file('a', 'a'), hardlink('b', 'a')], [hardlink('b', 'a')], [hardlink('a', 'b')]],
    tree: { a: '=a', b: '=a' },
    groups: [['a', 'b']],
    attributes: { a: { nlink: '2' } },
  },
  'a link to a symlink, a fifo, a device': {
    layers: [
      [
        file('f', 'f'),
        symlink('s', 'f'),
        hardlink('s2', 's'),
        symlink('gone', 'nowhere'),
        hardlink('gone2', 'gone'),
        fifo('p'),
        hardlink('p2', 'p'),
        block('k', 7, 9),
        hardlink('k2', 'k'),
      ],
    ],
    tree: {
      f: '=f',
      s: '-> f',
      s2: '-> f',
      gone: '-> nowhere',
      gone2: '-> nowhere',
      p: 'fifo',
      p2: 'fifo',
      k: 'block 7:9',
      k2: 'block 7:9',
    },
    groups: [
      ['s', 's2'],
      ['gone', 'gone2'],
      ['p', 'p2'],
      ['k', 'k2'],
    ],
  },
  'targets that are cleaned': {
    layers: [
      [
        dir('d'),
        file('a', 'a'),
        hardlink('1', './a'),
        hardlink('2', 'd/../a'),
        hardlink('3', 'd//.././/a/'),
        hardlink('4', (root) => `/${root}/a`),
        hardlink('5', (root) => `../../${root}/a`),
        hardlink('6', (root) => `/../${root}/d/../../${root}/a`),
        raw((root) => tar.hardlink(`./${root}//7`, `./${root}/a`)),
      ],
    ],
    tree: { d: 'dir', a: '=a', 1: '=a', 2: '=a', 3: '=a', 4: '=a', 5: '=a', 6: '=a', 7: '=a' },
    groups: [['1', '2', '3', '4', '5', '6', '7', 'a']],
    attributes: { a: { nlink: '8' } },
  },
  'symlinked parents of a target are followed, its last component is not': {
    layers: [
      [
        dir('t'),
        file('t/f', 'f'),
        symlink('t/s', 'f'),
        symlink('way', 't'),
        symlink('abs', (root) => `/${root}/t`),
        symlink('up', (root) => `../../../${root}/t`),
        hardlink('1', 'way/f'),
        hardlink('2', 'abs/f'),
        hardlink('3', 'up/f'),
        hardlink('4', 'way/s'),
      ],
    ],
    tree: {
      t: 'dir',
      't/f': '=f',
      't/s': '-> f',
      way: '-> t',
      abs: '-> /$/t',
      up: '-> ../../../$/t',
      1: '=f',
      2: '=f',
      3: '=f',
      4: '-> f',
    },
    groups: [
      ['1', '2', '3', 't/f'],
      ['4', 't/s'],
    ],
  },
  'symlinked parents of a target in a lower layer': {
    layers: [[dir('t'), file('t/f', 'f'), symlink('way', 't')], [hardlink('l', 'way/f')]],
    tree: { t: 'dir', 't/f': '=f', way: '-> t', l: '=f' },
    groups: [['l', 't/f']],
  },
  'a link to nothing, to a directory, to itself, in a cycle, through a file, through a loop': {
    layers: [
      [
        dir('d'),
        file('f', 'f'),
        symlink('loop', 'loop'),
        hardlink('nothing', 'none'),
        hardlink('directory', 'd'),
        hardlink('itself', 'itself'),
        hardlink('one', 'two'),
        hardlink('two', 'one'),
        hardlink('through-file', 'f/x'),
        hardlink('through-loop', 'loop/x'),
        hardlink('root', () => '/'),
        hardlink('empty', () => ''),
        file('last', 'last'),
      ],
    ],
    tree: { d: 'dir', f: '=f', loop: '-> loop', last: '=last' },
    warns: ['nothing', 'directory', 'itself', 'one', 'two', 'through-file', 'through-loop', 'root', 'empty'],
    notUmoci: SKIPS,
  },
  'a link whose target comes only later': {
    layers: [[hardlink('early', 'f'), file('f', 'f'), hardlink('late', 'f')]],
    tree: { f: '=f', late: '=f' },
    groups: [['f', 'late']],
    warns: ['early'],
    notUmoci: SKIPS,
  },
  'a link to what its own layer hides': {
    layers: [[file('a', 'a')], [hardlink('b', 'a'), whiteout('a')]],
    tree: {},
    warns: ['b'],
    notUmoci: 'takes markers in the order of the layer',
  },
  'a skipped link leaves what the lower layer had': {
    layers: [[file('a', 'a')], [hardlink('a', 'none')]],
    tree: { a: '=a' },
    warns: ['a'],
    notUmoci: SKIPS,
  },
  'a link to itself that a lower layer has': {
    layers: [[file('a', 'a')], [hardlink('a', 'a')]],
    tree: { a: '=a' },
    warns: ['a'],
    notUmoci: SKIPS,
  },
  'a link below its own target': {
    layers: [[file('a', 'a'), hardlink('a/b', 'a')]],
    tree: { a: 'dir', 'a/b': '=a' },
    notUmoci: 'rule 5',
  },
  'a link over the directory that holds its target': {
    layers: [[dir('d'), file('d/f', 'f'), hardlink('d', 'd/f')]],
    tree: { d: '=f' },
    attributes: { d: { nlink: '1' } },
    notUmoci: 'removes the directory first',
  },
  'a replaced link is its own file': {
    layers: [[file('a', 'a'), hardlink('b', 'a')], [file('b', 'b', { mode: 0o600 })]],
    tree: { a: '=a', b: '=b' },
    attributes: { a: { nlink: '1', mode: '644' }, b: { nlink: '1', mode: '600' } },
  },
  'a directory takes the place of one name': {
    layers: [
      [file('a', 'a'), hardlink('b', 'a')],
      [dir('a'), file('a/x', 'x')],
    ],
    tree: { a: 'dir', 'a/x': '=x', b: '=a' },
    attributes: { b: { nlink: '1' } },
  },
  'a long target, by PAX and by GNU': {
    layers: [
      [
        dir('d'.repeat(120)),
        file(`${'d'.repeat(120)}/${'f'.repeat(120)}`, 'long'),
        hardlink('pax', `${'d'.repeat(120)}/${'f'.repeat(120)}`),
        raw((root) =>
          Buffer.concat([
            tar.gnuLongLink(`${root}/${'d'.repeat(120)}/${'f'.repeat(120)}`),
            tar.hardlink(`${root}/gnu`, 'cut'),
          ]),
        ),
      ],
    ],
    tree: {
      ['d'.repeat(120)]: 'dir',
      [`${'d'.repeat(120)}/${'f'.repeat(120)}`]: '=long',
      pax: '=long',
      gnu: '=long',
    },
    groups: [[`${'d'.repeat(120)}/${'f'.repeat(120)}`, 'gnu', 'pax']],
  },
});
