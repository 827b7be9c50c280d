import { describe, expect, it } from 'vitest';
import type { Layer } from '#src/engine/layer.js';
import type { Attributes } from '#src/fs/layer-fs.js';
import { MergedFs, type MergedFsOptions } from '#src/fs/merged-fs.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { ROOT_INODE } from '#src/overlay/tree.js';
import {
  char,
  dir,
  fifo,
  file,
  hardlink,
  layerWith,
  lazily,
  sparseFile,
  symlink,
  type TestEntry,
} from '../support/entries.js';

function fsOf(
  stack: TestEntry[][],
  options: Partial<MergedFsOptions> = {},
  wrap = (layer: Layer) => layer,
): MergedFs {
  const layers = new Map(stack.map((entries, i) => [i + 1, wrap(layerWith(i + 1, ...entries))]));
  const tree = mergeLayers([...layers].map(([number, { entries }]) => ({ entries, number })));
  return new MergedFs(tree, layers, {
    createdBy: (number) => (number === 2 ? 'RUN make' : undefined),
    ...options,
  });
}

function find(fs: MergedFs, path: string): number {
  return path.split('/').reduce((inode, name) => fs.lookup(inode, Buffer.from(name)), ROOT_INODE);
}

const stat = (fs: MergedFs, path: string) => fs.getattr(find(fs, path), {} as Attributes);
const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' });

/** Names from a cursor on, at most `limit`, each with its inode, kind and next cursor. */
function list(fs: MergedFs, directory: number, offset = 0, limit = Number.POSITIVE_INFINITY) {
  const names: { name: string; inode: number; kind: string; next: number }[] = [];
  fs.readdir(directory, offset, (name, inode, kind, next) => {
    if (names.length >= limit) return false;
    names.push({ name: Buffer.from(name).toString('latin1'), inode, kind, next });
    return true;
  });
  return names;
}

describe('seek', () => {
  const fs = fsOf([
    [file('f', 'x'.repeat(10)), file('empty'), dir('d'), sparseFile('s', Buffer.alloc(100), [10, 20])],
    [file('g', 'upper'), hardlink('h', 'g')],
  ]);
  it.each([
    ['f', 3, 3, 10],
    ['f', 10, undefined, undefined],
    ['empty', 0, undefined, undefined],
    ['h', 0, 0, 5],
    ['s', 0, 10, 0],
    ['s', 12, 12, 30],
    ['s', 30, undefined, 30],
    ['s', 100, undefined, undefined],
  ])('%s from %d: data at %s, a hole at %s', (path, offset, data, hole) => {
    const inode = find(fs, path);
    expect([fs.seek(inode, offset, 'data'), fs.seek(inode, offset, 'hole')]).toEqual([data, hole]);
  });

  it('refuses what is no file, and offsets below 0', () => {
    expect(() => fs.seek(find(fs, 'd'), 0, 'data')).toThrow(invalid);
    expect(() => fs.seek(find(fs, 'f'), -1, 'data')).toThrow(invalid);
  });
});

describe('getattr', () => {
  it('fills in what the entry says', () => {
    const fs = fsOf([
      [
        file('f', 'x'.repeat(1000), { mode: 0o4755, uid: 1, gid: 2, mtime: -3, mtimeNanoseconds: 4 }),
        hardlink('g', 'f'),
        char('c', 10, 229, { mode: 0o666 }),
      ],
    ]);
    const wanted = { kind: 'file', mode: 0o4755, nlink: 2, uid: 1, gid: 2, deviceMajor: 0, deviceMinor: 0 };
    const times = { mtimeSeconds: -3, mtimeNanoseconds: 4 };
    expect(stat(fs, 'g')).toEqual({ inode: find(fs, 'f'), ...wanted, size: 1000, blocks: 2, ...times });
    expect(stat(fs, 'c')).toMatchObject({
      kind: 'char',
      mode: 0o666,
      deviceMajor: 10,
      deviceMinor: 229,
      size: 0,
    });
  });

  it('returns the object it was given', () => {
    const into = {} as Attributes;
    expect(fsOf([]).getattr(ROOT_INODE, into)).toBe(into);
    expect(into).toMatchObject({ inode: 1, kind: 'dir', mode: 0o755, nlink: 2, size: 4096 });
  });

  it('gives everything to the owner that was asked for', () => {
    const fs = fsOf([[file('f', '', { uid: 1, gid: 2 })]], { uid: 1000, gid: 0 });
    expect(stat(fs, 'f')).toMatchObject({ uid: 1000, gid: 0 });
    expect(stat(fsOf([[file('f', '', { uid: 1, gid: 2 })]], { gid: 5 }), 'f')).toMatchObject({
      uid: 1,
      gid: 5,
    });
  });
});

