import { describe, expect, it } from 'vitest';
import {
  block,
  char,
  dir,
  fifo,
  file,
  hardlink,
  opaque,
  sparseFile,
  symlink,
  type TestEntry,
  whiteout,
} from '../../support/entries.js';
import { inodeAt, listing, merge, type Stack } from '../trees.js';

/** One rule's sentence, layers, and what is shown. */
type Case = [sentence: string, stack: Stack, shown: string[]];

function shows(cases: Case[]): void {
  it.each(cases)('%s', (_, stack, shown) => {
    const merged = merge(stack);
    expect(listing(merged)).toEqual([...shown].sort());
    expect(merged.warnings).toEqual([]);
  });
}

describe('rule 1: layers apply base first', () => {
  shows([
    ['no layers: an empty root', [], []],
    ['the last entry of a path wins', [[file('a', 'old'), file('a', 'new')]], ['a=new']],
    [
      'a directory keeps its children when only its attributes come again',
      [[dir('d'), file('d/f', 'x'), dir('d', { mode: 0o700 })]],
      ['d/', 'd/f=x'],
    ],
    [
      'a directory that was a file for a moment is empty',
      [[dir('d'), file('d/f'), file('d'), dir('d'), file('d/g')]],
      ['d/', 'd/g='],
    ],
    ['an upper layer comes after a lower one', [[file('a', 'lower')], [file('a', 'upper')]], ['a=upper']],
    [
      'every kind of entry',
      [[char('c', 1, 3), block('b', 7, 0), fifo('p')]],
      ['b block 7,0', 'c char 1,3', 'p fifo'],
    ],
  ]);

  it('gives implied parents drwxr-xr-x 0:0 and mtime 0', () => {
    const { tree } = merge([[file('a/b/f', '', { uid: 5, mode: 0o4755, mtime: 9 })]]);
    for (const inode of [1, inodeAt(tree, 'a'), inodeAt(tree, 'a/b')]) {
      expect([tree.mode(inode), tree.uid(inode), tree.gid(inode), tree.mtimeSeconds(inode)]).toEqual([
        0o755, 0, 0, 0,
      ]);
      expect([tree.layerOf(inode), tree.rowOf(inode), tree.xattrs(inode)]).toEqual([1, -1, []]);
    }
  });

  it('keeps what a lower layer gave to a parent that the upper does not name', () => {
    const { tree } = merge([[dir('a', { mode: 0o1777, uid: 3, mtime: 8 })], [file('a/f')]]);
    const inode = inodeAt(tree, 'a');
    expect([tree.mode(inode), tree.uid(inode), tree.mtimeSeconds(inode)]).toEqual([0o1777, 3, 8]);
    expect(tree.layerOf(inode)).toBe(1);
  });

  it('takes the attributes of a directory entry that comes after its children', () => {
    const { tree } = merge([[file('a/f'), dir('a', { mode: 0o700 })]]);
    expect(tree.mode(inodeAt(tree, 'a'))).toBe(0o700);
  });
});

