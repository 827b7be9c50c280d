import * as tar from '../support/tar.js';
import { char, dir, fifo, file, hardlink, opaque, raw, symlink, whiteout } from './members.js';
import { playCases } from './play.js';

/** Rule O5: entries below symlinks and below what is no directory. */
const RULE_5 = 'rule 5';
const IMPLIED = 'implied parents';

const absolute = (path: string) => (root: string) => `/${root}/${path}`;
const escaping = (path: string) => (root: string) => `../../../../../../${root}/${path}`;

playCases({
  // a lower layer's symlink
  'a file below a symlink of a lower layer': {
    layers: [
      [dir('usr'), dir('usr/lib'), file('usr/lib/old', 'old'), symlink('lib', 'usr/lib')],
      [file('lib/x', 'x')],
    ],
    tree: { usr: 'dir', 'usr/lib': 'dir', 'usr/lib/old': '=old', lib: 'dir', 'lib/x': '=x' },
    attributes: { lib: { mode: '755', uid: '0', gid: '0', mtime: '0.0000000000' } },
    notUmoci: RULE_5,
  },
  'a directory of that name among them': {
    layers: [
      [dir('usr'), symlink('lib', 'usr')],
      [dir('lib', { mode: 0o711 }), file('lib/x', 'x')],
    ],
    tree: { usr: 'dir', lib: 'dir', 'lib/x': '=x' },
    attributes: { lib: { mode: '711' } },
  },
  'the directory entry comes after its children': {
    layers: [
      [dir('usr'), symlink('lib', 'usr')],
      [file('lib/x', 'x'), dir('lib', { mode: 0o711 })],
    ],
    tree: { usr: 'dir', lib: 'dir', 'lib/x': '=x' },
    attributes: { lib: { mode: '711' } },
    notUmoci: RULE_5,
  },
  'a third layer adds to the directory that took the place of a symlink': {
    layers: [[dir('usr'), symlink('lib', 'usr')], [file('lib/x', 'x')], [file('lib/y', 'y')]],
    tree: { usr: 'dir', lib: 'dir', 'lib/x': '=x', 'lib/y': '=y' },
    notUmoci: RULE_5,
  },
  'deep below a symlink of a lower layer, and the symlink is in the middle': {
    layers: [
      [dir('a'), dir('t'), dir('t/sub'), file('t/sub/old', ''), symlink('a/s', '../t')],
      [dir('a'), file('a/s/sub/deep/x', 'x')],
    ],
    tree: {
      a: 'dir',
      'a/s': 'dir',
      'a/s/sub': 'dir',
      'a/s/sub/deep': 'dir',
      'a/s/sub/deep/x': '=x',
      t: 'dir',
      't/sub': 'dir',
      't/sub/old': '=',
    },
    notUmoci: RULE_5,
  },
  'every kind of entry below a symlink of a lower layer': {
    layers: [
      [
        dir('t'),
        file('t/f', 'f'),
        symlink('a', 't'),
        symlink('b', 't'),
        symlink('c', 't'),
        symlink('d', 't'),
      ],
      [symlink('a/x', 'y'), hardlink('b/x', 't/f'), fifo('c/x'), dir('d/x')],
    ],
    tree: {
      t: 'dir',
      't/f': '=f',
      a: 'dir',
      'a/x': '-> y',
      b: 'dir',
      'b/x': '=f',
      c: 'dir',
      'c/x': 'fifo',
      d: 'dir',
      'd/x': 'dir',
    },
    groups: [['b/x', 't/f']],
    notUmoci: RULE_5,
  },
  'a dangling symlink of a lower layer': {
    layers: [[symlink('lib', 'nowhere')], [file('lib/x', 'x')]],
    tree: { lib: 'dir', 'lib/x': '=x' },
    notUmoci: RULE_5,
  },
  'a symlink of a lower layer that loops': {
    layers: [[symlink('a', 'b'), symlink('b', 'a')], [file('a/x', 'x')]],
    tree: { a: 'dir', 'a/x': '=x', b: '-> a' },
    notUmoci: RULE_5,
  },
  'a symlink of a lower layer that the same layer hides': {
    layers: [
      [dir('t'), symlink('s', 't')],
      [file('s/x', 'x'), whiteout('s')],
    ],
    tree: { t: 'dir', s: 'dir', 's/x': '=x' },
    notUmoci: RULE_5,
  },
  'a symlink of a lower layer in a directory that the same layer makes opaque': {
    layers: [
      [dir('d'), dir('t'), symlink('d/s', '../t')],
      [file('d/s/x', 'x'), opaque('d')],
    ],
    tree: { d: 'dir', 'd/s': 'dir', 'd/s/x': '=x', t: 'dir' },
    notUmoci: RULE_5,
  },
  'markers below a symlink of a lower layer hide nothing behind it, and create no parents': {
    layers: [
      [dir('t'), file('t/a', 'a'), file('t/b', 'b'), symlink('s', 't'), symlink('o', 't')],
      [whiteout('s/a'), opaque('o')],
    ],
    tree: { t: 'dir', 't/a': '=a', 't/b': '=b', s: '-> t', o: '-> t' },
    notUmoci: RULE_5,
  },

  // the layer's own symlink
  'a file below a symlink of its own layer': {
    layers: [[dir('usr'), dir('usr/lib'), symlink('lib', 'usr/lib'), file('lib/x', 'x')]],
    tree: { usr: 'dir', 'usr/lib': 'dir', 'usr/lib/x': '=x', lib: '-> usr/lib' },
  },
  'an own symlink into a directory of a lower layer': {
    layers: [
      [dir('usr'), file('usr/old', 'old')],
      [symlink('lib', 'usr'), file('lib/x', 'x')],
    ],
    tree: { usr: 'dir', 'usr/old': '=old', 'usr/x': '=x', lib: '-> usr' },
  },
  'an own symlink that comes again': {
    layers: [
      [dir('usr'), symlink('lib', 'nowhere')],
      [symlink('lib', 'usr'), file('lib/x', 'x')],
    ],
    tree: { usr: 'dir', 'usr/x': '=x', lib: '-> usr' },
  },
  'an own absolute symlink': {
    layers: [[dir('usr'), symlink('lib', absolute('usr')), file('lib/x', 'x')]],
    tree: { usr: 'dir', 'usr/x': '=x', lib: '-> /$/usr' },
  },
  'an own symlink that leads above the root': {
    layers: [
      [
        dir('usr'),
        symlink('lib', escaping('usr')),
        file('lib/x', 'x'),
        symlink('abs', (root) => `/../../..//.//${root}/../${root}/usr/`),
        file('abs/y', 'y'),
      ],
    ],
    tree: {
      usr: 'dir',
      'usr/x': '=x',
      'usr/y': '=y',
      lib: '-> ../../../../../../$/usr',
      abs: '-> /../../..//.//$/../$/usr/',
    },
  },
  'a chain of own symlinks, with .. in between': {
    layers: [
      [
        dir('a'),
        dir('a/b'),
        dir('c'),
        symlink('a/b/up', '..'),
        symlink('to-c', 'c/.'),
        symlink('a/over', '../to-c'),
        file('a/b/up/x', 'x'),
        file('a/over/y', 'y'),
        file('a/b/up/over/z', 'z'),
      ],
    ],
    tree: {
      a: 'dir',
      'a/b': 'dir',
      'a/b/up': '-> ..',
      'a/x': '=x',
      'a/over': '-> ../to-c',
      'to-c': '-> c/.',
      c: 'dir',
      'c/y': '=y',
      'c/z': '=z',
    },
  },
  'a .. in a link target is taken where the path has led, not in the text': {
    layers: [
      [
        dir('a'),
        dir('a/deep'),
        dir('b'),
        symlink('short', 'a/deep'),
        symlink('b/s', '../short/../in-a'),
        file('b/s/x', 'x'),
      ],
    ],
    tree: {
      a: 'dir',
      'a/deep': 'dir',
      'a/in-a': 'dir',
      'a/in-a/x': '=x',
      b: 'dir',
      'b/s': '-> ../short/../in-a',
      short: '-> a/deep',
    },
    notUmoci: IMPLIED,
  },
  'a .. in a name is cleaned before any link is followed': {
    layers: [[dir('a'), dir('a/deep'), symlink('s', 'a/deep'), file('s/../x', 'x')]],
    tree: { a: 'dir', 'a/deep': 'dir', s: '-> a/deep', x: '=x' },
  },
  'a dangling own symlink': {
    layers: [[symlink('s', 'made/here'), file('s/x', 'x')]],
    tree: { s: '-> made/here', made: 'dir', 'made/here': 'dir', 'made/here/x': '=x' },
    notUmoci: IMPLIED,
  },
  'an own symlink to a file, which becomes a directory': {
    layers: [[file('f', 'f'), symlink('s', 'f'), file('s/x', 'x')]],
    tree: { f: 'dir', 'f/x': '=x', s: '-> f' },
    notUmoci: RULE_5,
  },
  'an own symlink to a symlink of a lower layer, which becomes a directory': {
    layers: [
      [dir('t'), symlink('low', 't')],
      [symlink('own', 'low'), file('own/x', 'x')],
    ],
    tree: { t: 'dir', low: 'dir', 'low/x': '=x', own: '-> low' },
    notUmoci: RULE_5,
  },
  'an own symlink replaced by an own directory': {
    layers: [[dir('t'), symlink('s', 't'), file('s/x', 'x'), dir('s'), file('s/y', 'y')]],
    tree: { t: 'dir', 't/x': '=x', s: 'dir', 's/y': '=y' },
  },
  'a symlink over the directory that its children made': {
    layers: [[dir('t'), file('s/x', 'x'), symlink('s', 't'), file('s/y', 'y')]],
    tree: { t: 'dir', 't/y': '=y', s: '-> t' },
    notUmoci: IMPLIED,
  },
  'the last component is not followed': {
    layers: [[dir('t'), file('t/f', 'f'), symlink('s', 't/f'), file('s', 'now a file')]],
    tree: { t: 'dir', 't/f': '=f', s: '=now a file' },
  },
  'two layers with the same symlink, and a file below it in each': {
    layers: [
      [dir('usr'), symlink('lib', 'usr'), file('lib/1', '1')],
      [symlink('lib', 'usr'), file('lib/2', '2')],
    ],
    tree: { usr: 'dir', 'usr/1': '=1', 'usr/2': '=2', lib: '-> usr' },
  },
  'an own symlink to the image’s root': {
    layers: [[dir('t'), symlink('s', '/'), raw((root) => tar.file(`${root}/s/${root}/t/x`, 'x'))]],
    tree: { t: 'dir', 't/x': '=x', s: '-> /' },
  },
  'a directory below an own symlink gives its attributes there': {
    layers: [[dir('t'), dir('t/d', { mode: 0o700 }), symlink('s', 't'), dir('s/d', { mode: 0o711 })]],
    tree: { t: 'dir', 't/d': 'dir', s: '-> t' },
    attributes: { 't/d': { mode: '711' } },
  },

  // what is no directory
  'a file of a lower layer as a parent': {
    layers: [[file('a', 'a')], [file('a/b', 'b')]],
    tree: { a: 'dir', 'a/b': '=b' },
    notUmoci: RULE_5,
  },
  'a file, a fifo, a device of its own layer as parents': {
    layers: [[file('a', 'a'), file('a/b/c', 'c'), fifo('f'), file('f/x', 'x'), char('d', 1, 3), dir('d/e')]],
    tree: { a: 'dir', 'a/b': 'dir', 'a/b/c': '=c', f: 'dir', 'f/x': '=x', d: 'dir', 'd/e': 'dir' },
    attributes: { a: { mode: '755', mtime: '0.0000000000' } },
    notUmoci: RULE_5,
  },
  'a hard link as a parent: only that name becomes a directory': {
    layers: [[file('a', 'a'), hardlink('b', 'a'), file('b/x', 'x')]],
    tree: { a: '=a', b: 'dir', 'b/x': '=x' },
    notUmoci: RULE_5,
  },
});
