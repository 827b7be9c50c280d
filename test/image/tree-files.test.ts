import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FileStream } from '#src/engine/layer.js';
import type { EntryStat, ImageView } from '#src/image/opened-image.js';
import { TreeFiles } from '#src/image/tree-files.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { stack } from '../overlay/random-layers.js';
import { type Stack, walk } from '../overlay/trees.js';
import {
  char,
  dir,
  file,
  hardlink,
  layerWith,
  lazily,
  sparseFile,
  symlink,
  whiteout,
} from '../support/entries.js';

const STEPS = [{ createdBy: 'ADD base', emptyLayer: false, layer: 1 }] as never;

function viewOf(layers: Stack): ImageView {
  const opened = layers.map((entries, i) => {
    const layer = lazily(layerWith(i + 1, ...entries));
    return { number: i + 1, layer, entries: layer.entries };
  });
  const view: ImageView = {
    layers: opened,
    byNumber: new Map(opened.map(({ number, layer }) => [number, layer])),
    tree: mergeLayers(opened),
    files: async () => new TreeFiles(view, STEPS),
  };
  return view;
}

async function contentOf(stream: FileStream): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  expect(Buffer.concat(chunks)).toHaveLength(stream.length);
  return Buffer.concat(chunks).toString('latin1');
}

const LATIN1_NAME = Buffer.from([0x64, 0x2f, 0xe9]); // d/é
const LARGE = Buffer.alloc(700_000, 'layerslayer ');
const view = viewOf([
  [
    dir('d/', { mode: 0o750, uid: 7, mtime: 5 }),
    file('d/f', 'first version'),
    file(LATIN1_NAME, 'latin1'),
    file('implied/x', ''),
    symlink('l', 'd', { mtime: 9, mode: 0o644 }),
    symlink('d/chain', '../l/f'),
    char('null', 1, 3),
    sparseFile('holes', '\0\0\0\0data\0\0', [4, 4]),
  ],
  [file('d/f', 'second', { mode: 0o4755, gid: 9, mtime: 11, mtimeNanoseconds: 12 }), file('large', LARGE)],
  [whiteout('null'), hardlink('other', 'large')],
]);
const files = await view.files();

const f = { kind: 'file', mode: 0o4755, uid: 0, gid: 9, size: 6, mtimeSeconds: 11, mtimeNanoseconds: 12 };

describe('stat', () => {
  it.each<[string | Uint8Array, boolean, string, object]>([
    ['/', true, '/', { kind: 'dir', inode: 1, size: 4096 }],
    ['', true, '/', { kind: 'dir', inode: 1 }],
    ['d/f', true, '/d/f', { ...f, nlink: 1, layer: 2, row: 0 }],
    ['/l/f', true, '/d/f', f],
    ['d/chain', true, '/d/f', f],
    ['d/chain', false, '/d/chain', { kind: 'symlink', mode: 0o777, size: 6, layer: 1, row: 5 }],
    ['/d/../l', false, '/l', { kind: 'symlink', size: 1, mtimeSeconds: 9 }],
    ['/l', true, '/d', { kind: 'dir', mode: 0o750, uid: 7, mtimeSeconds: 5, layer: 1, row: 0 }],
    ['/implied', true, '/implied', { kind: 'dir', mode: 0o755, layer: 1, row: -1 }],
    ['/other', true, '/other', { kind: 'file', nlink: 2, layer: 2, row: 1, size: LARGE.length }],
  ])('of %s, following: %s', (path, follow, wanted, attributes) => {
    const stat = files.stat(path, { follow });
    expect(stat).toMatchObject(attributes);
    expect(String(stat.path)).toBe(wanted);
  });

  it('takes names that are not UTF-8, as bytes and as raw text', () => {
    expect(files.stat(LATIN1_NAME).path).toEqual(Buffer.concat([Buffer.from('/'), LATIN1_NAME]));
    expect(files.stat('d/\udce9').inode).toBe(files.stat(LATIN1_NAME).inode);
  });
});