describe('rule 2: whiteouts', () => {
  const base = [dir('d'), file('d/a', '1'), file('d/b', '2'), dir('d/sub'), file('d/sub/c', '3')];
  const rest = ['d/', 'd/b=2', 'd/sub/', 'd/sub/c=3'];
  shows([
    ['hides a file of the lower layers', [base, [whiteout('d/a')]], rest],
    ['hides a directory with all below it', [base, [whiteout('d/sub')]], ['d/', 'd/a=1', 'd/b=2']],
    [
      'before the same name of its layer',
      [base, [whiteout('d/a'), file('d/a', 'new')]],
      [...rest, 'd/a=new'],
    ],
    ['after the same name of its layer', [base, [file('d/a', 'new'), whiteout('d/a')]], [...rest, 'd/a=new']],
    [
      'of nothing hides nothing',
      [base, [whiteout('x'), whiteout('d/x/y'), whiteout('d/a/x')]],
      ['d/a=1', ...rest],
    ],
    ['creates no parents', [[], [whiteout('x/y/z')]], []],
    ['of its own layer only hides nothing', [[file('a', '1'), whiteout('a')]], ['a=1']],
    [
      'through a symlink hides nothing',
      [[...base, symlink('l', 'd')], [whiteout('l/a')]],
      ['d/a=1', 'l->d', ...rest],
    ],
    ['may be of any kind', [base, [dir('d/.wh.a'), symlink('d/.wh.b', 'x')]], ['d/', 'd/sub/', 'd/sub/c=3']],
    [
      'hides until a layer brings the name back',
      [base, [whiteout('d')], [file('d/z', '9')]],
      ['d/', 'd/z=9'],
    ],
    [
      'hides a name of 255 bytes, though the marker is longer than a name may be',
      [[file('n'.repeat(255))], [whiteout('n'.repeat(255))]],
      [],
    ],
  ]);

  it('of a directory leaves nothing of its attributes to a new one', () => {
    const { tree } = merge([[dir('d', { mode: 0o700 })], [file('d/f'), whiteout('d')]]);
    expect(tree.mode(inodeAt(tree, 'd'))).toBe(0o755);
  });
});

describe('rule 3: opaque whiteouts', () => {
  const base = [dir('d', { mode: 0o700 }), file('d/a', '1'), file('d/sub/b', '2'), file('e', '3')];
  shows([
    ['hides all below its directory', [base, [opaque('d')]], ['d/', 'e=3']],
    ['keeps entries before it', [base, [file('d/0', 'n'), opaque('d')]], ['d/', 'd/0=n', 'e=3']],
    ['keeps entries after it', [base, [opaque('d'), file('d/a', 'n')]], ['d/', 'd/a=n', 'e=3']],
    ['at the root hides the whole lower tree', [base, [file('n', '4'), opaque('')]], ['n=4']],
    [
      'of a directory that is not there',
      [base, [opaque('x'), opaque('e')]],
      ['d/', 'd/a=1', 'd/sub/', 'd/sub/b=2', 'e=3'],
    ],
    ['again and again', [base, [opaque('d'), opaque('d'), file('d/n')], [opaque('d')]], ['d/', 'e=3']],
    [
      'of a lower directory two layers down',
      [base, [file('d/m')], [opaque('d'), file('d/n')]],
      ['d/', 'd/n=', 'e=3'],
    ],
    [
      'of a nested directory',
      [base, [opaque('d/sub'), file('d/sub/n')]],
      ['d/', 'd/a=1', 'd/sub/', 'd/sub/n=', 'e=3'],
    ],
  ]);

  it('keeps the lower attributes of its directory, and of the root', () => {
    const { tree } = merge([
      [dir('.', { mode: 0o711 }), ...base],
      [opaque('d'), opaque('')],
    ]);
    expect(tree.mode(1)).toBe(0o711);
    const again = merge([base, [opaque('d'), file('d/x')]]).tree;
    expect(again.mode(inodeAt(again, 'd'))).toBe(0o700);
    expect(again.layerOf(inodeAt(again, 'd'))).toBe(1);
  });

  it('takes the attributes that its own layer gives', () => {
    const { tree } = merge([base, [dir('d', { mode: 0o750 }), opaque('d')]]);
    expect(tree.mode(inodeAt(tree, 'd'))).toBe(0o750);
  });
});

