import { dir, file, hardlink, opaque, symlink, whiteout } from './members.js';
import { playCases } from './play.js';

/** Rules O1 to O4: order, markers, directories over directories. */
const IMPLIED = { mode: '755', uid: '0', gid: '0', mtime: '0.0000000000' };
const AT = '1500000000.0000000000';
const NO_PARENTS = 'implied parents';

playCases({
  // 1: order
  'the last entry of a path wins': {
    layers: [[file('a', 'first'), file('a', 'second'), file('a', 'third', { mode: 0o600 })]],
    tree: { a: '=third' },
    attributes: { a: { mode: '600', size: '5' } },
  },
  'the last entry wins across types': {
    layers: [
      [
        file('a', '1'),
        symlink('a', 'x'),
        file('b', ''),
        dir('b'),
        symlink('c', 'x'),
        file('c', 'c'),
        dir('d'),
        file('d', 'd'),
        dir('e'),
        symlink('e', 'x'),
      ],
    ],
    tree: { a: '-> x', b: 'dir', c: '=c', d: '=d', e: '-> x' },
  },
  'a directory keeps its children when its attributes come again': {
    layers: [[dir('d', { mode: 0o700 }), file('d/f', 'f'), dir('d', { mode: 0o711, uid: 7, gid: 8 })]],
    tree: { d: 'dir', 'd/f': '=f' },
    attributes: { d: { mode: '711', uid: '7', gid: '8', mtime: AT } },
  },
  'a directory entry after its children': {
    layers: [[file('d/e/f', 'f'), dir('d/e', { mode: 0o700 }), dir('d', { mode: 0o711 })]],
    tree: { d: 'dir', 'd/e': 'dir', 'd/e/f': '=f' },
    attributes: { d: { mode: '711', mtime: AT }, 'd/e': { mode: '700', mtime: AT } },
    notUmoci: NO_PARENTS,
  },
  'a directory again after a file took its place has no children': {
    layers: [[dir('d'), file('d/f', 'f'), file('d', 'file'), dir('d')]],
    tree: { d: 'dir' },
  },
  'the last entry is the one that upper layers see, and a lower one is not': {
    layers: [[file('a', 'old')], [file('a', 'new-1'), file('a', 'new-2')]],
    tree: { a: '=new-2' },
  },
  'implied parents are 755 0:0 and of time 0': {
    layers: [[file('x/y/f', 'f')]],
    tree: { x: 'dir', 'x/y': 'dir', 'x/y/f': '=f' },
    attributes: { x: IMPLIED, 'x/y': IMPLIED },
    notUmoci: NO_PARENTS,
  },
  'implied parents keep what a lower layer gave them': {
    layers: [
      [dir('x', { mode: 0o2750, uid: 3, gid: 4, mtime: 99, xattrs: { 'user.k': 'v' } })],
      [file('x/f', 'f')],
      [file('x/g', 'g')],
    ],
    tree: { x: 'dir', 'x/f': '=f', 'x/g': '=g' },
    attributes: {
      x: { mode: '2750', uid: '3', gid: '4', mtime: '99.0000000000', xattrs: 'user.k=0x76' },
    },
  },
  'implied parents whose lower directory was whited out are new': {
    layers: [
      [dir('x', { mode: 0o700, uid: 3 }), file('x/old', '')],
      [whiteout('x'), file('x/f', 'f')],
    ],
    tree: { x: 'dir', 'x/f': '=f' },
    attributes: { x: IMPLIED },
    notUmoci: NO_PARENTS,
  },
  'an implied parent in the base, an entry in the upper layer': {
    layers: [[file('x/f', 'f')], [dir('x', { mode: 0o700 })]],
    tree: { x: 'dir', 'x/f': '=f' },
    attributes: { x: { mode: '700', mtime: AT } },
    notUmoci: NO_PARENTS,
  },
  'a hard link alone implies its parents': {
    layers: [[file('f', 'f'), hardlink('x/l', 'f')]],
    tree: { f: '=f', x: 'dir', 'x/l': '=f' },
    groups: [['f', 'x/l']],
    attributes: { x: IMPLIED },
    notUmoci: NO_PARENTS,
  },
  'layers apply base first': {
    layers: [[file('a', '1'), file('b', '1')], [file('a', '2')], [file('b', '3')], [whiteout('a')]],
    tree: { b: '=3' },
  },

  // 2: whiteouts
  'a whiteout hides a file of lower layers': {
    layers: [[dir('d'), file('d/a', 'a'), file('d/b', 'b')], [whiteout('d/a')]],
    tree: { d: 'dir', 'd/b': '=b' },
  },
  'a whiteout hides a tree of lower layers': {
    layers: [
      [dir('d'), dir('d/e'), file('d/e/f', 'f'), symlink('s', 'd')],
      [whiteout('d'), whiteout('s')],
    ],
    tree: {},
  },
  'a whiteout does not follow a symlink that it hides': {
    layers: [[dir('d'), file('d/f', 'f'), symlink('s', 'd')], [whiteout('s')]],
    tree: { d: 'dir', 'd/f': '=f' },
  },
  'a whiteout before the entry of its name': {
    layers: [[file('a', 'old')], [whiteout('a'), file('a', 'new')]],
    tree: { a: '=new' },
  },
  'a whiteout after the entry of its name': {
    layers: [[file('a', 'old')], [file('a', 'new'), whiteout('a')]],
    tree: { a: '=new' },
  },
  'a whiteout between two entries of its name': {
    layers: [[file('a', 'old')], [file('a', 'new'), whiteout('a'), file('a', 'newer')]],
    tree: { a: '=newer' },
  },
  'a whiteout in the layer that alone has the name': {
    layers: [[file('a', 'a'), whiteout('a'), whiteout('b'), file('b', 'b')]],
    tree: { a: '=a', b: '=b' },
  },
  'a whiteout of nothing, in a directory that is not there': {
    layers: [[dir('d')], [whiteout('none'), whiteout('d/none'), whiteout('no/such/dir'), opaque('nowhere')]],
    tree: { d: 'dir' },
  },
  'a whiteout below a file': {
    layers: [[file('a', 'a')], [whiteout('a/b'), opaque('a')]],
    tree: { a: '=a' },
  },
  'a whiteout twice, and in two layers': {
    layers: [[file('a', 'a')], [whiteout('a'), whiteout('a')], [whiteout('a')], [file('a', 'again')]],
    tree: { a: '=again' },
  },
  'a name comes back two layers above its whiteout': {
    layers: [[dir('d'), file('d/old', 'old')], [whiteout('d')], [dir('d'), file('d/new', 'new')]],
    tree: { d: 'dir', 'd/new': '=new' },
  },
  'a whiteout and what the same layer adds below that name, entry by entry': {
    layers: [
      [dir('d'), file('d/old', 'old'), dir('d/sub'), file('d/sub/old', 'old')],
      [dir('d', { mode: 0o700 }), file('d/new', 'new'), dir('d/sub'), whiteout('d')],
    ],
    tree: { d: 'dir', 'd/new': '=new', 'd/sub': 'dir' },
    attributes: { d: { mode: '700' } },
    notUmoci: 'whiteout plus re-creation',
  },
  'a whiteout, then the new directory': {
    layers: [
      [dir('d'), file('d/old', 'old'), dir('d/sub'), file('d/sub/old', 'old')],
      [whiteout('d'), dir('d', { mode: 0o700 }), file('d/new', 'new')],
    ],
    tree: { d: 'dir', 'd/new': '=new' },
  },
  'a new directory, its whiteout, then its entry': {
    layers: [
      [dir('d'), file('d/old', 'old')],
      [dir('d', { mode: 0o700 }), whiteout('d'), file('d/new', 'new')],
    ],
    tree: { d: 'dir', 'd/new': '=new' },
    attributes: { d: { mode: '700' } },
    notUmoci: 'whiteout plus re-creation',
  },
  'a directory with a whiteout of the parent and of the child': {
    layers: [
      [dir('d'), dir('d/e'), file('d/e/old', ''), file('d/old', '')],
      [file('d/e/new', 'new'), whiteout('d/e'), whiteout('d')],
    ],
    tree: { d: 'dir', 'd/e': 'dir', 'd/e/new': '=new' },
    attributes: { d: IMPLIED, 'd/e': IMPLIED },
    notUmoci: 'whiteout plus re-creation',
  },
  'a whiteout with content, a mode and an owner is a whiteout still': {
    layers: [[file('a', 'a')], [file('.wh.a', 'not empty', { mode: 0o777, uid: 5 })]],
    tree: {},
  },
  'whiteouts as a directory, a symlink, a hard link': {
    layers: [
      [file('a', ''), file('b', ''), file('c', ''), file('t', 't')],
      [dir('.wh.a'), symlink('.wh.b', 't'), hardlink('.wh.c', 't')],
    ],
    tree: { t: '=t' },
  },
  'the entries after a marker with content are whole': {
    layers: [[file('a', 'a')], [file('.wh.a', 'x'.repeat(1500)), file('b', 'b')]],
    tree: { b: '=b' },
  },
  'a whiteout hides a hard link but not its target': {
    layers: [[file('a', 'a'), hardlink('b', 'a')], [whiteout('a')]],
    tree: { b: '=a' },
    attributes: { b: { nlink: '1' } },
  },

  // 3: opaque
  'an opaque marker first': {
    layers: [
      [dir('d', { mode: 0o700 }), file('d/a', 'a'), dir('d/e'), file('d/e/f', 'f')],
      [opaque('d'), file('d/b', 'b')],
    ],
    tree: { d: 'dir', 'd/b': '=b' },
    attributes: { d: { mode: '700', mtime: AT } },
  },
  'an opaque marker last, and entries that sort before it': {
    layers: [
      [dir('d'), file('d/a', 'old'), file('d/z', 'z')],
      [dir('d', { mode: 0o711 }), file('d/+', '+'), file('d/.a', '.a'), file('d/a', 'new'), opaque('d')],
    ],
    tree: { d: 'dir', 'd/+': '=+', 'd/.a': '=.a', 'd/a': '=new' },
    attributes: { d: { mode: '711' } },
  },
  'an opaque marker in the middle of a deep directory of the same layer': {
    layers: [
      [dir('d'), dir('d/e'), file('d/e/old', 'old')],
      [dir('d'), dir('d/e'), file('d/e/new', 'new'), opaque('d'), file('d/e/newer', 'newer')],
    ],
    tree: { d: 'dir', 'd/e': 'dir', 'd/e/new': '=new', 'd/e/newer': '=newer' },
    notUmoci: 'whiteout plus re-creation',
  },
  'what an opaque marker hid has no attributes left for implied parents': {
    layers: [
      [dir('d', { mode: 0o711 }), dir('d/e', { mode: 0o700, uid: 9 })],
      [file('d/e/new', 'new'), opaque('d')],
    ],
    tree: { d: 'dir', 'd/e': 'dir', 'd/e/new': '=new' },
    attributes: { d: { mode: '711' }, 'd/e': IMPLIED },
    notUmoci: NO_PARENTS,
  },
  'an opaque marker in the base hides nothing': {
    layers: [[dir('d'), file('d/a', 'a'), opaque('d'), file('d/b', 'b')]],
    tree: { d: 'dir', 'd/a': '=a', 'd/b': '=b' },
  },
  'an opaque marker hides two lower layers, and the layer above adds': {
    layers: [
      [dir('d'), file('d/1', '')],
      [file('d/2', '')],
      [opaque('d'), file('d/3', '')],
      [file('d/4', '')],
    ],
    tree: { d: 'dir', 'd/3': '=', 'd/4': '=' },
  },
  'an opaque marker beside a whiteout of its directory': {
    layers: [
      [dir('d'), file('d/old', '')],
      [dir('d'), whiteout('d'), opaque('d'), file('d/new', '')],
    ],
    tree: { d: 'dir', 'd/new': '=' },
    notUmoci: 'whiteout plus re-creation',
  },
  'an opaque marker below a directory that is whited out alone': {
    layers: [
      [dir('d'), dir('d/e'), file('d/e/old', '')],
      [opaque('d/e'), whiteout('d')],
    ],
    tree: {},
  },
  'an opaque marker as a directory': {
    layers: [
      [dir('d'), file('d/old', '')],
      [dir('d/.wh..wh..opq'), file('d/new', '')],
    ],
    tree: { d: 'dir', 'd/new': '=' },
  },
  'an opaque marker in a directory that a file of the same layer replaces': {
    layers: [
      [dir('d'), file('d/old', '')],
      [opaque('d'), file('d', 'file')],
    ],
    tree: { d: '=file' },
  },
  'opaque with other letters is a file': {
    layers: [
      [dir('d'), file('d/a', 'a')],
      [file('d/.WH..WH..OPQ', ''), file('d/.wh..opq', '')],
    ],
    tree: { d: 'dir', 'd/a': '=a', 'd/.WH..WH..OPQ': '=' },
  },

  // 4: something over something
  'a directory over a directory': {
    layers: [
      [
        dir('d', { mode: 0o700, uid: 1, gid: 2, mtime: 50, xattrs: { 'user.a': '1', 'user.b': '2' } }),
        file('d/f', 'f'),
      ],
      [dir('d', { mode: 0o1777, uid: 3, gid: 4, mtime: 60, xattrs: { 'user.b': '3' } })],
    ],
    tree: { d: 'dir', 'd/f': '=f' },
    attributes: {
      d: { mode: '1777', uid: '3', gid: '4', mtime: '60.0000000000', xattrs: 'user.b=0x33' },
    },
  },
  'a directory over a directory takes its xattrs away': {
    layers: [[dir('d', { xattrs: { 'user.a': '1' } })], [dir('d')]],
    tree: { d: 'dir' },
    attributes: { d: { xattrs: '' } },
  },
  'a file over a file takes its xattrs and links away': {
    layers: [
      [file('a', 'a', { xattrs: { 'user.a': '1' } }), hardlink('b', 'a')],
      [file('a', 'new', { mode: 0o600 })],
    ],
    tree: { a: '=new', b: '=a' },
    attributes: { a: { xattrs: '', mode: '600', nlink: '1' }, b: { xattrs: 'user.a=0x31', nlink: '1' } },
  },
  'a file over a directory hides the children': {
    layers: [[dir('d'), dir('d/e'), file('d/e/f', '')], [file('d', 'file')]],
    tree: { d: '=file' },
  },
  'a symlink over a directory hides the children': {
    layers: [[dir('d'), file('d/f', ''), dir('t')], [symlink('d', 't')]],
    tree: { d: '-> t', t: 'dir' },
  },
  'a directory over a file, a symlink, a fifo': {
    layers: [
      [file('a', 'a'), symlink('b', 't'), dir('t'), file('t/f', 'f')],
      [dir('a'), dir('b')],
    ],
    tree: { a: 'dir', b: 'dir', t: 'dir', 't/f': '=f' },
  },
  'a directory over a file over a directory has none of the old children': {
    layers: [[dir('d'), file('d/old', '')], [file('d', 'file')], [dir('d'), file('d/new', '')]],
    tree: { d: 'dir', 'd/new': '=' },
  },
  'a hard link over a directory hides the children': {
    layers: [[dir('d'), file('d/f', ''), file('t', 't')], [hardlink('d', 't')]],
    tree: { d: '=t', t: '=t' },
    groups: [['d', 't']],
  },
  'a directory over a symlink to a directory is a directory of its own': {
    layers: [
      [dir('t'), file('t/f', 'f'), symlink('s', 't')],
      [dir('s'), file('s/g', 'g')],
    ],
    tree: { t: 'dir', 't/f': '=f', s: 'dir', 's/g': '=g' },
  },
});