describe('readdir', () => {
  const fs = fsOf([
    [dir('d'), file('d/b', '1'), symlink('d/l', 'b'), fifo('d/a'), dir('d/sub')],
    [file('d/c')],
  ]);
  const d = find(fs, 'd');

  it('lists . and .. first, then the children with their kinds in data order', () => {
    const names = list(fs, d).map(({ name, inode, kind }) => [name, inode, kind]);
    expect(names).toEqual([
      ['.', d, 'dir'],
      ['..', ROOT_INODE, 'dir'],
      ['b', find(fs, 'd/b'), 'file'],
      ['l', find(fs, 'd/l'), 'symlink'],
      ['a', find(fs, 'd/a'), 'fifo'],
      ['sub', find(fs, 'd/sub'), 'dir'],
      ['c', find(fs, 'd/c'), 'file'],
    ]);
  });

  it('resumes at every cursor it gave out', () => {
    const all = list(fs, d);
    all.forEach((entry, i) => {
      expect(list(fs, d, entry.next)).toEqual(all.slice(i + 1));
      expect(list(fs, d, i)).toEqual(all.slice(i));
    });
    expect(list(fs, d, 10_000)).toEqual([]);
  });

  it('gives the same names in pieces of any size', () => {
    const all = list(fs, d);
    for (const limit of [1, 2, 3, 5]) {
      const pieces: typeof all = [];
      for (
        let piece = list(fs, d, 0, limit);
        piece.length > 0;
        piece = list(fs, d, pieces.at(-1)!.next, limit)
      ) {
        pieces.push(...piece);
      }
      expect(pieces).toEqual(all);
    }
  });

  it('says that the parent of the root is the root', () => {
    expect(
      list(fs, ROOT_INODE)
        .slice(0, 2)
        .map(({ inode }) => inode),
    ).toEqual([1, 1]);
  });
});

describe('read', () => {
  const content = Buffer.from('0123456789');
  const stack = [
    [file('f', content), file('empty')],
    [file('g', 'upper'), sparseFile('s', Buffer.alloc(9000), [])],
  ];
  for (const [how, wrap] of [
    ['from memory', (layer: Layer) => layer],
    ['from afar', lazily],
  ] as const) {
    it(`returns the bytes asked for, fewer only at the end, ${how}`, async () => {
      const fs = fsOf(stack, {}, wrap);
      for (let offset = 0; offset < 13; offset++) {
        for (let length = 0; length < 13; length++) {
          const got = await fs.read(find(fs, 'f'), offset, length);
          expect(Buffer.from(got)).toEqual(content.subarray(offset, offset + length));
        }
      }
      expect((await fs.read(find(fs, 'empty'), 0, 4096)).length).toBe(0);
      expect(Buffer.from(await fs.read(find(fs, 'g'), 0, 4096)).toString()).toBe('upper');
      expect((await fs.read(find(fs, 's'), 8999, 2 ** 40)).length).toBe(1);
      expect((await fs.read(find(fs, 'f'), 2 ** 52, 10)).length).toBe(0);
    });
  }

  it('is synchronous when the layer is, and hands the signal on', async () => {
    expect(fsOf(stack).read(find(fsOf(stack), 'f'), 0, 1)).toBeInstanceOf(Uint8Array);
    const fs = fsOf(stack, {}, lazily);
    await expect(fs.read(find(fs, 'f'), 0, 1, AbortSignal.abort())).rejects.toThrow('abort');
  });

  it('fails when the layer does', async () => {
    const fs = fsOf(stack, {}, (layer) => ({ ...layer, read: () => Promise.reject(new Error('gone')) }));
    await expect(fs.read(find(fs, 'f'), 0, 1)).rejects.toThrow('gone');
  });
});