describe('rule 4: entry over entry', () => {
  it('replaces a directory attributes and keeps its children', () => {
    const lower = dir('d', { mode: 0o700, uid: 1, gid: 2, mtime: 3, xattrs: { 'user.a': '1' } });
    const upper = dir('d', {
      mode: 0o755,
      uid: 4,
      gid: 5,
      mtime: 6,
      mtimeNanoseconds: 7,
      xattrs: { 'user.b': '2' },
    });
    const { tree } = merge([[lower, file('d/f')], [upper]]);
    const inode = inodeAt(tree, 'd');
    expect([tree.mode(inode), tree.uid(inode), tree.gid(inode)]).toEqual([0o755, 4, 5]);
    expect([tree.mtimeSeconds(inode), tree.mtimeNanoseconds(inode)]).toEqual([6, 7]);
    expect(tree.xattrs(inode).map(({ name }) => Buffer.from(name).toString())).toEqual(['user.b']);
    expect(tree.layerOf(inode)).toBe(2);
    expect(inodeAt(tree, 'd/f')).not.toBe(0);
  });

  const kinds: [string, (path: string) => TestEntry, string][] = [
    ['file', (path) => file(path, 'new'), 'x=new'],
    ['symlink', (path) => symlink(path, 'to'), 'x->to'],
    ['fifo', (path) => fifo(path), 'x fifo'],
    ['char', (path) => char(path, 1, 2), 'x char 1,2'],
  ];
  for (const [name, make, shown] of kinds) {
    shows([
      [`${name} over a directory hides the children`, [[dir('x'), file('x/a/b')], [make('x')]], [shown]],
      [`${name} over a file`, [[file('x', 'old')], [make('x')]], [shown]],
      [`${name} over a symlink`, [[symlink('x', 'old')], [make('x')]], [shown]],
      [`a directory over ${name}`, [[make('x')], [dir('x')]], ['x/']],
    ]);
  }
});