describe('a path that leads to the wrong place', () => {
  it.each<[string, () => unknown, string, RegExp]>([
    ['stat', () => files.stat('/no/x'), 'NOT_FOUND', /^no such file in image: \/no\/x$/],
    ['stat', () => files.stat('/null'), 'NOT_FOUND', /null/],
    ['readdir', () => files.readdir('/d/f'), 'INVALID_ARGUMENT', /^not a directory: \/d\/f$/],
    ['readlink', () => files.readlink('/d'), 'INVALID_ARGUMENT', /^not a symbolic link: \/d$/],
    ['open', () => files.open('/d'), 'INVALID_ARGUMENT', /^not a regular file: \/d$/],
    ['open', () => files.open({ ...files.stat('/d/f'), layer: 9 }), 'INVALID_ARGUMENT', /layer 9, row 0/],
    ['open', () => files.open(files.stat('/d')), 'INVALID_ARGUMENT', /not a file of this view/],
    ['open', () => files.open('/d/f', { offset: -1 }), 'INVALID_ARGUMENT', /offset -1/],
    ['open', () => files.open('/d/f', { length: 0.5 }), 'INVALID_ARGUMENT', /length 0.5/],
    ['readdir', () => files.readdir('/', { cursor: Number.NaN }), 'INVALID_ARGUMENT', /cursor NaN/],
    ['readdir', () => files.readdir('/', { limit: -1 }), 'INVALID_ARGUMENT', /limit -1/],
  ])('%s: %s', (_, act, code, message) => {
    expect(act).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});

it('readlink gives the target as it is', () => {
  expect(String(files.readlink('/l/chain'))).toBe('../l/f');
});

describe('provenance', () => {
  it.each([
    ['/d/f', 2, 0, undefined],
    ['/l', 1, 4, 'ADD base'],
    ['/other', 2, 1, undefined],
  ])('of %s', (path, layer, row, createdBy) => {
    const { digest } = view.byNumber.get(layer)!;
    expect(files.provenance(path)).toEqual({ layer, digest, row, createdBy });
  });

  it('of the root of an image without layers', async () => {
    expect((await viewOf([]).files()).provenance('/')).toBeUndefined();
  });
});

describe('versions', () => {
  it('tells what each layer did, and each can be read', async () => {
    const versions = files.versions('/l/f'); // the link is resolved
    expect(versions.map(({ layer, change }) => [layer, change])).toEqual([
      [1, 'added'],
      [2, 'changed'],
    ]);
    expect(versions[1]!.stat).toMatchObject({ ...f, layer: 2, row: 0 });
    const contents = versions.map(({ stat }) => contentOf(files.open(stat!)));
    expect(await Promise.all(contents)).toEqual(['first version', 'second']);
  });

  it.each<[string, string[]]>([
    ['/null', ['1 added', '3 removed']],
    ['/no/such', []],
    ['/other', ['3 added']],
    ['/implied', ['1 added']],
  ])('of %s', (path, wanted) => {
    expect(files.versions(path).map(({ layer, change }) => `${layer} ${change}`)).toEqual(wanted);
  });

  it('stops at a loop of links', async () => {
    const loop = await viewOf([[symlink('a', 'a')]]).files();
    expect(() => loop.versions('/a/b')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });
});

describe('open', () => {
  const sizes = [0, 1, 262_143, 262_144, 262_145, LARGE.length - 1, LARGE.length, LARGE.length + 1, 2 ** 40];
  it.each(sizes.flatMap((offset) => sizes.map((length) => [offset, length])))(
    'reads the range %i + %i',
    async (offset, length) => {
      const stream = files.open('/large', { offset, length });
      expect(stream.size).toBe(LARGE.length);
      const wanted = LARGE.subarray(offset, Math.min(LARGE.length, offset + length));
      expect((await contentOf(stream)) === wanted.toString('latin1')).toBe(true);
    },
  );

  it('reads a whole file, an empty one, and holes as zeros', async () => {
    expect((await contentOf(files.open('large'))) === LARGE.toString('latin1')).toBe(true);
    expect(await contentOf(files.open('implied/x'))).toBe('');
    expect(await contentOf(files.open('holes', { offset: 3, length: 4 }))).toBe('\0dat');
  });

  it('gives chunks that stay as they are', async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of files.open('large')) chunks.push(chunk);
    expect(chunks.length).toBeGreaterThan(1);
    expect(Buffer.concat(chunks).equals(LARGE)).toBe(true);
    chunks[0]!.fill(0);
    expect((await contentOf(files.open('large'))) === LARGE.toString('latin1')).toBe(true);
  });

  it('ends with its signal', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const read = async () => {
      for await (const _ of files.open('large', { signal: stop.signal })) stop.abort(reason);
    };
    await expect(read()).rejects.toBe(reason);
  });
});

describe('of random layers', () => {
  const ATTRIBUTES = [
    'kind',
    'mode',
    'uid',
    'gid',
    'size',
    'mtimeSeconds',
    'nlink',
    'layerOf',
    'rowOf',
  ] as const;

  it('each path has the attributes and the content of its inode', async () => {
    await fc.assert(
      fc.asyncProperty(stack, async (layers) => {
        const random = viewOf(layers);
        const { tree } = random;
        const api = await random.files();
        for (const { path, inode } of walk(tree)) {
          const stat = api.stat(Buffer.from(path, 'latin1'), { follow: false });
          const { layer: layerOf, row: rowOf, ...rest } = stat;
          const got = { ...rest, layerOf, rowOf };
          expect(stat.inode).toBe(inode);
          for (const name of ATTRIBUTES)
            expect([path, name, got[name]]).toEqual([path, name, tree[name](inode)]);
          if (stat.kind === 'file')
            expect(await contentOf(api.open(stat))).toBe(
              layers[stat.layer - 1]![stat.row]!.content.toString(),
            );
          const last = api.versions(Buffer.from(path, 'latin1')).at(-1)?.stat;
          const { path: _, inode: __, nlink: ___, ...entry } = stat;
          expect(last).toEqual(layers.length === 0 ? undefined : (entry satisfies EntryStat));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('pages of a directory are its children, whatever their size', async () => {
    await fc.assert(
      fc.asyncProperty(stack, fc.integer({ min: 1, max: 5 }), async (layers, limit) => {
        const random = viewOf(layers);
        const { tree } = random;
        const api = await random.files();
        for (const { path, inode } of walk(tree)) {
          if (tree.kind(inode) !== 'dir') continue;
          const whole = api.readdir(path);
          expect(whole.next).toBeUndefined();
          expect(whole.entries.map(({ name }) => String(name))).toEqual(
            Array.from({ length: tree.childEnd(inode) - tree.childStart(inode) }, (_, i) =>
              String(tree.dentryName(tree.childStart(inode) + i)),
            ),
          );
          for (const { name, ...stat } of whole.entries)
            expect(stat).toEqual(api.stat(Buffer.concat([Buffer.from(`${path}/`), name]), { follow: false }));
          const paged: unknown[] = [];
          let cursor: number | undefined = 0;
          while (cursor !== undefined) {
            const page = api.readdir(path, { cursor, limit });
            expect(page.entries.length).toBeLessThanOrEqual(limit);
            paged.push(...page.entries);
            cursor = page.next;
          }
          expect(paged).toEqual(whole.entries);
          expect(api.readdir(path, { cursor: whole.entries.length + 1, limit })).toEqual({
            entries: [],
            next: undefined,
          });
        }
      }),
      { numRuns: 200 },
    );
  });
});