describe('xattrs', () => {
  const binary = Buffer.from([1, 0, 0, 2, 255]);
  const xattrs = { 'security.capability': binary, 'trusted.overlay.opaque': 'y', 'user.x': '' };
  const spoof = { 'layerslayer.index': '99', 'user.own': '1' };
  const fs = fsOf([
    [dir('d'), file('d/f', '', { xattrs }), file('i/plain')],
    [file('g', '', { xattrs: spoof })],
  ]);
  const get = (path: string, name: string) => {
    const value = fs.getxattr(path === '' ? ROOT_INODE : find(fs, path), Buffer.from(name));
    return value === undefined ? undefined : Buffer.from(value).toString('latin1');
  };
  const names = (path: string) => Buffer.from(fs.listxattr(find(fs, path))).toString('latin1');

  it('are the image own, byte for byte', () => {
    expect(get('d/f', 'security.capability')).toBe(binary.toString('latin1'));
    expect(get('d/f', 'trusted.overlay.opaque')).toBe('y');
    expect(get('d/f', 'user.x')).toBe('');
    expect(get('d/f', 'user.y')).toBeUndefined();
    expect(names('d/f')).toBe('security.capability\0trusted.overlay.opaque\0user.x\0');
    expect(names('i/plain')).toBe('');
  });

  it('tell where an inode comes from, without being listed', () => {
    expect(get('d/f', 'layerslayer.layer')).toBe(`sha256:${'1'.padStart(64, '0')}`);
    expect(get('d/f', 'layerslayer.index')).toBe('1');
    expect(get('d/f', 'layerslayer.created_by')).toBeUndefined();
    expect(get('g', 'layerslayer.index')).toBe('2');
    expect(get('g', 'layerslayer.created_by')).toBe('RUN make');
    expect(get('g', 'layerslayer.other')).toBeUndefined();
  });

  it('tell of a directory that no entry names which layer made it', () => {
    expect([get('i', 'layerslayer.index'), get('', 'layerslayer.index')]).toEqual(['1', '1']);
  });

  it('leave a layer no say about provenance', () => {
    expect(get('g', 'layerslayer.index')).toBe('2');
    expect(names('g')).toBe('user.own\0');
  });
});

describe('statfs', () => {
  it('tells the truth of a full file system', () => {
    const fs = fsOf([
      [file('a', 'x'.repeat(4097)), hardlink('b', 'a'), sparseFile('s', Buffer.alloc(40960), [0, 1])],
    ]);
    // The root, two blocks of `a`, one of `s`.
    expect(fs.statfs()).toEqual({ blockSize: 4096, blocks: 4, files: 3, nameMax: 255 });
  });
});

describe('pathOf', () => {
  const fs = fsOf([
    [dir('d'), file('d/f'), hardlink('d/g', 'd/f'), dir('d/e'), symlink('d/e/l', 'x'), file('a\n b')],
    [file('d/.wh.f'), file('d/e/new')],
  ]);
  it.each(['d', 'd/g', 'd/e', 'd/e/l', 'd/e/new', 'a\n b'])('of /%s', (path) => {
    expect(Buffer.from(fs.pathOf(find(fs, path))).toString()).toBe(`/${path}`);
  });

  it('of the root, and of one of several names', () => {
    expect(Buffer.from(fs.pathOf(ROOT_INODE)).toString()).toBe('/');
    const linked = fsOf([[file('d/b'), hardlink('a', 'd/b')]]);
    expect(['/a', '/d/b']).toContain(Buffer.from(linked.pathOf(find(linked, 'a'))).toString());
  });
});

describe('wrong use', () => {
  const fs = fsOf([[file('f'), dir('d'), symlink('l', 'f')]]);
  const [f, d, l] = ['f', 'd', 'l'].map((path) => find(fs, path)) as [number, number, number];

  it.each<[string, () => unknown]>([
    ['inode 0', () => fs.getattr(0, {} as Attributes)],
    ['an inode past the last', () => fs.getattr(5, {} as Attributes)],
    ['an inode that is no number', () => fs.listxattr(Number.NaN)],
    ['a fraction', () => fs.getxattr(1.5, Buffer.from('x'))],
    ['the path of inode 0', () => fs.pathOf(0)],
    ['lookup in a file', () => fs.lookup(f, Buffer.from('x'))],
    ['readlink of a file', () => fs.readlink(f)],
    ['readlink of a directory', () => fs.readlink(d)],
    ['readdir of a symlink', () => list(fs, l)],
    ['readdir before the start', () => list(fs, d, -1)],
    ['read of a directory', () => fs.read(d, 0, 1)],
    ['read of a symlink', () => fs.read(l, 0, 1)],
    ['read before the start', () => fs.read(f, -1, 1)],
  ])('throws INVALID_ARGUMENT: %s', (_, use) => {
    expect(use).toThrow(invalid);
  });
});