describe('rule 5: symlinks and other things as parents', () => {
  shows([
    [
      'a lower layer symlink becomes a directory of the upper layer',
      [[dir('usr/lib'), file('usr/lib/y', '1'), symlink('lib', 'usr/lib')], [file('lib/x', '2')]],
      ['lib/', 'lib/x=2', 'usr/', 'usr/lib/', 'usr/lib/y=1'],
    ],
    [
      'a symlink of the same layer leads on',
      [[symlink('lib', 'usr/lib'), file('lib/x', '1')]],
      ['lib->usr/lib', 'usr/', 'usr/lib/', 'usr/lib/x=1'],
    ],
    ['an absolute one, inside the root', [[symlink('l', '/d'), file('l/x')]], ['d/', 'd/x=', 'l->/d']],
    [
      'never outside the root',
      [[symlink('l', '../../../../d'), file('l/x')]],
      ['d/', 'd/x=', 'l->../../../../d'],
    ],
    [
      'a lower symlink that the layer links again is its own',
      [
        [symlink('a', 'd'), hardlink('b', 'a'), dir('d')],
        [hardlink('b', 'a'), file('b/x')],
      ],
      ['a->d', 'b->d', 'd/', 'd/x='],
    ],
    [
      'relative to where the link really is',
      [[symlink('l', 'p/q'), symlink('p/q/r', '../s'), file('l/r/x')]],
      ['l->p/q', 'p/', 'p/q/', 'p/q/r->../s', 'p/s/', 'p/s/x='],
    ],
    [
      'into a directory of a lower layer',
      [[file('usr/lib/y')], [symlink('lib', 'usr/lib'), file('lib/x')]],
      ['lib->usr/lib', 'usr/', 'usr/lib/', 'usr/lib/x=', 'usr/lib/y='],
    ],
    [
      'through a lower symlink, which becomes a directory',
      [
        [symlink('m', 'n'), dir('n')],
        [symlink('l', 'm'), file('l/x')],
      ],
      ['l->m', 'm/', 'm/x=', 'n/'],
    ],
    [
      'behind a missing name `..` is taken lexically, and the name not made',
      [[symlink('l', 'gone/../d'), file('l/x')]],
      ['d/', 'd/x=', 'l->gone/../d'],
    ],
    [
      'what stands behind a link may replace the link itself',
      [[symlink('l', '/'), file('l/l', '1'), file('l/y', '2')]],
      ['l/', 'l/y=2'],
    ],
    [
      'what stands behind a link may replace a directory of its own path',
      [[symlink('d/l', '/'), file('d/l/d', '1'), file('d/x', '2')]],
      ['d/', 'd/x=2'],
    ],
    ['a file as a parent is replaced by a directory', [[file('a')], [file('a/b')]], ['a/', 'a/b=']],
    ['a file of the same layer too', [[file('a'), file('a/b')]], ['a/', 'a/b=']],
    ['a device too', [[char('a', 1, 1)], [file('a/b')]], ['a/', 'a/b=']],
    [
      'a file where a link leads to is replaced by a directory',
      [[file('t'), symlink('l', 't'), file('l/x')]],
      ['l->t', 't/', 't/x='],
    ],
    [
      'a hard link that the layer made of a lower symlink leads on like its own',
      [[symlink('s', 'd')], [hardlink('l', 's'), file('l/x')]],
      ['d/', 'd/x=', 'l->d', 's->d'],
    ],
    ...[
      [whiteout('d'), dir('d'), file('d/n', '2')],
      [dir('d'), whiteout('d'), file('d/n', '2')],
      [dir('d'), file('d/n', '2'), whiteout('d')],
    ].map(
      (upper, i): Case => [
        `whiteout and new directory in one layer, order ${i}`,
        [[file('d/old'), file('d/sub/old')], upper],
        ['d/', 'd/n=2'],
      ],
    ),
    [
      'whiteout of a symlink and a directory in its place',
      [
        [symlink('l', 'd'), file('d/x')],
        [whiteout('l'), file('l/y')],
      ],
      ['d/', 'd/x=', 'l/', 'l/y='],
    ],
  ]);

  it('gives the directory in place of a symlink the attributes of an implied one', () => {
    const { tree } = merge([[symlink('l', 'd', { uid: 9 })], [file('l/x')]]);
    const inode = inodeAt(tree, 'l');
    expect([tree.kind(inode), tree.mode(inode), tree.uid(inode), tree.layerOf(inode)]).toEqual([
      'dir',
      0o755,
      0,
      2,
    ]);
  });

  const chain = (links: number) => [
    ...Array.from({ length: links }, (_, i) => symlink(`l${i}`, i === links - 1 ? 'd' : `l${i + 1}`)),
    file('l0/x'),
  ];

  it('follows 40 links, as the kernel does, and skips what needs more', () => {
    const whole = merge([chain(40)]);
    expect(whole.warnings).toEqual([]);
    expect(listing(whole)).toContain('d/x=');
    const cut = merge([chain(41)]);
    expect(cut.warnings).toEqual(['layer 1: skipped "l0/x": its path leads through more than 40 symlinks']);
    expect(listing(cut)).not.toContain('d/x=');
  });

  it('skips an entry below a loop of links', () => {
    const merged = merge([
      [symlink('a', 'b'), symlink('b', 'a'), file('a/x'), symlink('s', 's'), file('s/x')],
    ]);
    expect(merged.warnings.length).toBe(2);
    expect(listing(merged)).toEqual(['a->b', 'b->a', 's->s']);
  });

  it('skips an entry behind a link to a name that is too long', () => {
    const merged = merge([[symlink('l', 'n'.repeat(256)), file('l/x')]]);
    expect(merged.warnings).toEqual([
      'layer 1: skipped "l/x": its path leads through a symlink to a name of 256 bytes',
    ]);
  });
});

describe('rule 6: names are cleaned first', () => {
  shows([
    [
      './, //, /./ and trailing slashes go',
      [[file('./a//b/./c', '1'), dir('d///')]],
      ['a/', 'a/b/', 'a/b/c=1', 'd/'],
    ],
    ['a leading slash goes', [[file('/etc/x', '1')]], ['etc/', 'etc/x=1']],
    ['leading .. stops at the root', [[file('../../x', '1'), file('/../y', '2')]], ['x=1', 'y=2']],
    ['inner .. goes, and makes no directory', [[file('gone/../a/b/../c', '1')]], ['a/', 'a/c=1']],
    ['markers are recognised after cleaning', [[file('a')], [file('./x/../.wh.a')]], []],
    ['… also behind a `..`', [[file('d/a')], [file('d/.wh.a/b/..')]], ['d/']],
    [
      '… and a marker that `..` takes away is none',
      [[file('d/a')], [file('d/.wh.a/../b')]],
      ['d/', 'd/a=', 'd/b='],
    ],
    [
      '.wh, foo.wh.bar and .WH.foo are ordinary names',
      [
        [file('foo'), file('a')],
        [file('.wh', '1'), file('foo.wh.bar', '2'), file('.WH.foo', '3'), file('.wha', '4')],
      ],
      ['.WH.foo=3', '.wh=1', '.wha=4', 'a=', 'foo.wh.bar=2', 'foo='],
    ],
    ['a name of 255 bytes', [[file('n'.repeat(255))]], [`${'n'.repeat(255)}=`]],
    [
      'names are no object keys',
      [[file('__proto__/constructor', '1')]],
      ['__proto__/', '__proto__/constructor=1'],
    ],
    [
      'aufs metadata is not shown, links into it get its content',
      [
        [
          dir('.wh..wh.plnk'),
          file('.wh..wh.plnk/1.2', 'x'),
          hardlink('bin/a', '.wh..wh.plnk/1.2'),
          file('.wh..wh.aufs'),
        ],
      ],
      ['bin/', 'bin/a=x'],
    ],
    ['aufs metadata makes no parents', [[file('d/.wh..wh.orph/x')]], []],
    [
      'aufs metadata is kept for upper layers',
      [[file('.wh..wh.plnk/1', 'x')], [hardlink('a', '.wh..wh.plnk/1')]],
      ['a=x'],
    ],
    ['aufs metadata may link to what is shown', [[file('a', 'x'), hardlink('.wh..wh.plnk/1', 'a')]], ['a=x']],
  ]);

  it('shows names that are not valid UTF-8 as they are', () => {
    const name = Buffer.from([0xff, 0x0a, 0x80, 0x01]);
    const { tree } = merge([[file(name)]]);
    expect([...tree.dentryName(tree.childStart(1))]).toEqual([...name]);
    expect(tree.lookup(1, name)).toBe(2);
  });

  it.each<[string, TestEntry]>([
    ['a marker named exactly .wh.', file('d/.wh.')],
    ['a marker named .wh..', file('d/.wh..')],
    ['a marker named .wh...', file('d/.wh...')],
    ['an entry below a marker', file('d/.wh.x/y')],
    ['an entry below an opaque marker', file('.wh..wh..opq/y')],
    ['an empty name', file('')],
    ['a component over 255 bytes', file(`d/${'n'.repeat(256)}`)],
    ['a parent over 255 bytes', file(`${'n'.repeat(256)}/f`)],
    ['a whiteout of a name over 255 bytes', whiteout(`d/${'n'.repeat(256)}`)],
    ['a NUL', file('d/a\0b')],
    ['a NUL in a marker', file('d/.wh.a\0b')],
    ['a file for the root itself', file('/')],
    ['a symlink for the root itself', symlink('./', 'x')],
    ['a hard link for the root itself', hardlink('d/..', 'keep')],
    ['a symlink to an empty target', symlink('s', '')],
    ['a symlink to a target with NUL', symlink('s', 'a\0b')],
    ['a symlink to a target of 4096 bytes', symlink('s', 'x'.repeat(4096))],
  ])('skips %s with one warning; the rest works', (_, bad) => {
    const keep = [file('keep', 'k'), file('d/f', 'f')];
    const merged = merge([keep, [bad, file('more', 'm')]]);
    expect(merged.warnings.length).toBe(1);
    expect(merged.warnings[0]).toMatch(/^layer 2: skipped "/);
    expect(listing(merged)).toEqual(['d/', 'd/f=f', 'keep=k', 'more=m']);
  });

  it('judges the cleaned name only', () => {
    const merged = merge([[file(`${'n'.repeat(300)}/../a\0/../f`, '1')]]);
    expect(merged.warnings).toEqual([]);
    expect(listing(merged)).toEqual(['f=1']);
  });

  it('keeps a target of 4095 bytes', () => {
    const { tree } = merge([[symlink('s', 'x'.repeat(4095))]]);
    expect(tree.size(2)).toBe(4095);
  });

  it('takes the root attributes from a directory entry for it', () => {
    for (const name of ['./', '/', '.', 'a/..', '..']) {
      const { tree } = merge([[dir(name, { mode: 0o700, uid: 7 })], [file('f')]]);
      expect([tree.mode(1), tree.uid(1), tree.layerOf(1), tree.rowOf(1)]).toEqual([0o700, 7, 1, 0]);
    }
  });

  it('names the entry without letting it forge log lines', () => {
    const { warnings } = merge([[file('a\n\x1b[2J"\\\0')]]);
    expect(warnings).toEqual(['layer 1: skipped "a\\x0a\\x1b[2J\\"\\\\\\x00": a NUL in its name']);
  });

  it('names a hundred entries of a layer and counts the rest', () => {
    const { warnings } = merge([Array.from({ length: 150 }, () => file('/'))]);
    expect(warnings.length).toBe(101);
    expect(warnings.at(-1)).toBe('layer 1: skipped 50 more entries');
  });
});

describe('rule 8: overlay xattrs are data', () => {
  it('keeps them, and nothing is hidden by them', () => {
    const xattrs = { 'trusted.overlay.opaque': 'y', 'user.overlay.whiteout': '' };
    const merged = merge([[file('d/a')], [dir('d', { xattrs }), char('d/b', 0, 0, { xattrs })]]);
    expect(listing(merged)).toEqual(['d/', 'd/a=', 'd/b char 0,0']);
    const names = merged.tree
      .xattrs(inodeAt(merged.tree, 'd'))
      .map(({ name }) => Buffer.from(name).toString());
    expect(names).toEqual(Object.keys(xattrs));
  });
});

describe('attributes', () => {
  it('are those of the entry', () => {
    const { tree } = merge([
      [
        file('f', 'x'.repeat(513), {
          mode: 0o6711,
          uid: 2 ** 32 - 2,
          gid: 7,
          mtime: -5,
          mtimeNanoseconds: 9,
        }),
      ],
    ]);
    const got = [tree.mode(2), tree.uid(2), tree.gid(2), tree.size(2), tree.blocks512(2)];
    expect(got).toEqual([0o6711, 2 ** 32 - 2, 7, 513, 2]);
    expect([tree.mtimeSeconds(2), tree.mtimeNanoseconds(2)]).toEqual([-5, 9]);
  });

  it('of directories, symlinks and sparse files', () => {
    const content = Buffer.concat([Buffer.alloc(8192), Buffer.from('data')]);
    const { tree } = merge([
      [dir('d'), symlink('l', 'four', { mode: 0o600 }), sparseFile('s', content, [8192, 4]), fifo('p')],
    ]);
    const at = (path: string) => inodeAt(tree, path);
    expect([tree.size(at('d')), tree.blocks512(at('d'))]).toEqual([4096, 0]);
    expect([tree.size(at('l')), tree.blocks512(at('l')), tree.mode(at('l'))]).toEqual([4, 0, 0o777]);
    expect([tree.size(at('s')), tree.blocks512(at('s'))]).toEqual([8196, 1]);
    expect(tree.size(at('p'))).toBe(0);
    // The root, d, and one block of data.
    expect(tree.blocks).toBe(3);
  });
});
