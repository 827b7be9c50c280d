import { describe, expect, it } from 'vitest';
import { CHUNK_SIZE } from '#src/engine/inflate/chunk-reader.js';
import { MAX_CHUNK_SIZE } from '#src/index/layer-index.js';
import { LAYER_LIMITS } from '#src/index/layer-limits.js';
import { LayerIndexBuilder } from '#src/index/pass/layer-index-builder.js';
import type { TableAllowance } from '#src/index/pass/table-budget.js';
import { digestOf } from '#src/oci/digest.js';
import { LARGE_FILE, READ_UNIT, TocRows } from '#src/tables/toc-rows.js';
import { rowOf, sha256 } from './samples.js';

type Json = Record<string, unknown>;

const LAYER = digestOf(Buffer.from('layer'));
const ONE = digestOf(Buffer.from('one'));
const TWO = digestOf(Buffer.from('two'));
const zeros = (size: number) => digestOf(Buffer.alloc(size));
const DATA_END = 100_000;

/** A file of 100 bytes in one chunk at 1,000. */
const file = (rest: Json = {}): Json => ({
  name: 'a',
  type: 'reg',
  size: 100,
  mode: 0o644,
  offset: 1000,
  digest: ONE,
  ...rest,
});
const chunk = (rest: Json): Json => ({ name: 'a', type: 'chunk', chunkDigest: TWO, ...rest });
const entry = (type: string, rest: Json = {}): Json => ({ name: 'x', type, ...rest });

function read(
  list: readonly Json[],
  { allowance, limits = LAYER_LIMITS }: { allowance?: TableAllowance; limits?: typeof LAYER_LIMITS } = {},
) {
  const builder = new LayerIndexBuilder(LAYER, { limits, ...(allowance && { allowance }) });
  const rows = new TocRows(builder);
  for (const json of list) rows.add(json);
  rows.chunks.endFile();
  const { verification, tarSize } = rows.end('gzip', DATA_END, DATA_END);
  const { chunks } = verification;
  const entries = builder.entriesSoFar();
  return {
    entries,
    tarSize,
    isExact: rows.isExact,
    rows: Array.from({ length: entries.length }, (_, row) => rowOf({ entries }, row)),
    chunks: Array.from({ length: chunks.length }, (_, i) => ({
      out: chunks.outOffsets[i],
      size: chunks.sizes[i],
      in: [chunks.inOffsets[i], chunks.inEnds[i]],
      inner: chunks.innerOffsets[i],
      digest: `sha256:${Buffer.from(chunks.digests.subarray(32 * i, 32 * i + 32)).toString('hex')}`,
    })),
  };
}

describe('rows of a table', () => {
  it('have their content in a virtual tar', () => {
    const { entries, tarSize } = read([
      entry('dir'),
      file({ size: 513, offset: 10 }),
      entry('fifo'),
      file({ size: 512, offset: 20 }),
    ]);
    expect([0, 1, 2, 3].map((row) => entries.dataOffset(row))).toEqual([512, 1024, 2560, 3072]);
    expect(tarSize).toBe(3584);
  });

  it('share no unit of reading with a large file', () => {
    expect(READ_UNIT).toBe(CHUNK_SIZE);
    const { entries, tarSize } = read([
      file({ size: 300, offset: 10 }),
      file({ size: LARGE_FILE, offset: 20 }),
      file({ size: LARGE_FILE - 1, offset: 30 }),
      file({ size: LARGE_FILE + 1, offset: 40 }),
      file({ size: 300, offset: 50 }),
    ]);
    expect([0, 1, 2, 3, 4].map((row) => entries.dataOffset(row))).toEqual([
      512,
      READ_UNIT,
      LARGE_FILE + READ_UNIT + 512,
      2 * LARGE_FILE + 2 * READ_UNIT,
      3 * LARGE_FILE + 3 * READ_UNIT + 512,
    ]);
    expect(tarSize).toBe(3 * LARGE_FILE + 3 * READ_UNIT + 1024);
  });

  it('have what the table says, and nothing else', () => {
    const { rows } = read([
      entry('char', { mode: 0o20_600, devMajor: 1, devMinor: 3, uid: 7, gid: 4294967294, size: 9 }),
      entry('symlink', { linkName: '../t', modtime: '2023-11-14T22:13:20.25Z', devMajor: 5 }),
      entry('hardlink', { name: 'y', linkName: 'x', size: 10 }),
      entry('dir', { linkName: 'ignored', xattrs: { 'user.a': 'AP8=', 'user.empty': '' } }),
    ]);
    const plain = {
      path: 'x',
      link: '',
      mode: 0,
      owner: [0, 0],
      size: 0,
      time: [0, 0],
      device: [0, 0],
      xattrs: [],
    };
    expect(rows).toEqual([
      { ...plain, kind: 'char', mode: 0o600, device: [1, 3], owner: [7, 4294967294] },
      { ...plain, kind: 'symlink', link: '../t', time: [1_700_000_000, 250_000_000] },
      { ...plain, kind: 'hardlink', path: 'y', link: 'x' },
      { ...plain, kind: 'dir', xattrs: ['user.a=\0\xff'] },
    ]);
  });

  it.each(['../../etc/passwd', '/etc/passwd', '', 'a\0b', '.', 'a//../b/', '__proto__'])(
    'have the name %j as it is: the merge judges it',
    (name) => {
      expect(read([entry('dir', { name })]).rows).toMatchObject([{ path: name }]);
    },
  );

  it('come twice if they are twice: the last counts in the merge', () => {
    const { rows, chunks } = read([file(), file({ offset: 2000, digest: TWO })]);
    expect(rows).toHaveLength(2);
    expect(chunks.map(({ digest }) => digest)).toEqual([ONE, TWO]);
  });

  it('leave out what Linux cannot show, with its chunks, and say so', async () => {
    const builder = new LayerIndexBuilder(LAYER);
    const rows = new TocRows(builder);
    rows.add(file({ name: 'n'.repeat(256) }));
    rows.add(file({ name: 'b', offset: 2000 }));
    rows.chunks.endFile();
    const { index } = await builder.finish(rows.end('gzip', DATA_END, DATA_END));
    expect(index.entries.length).toBe(1);
    expect(index.warnings).toEqual([
      expect.stringMatching(/nnn.*skipped: its path has a component of 256 bytes/),
    ]);
    expect(index.verification).toMatchObject({ chunks: { length: 1, inOffsets: Float64Array.of(2000) } });
  });

  it('show an owner out of range as 65534', () => {
    expect(read([entry('dir', { uid: 2 ** 32 - 1, gid: -1 })]).rows).toMatchObject([
      { owner: [65534, 65534] },
    ]);
  });

  it.each([
    ['a name', { name: 'caf\ufffd' }],
    ['a link target', { type: 'symlink', linkName: '\ufffd' }],
    ['the name of an attribute', { xattrs: { 'user.\ufffd': 'AA==' } }],
  ])('are not exact when bytes of %s are lost', (_, rest) => {
    expect(read([entry('dir')]).isExact).toBe(true);
    expect(read([entry('dir', rest)]).isExact).toBe(false);
  });
});

describe('chunks of a table', () => {
  it('of one file each end where the next begins, the last with the content', () => {
    const { chunks } = read([file(), file({ name: 'b', offset: 3000 })]);
    expect(chunks).toEqual([
      { out: 512, size: 100, in: [1000, 3000], inner: 0, digest: ONE },
      { out: 1536, size: 100, in: [3000, DATA_END], inner: 0, digest: ONE },
    ]);
  });

  it('may have any size but the last one, whose size is left out', () => {
    const { chunks } = read([
      file({ chunkSize: 60, chunkDigest: TWO }),
      chunk({ offset: 1100, chunkOffset: 60, chunkSize: 30 }),
      chunk({ offset: 1200, chunkOffset: 90 }),
    ]);
    expect(chunks.map(({ out, size, in: place }) => [out, size, place])).toEqual([
      [512, 60, [1000, 1100]],
      [572, 30, [1100, 1200]],
      [602, 10, [1200, DATA_END]],
    ]);
  });

  it('may share a member, also of several files, and continue in another', () => {
    const { chunks } = read([
      file({ offset: 90, chunkSize: 60, chunkDigest: TWO }),
      chunk({ offset: 90, innerOffset: 60, chunkOffset: 60 }),
      file({ name: 'b', offset: 90, innerOffset: 1024, chunkSize: 40, chunkDigest: TWO }),
      chunk({ name: 'b', offset: 700, chunkOffset: 40 }),
    ]);
    expect(chunks.map(({ in: place, inner }) => [place, inner])).toEqual([
      [[90, 700], 0],
      [[90, 700], 60],
      [[90, 700], 1024],
      [[700, DATA_END], 0],
    ]);
  });

  it('end where the table says so', () => {
    const { chunks } = read([
      file({ endOffset: 1900, chunkSize: 60, chunkDigest: TWO }),
      chunk({ offset: 1100, chunkOffset: 60, chunkSize: 40 }),
      file({ name: 'b', offset: 2000, endOffset: 2010 }),
    ]);
    expect(chunks.map(({ in: place }) => place)).toEqual([
      [1000, 1100],
      [1100, 1900],
      [2000, 2010],
    ]);
  });

  it('of zeros are holes, of any size, with or without a digest', () => {
    const size = 2 * MAX_CHUNK_SIZE + 5;
    const { chunks } = read([
      file({ size: size + 70, chunkSize: 60, chunkDigest: TWO }),
      chunk({ offset: 1100, chunkOffset: 60, chunkSize: size, chunkType: 'zeros', chunkDigest: undefined }),
      chunk({ offset: 1200, chunkOffset: 60 + size, chunkSize: 10 }),
      file({ name: 'b', offset: 1300, size: 300, digest: zeros(300), chunkType: 'zeros' }),
    ]);
    const hole = { in: [0, 0], inner: 0, digest: `sha256:${'00'.repeat(32)}` };
    expect(chunks.slice(1, 4)).toEqual([
      { out: READ_UNIT + 60, size: MAX_CHUNK_SIZE, ...hole },
      { out: READ_UNIT + 60 + MAX_CHUNK_SIZE, size: MAX_CHUNK_SIZE, ...hole },
      { out: READ_UNIT + 60 + 2 * MAX_CHUNK_SIZE, size: 5, ...hole },
    ]);
    expect(chunks[0]!.in).toEqual([1000, 1100]);
    expect(chunks[4]).toMatchObject({ out: READ_UNIT + 60 + size, in: [1200, 1300] });
    expect(chunks[5]).toMatchObject({ size: 300, ...hole });
  });

  it('of an empty file are none', () => {
    expect(read([entry('reg', { digest: `sha256:${sha256(Buffer.alloc(0))}` })]).chunks).toEqual([]);
  });
});

describe('a table that does not fit together is refused:', () => {
  const huge = 2 ** 53 - 1;
  it.each<[string, Json[]]>([
    ['another type', [entry('socket')]],
    ['no type', [{ name: 'a' }]],
    ['no name', [{ type: 'dir' }]],
    ['a name that is a number', [entry('dir', { name: 5 })]],
    ['a negative size', [file({ size: -1 })]],
    ['a size past 2^53', [file({ size: 2 ** 53 })]],
    ['half a size', [file({ size: 0.5 })]],
    ['a size that is text', [file({ size: '100' })]],
    ['sizes past 2^53 together', [file({ size: huge, digest: undefined, chunkType: 'zeros' })]],
    ['no offset', [file({ offset: undefined })]],
    ['a negative offset', [file({ offset: -1 })]],
    ['an offset past 2^53', [file({ offset: 2 ** 53 })]],
    ['an offset past the content', [file({ offset: DATA_END })]],
    ['descending offsets', [file({ offset: 2000 }), file({ name: 'b', offset: 1999 })]],
    [
      'descending offsets of one file',
      [file({ chunkSize: 60, chunkDigest: TWO }), chunk({ offset: 999, chunkOffset: 60 })],
    ],
    ['one offset twice', [file(), file({ name: 'b' })]],
    ['overlapping inner offsets', [file(), file({ name: 'b', innerOffset: 99 })]],
    ['a negative inner offset', [file({ innerOffset: -1 })]],
    ['an inner offset past 2^53', [file({ innerOffset: 2 ** 60 })]],
    [
      'a chunk that begins before another one ends',
      [file({ endOffset: 1500 }), file({ name: 'b', offset: 1499 })],
    ],
    ['an end before its chunk', [file({ endOffset: 1000 })]],
    ['an end past the content', [file({ endOffset: DATA_END + 1 })]],
    ['a negative end', [file({ endOffset: -1 })]],
    [
      'chunks with a gap',
      [file({ chunkSize: 60, chunkDigest: TWO }), chunk({ offset: 1100, chunkOffset: 61 })],
    ],
    [
      'chunks that overlap',
      [file({ chunkSize: 60, chunkDigest: TWO }), chunk({ offset: 1100, chunkOffset: 59 })],
    ],
    ['too few chunks', [file({ chunkSize: 60, chunkDigest: TWO })]],
    [
      'a chunk past its file',
      [file({ chunkSize: 60, chunkDigest: TWO }), chunk({ offset: 1100, chunkOffset: 60, chunkSize: 41 })],
    ],
    ['a chunk after its file', [file(), chunk({ offset: 1100, chunkOffset: 100 })]],
    ['a negative chunk', [file({ chunkSize: -60 })]],
    ['a file that begins in the middle', [file({ chunkOffset: 50 })]],
    ['a chunk without a file', [chunk({ offset: 1000 })]],
    ['a chunk of an empty file', [entry('reg', { name: 'a' }), chunk({ offset: 1000 })]],
    ['a chunk of a directory', [entry('dir', { name: 'a' }), chunk({ offset: 1000 })]],
    [
      'a chunk of another file',
      [file({ chunkSize: 60, chunkDigest: TWO }), chunk({ name: 'b', offset: 1100, chunkOffset: 60 })],
    ],
    [
      'a chunk of an earlier file',
      [file({ chunkSize: 60, chunkDigest: TWO }), entry('dir'), chunk({ offset: 1100, chunkOffset: 60 })],
    ],
    ['a chunk beyond the limit', [file({ size: MAX_CHUNK_SIZE + 1 })]],
    ['no digest', [file({ digest: undefined })]],
    ['no digest of a chunk', [file({ chunkSize: 60 }), chunk({ offset: 1100, chunkOffset: 60 })]],
    ['a digest that is none', [file({ digest: 'sha256:00' })]],
    [
      'a digest of another algorithm',
      [file({ digest: digestOf(Buffer.of(1), `sha512:${'0'.repeat(128)}` as never) })],
    ],
    ['two digests', [file({ chunkDigest: TWO })]],
    ['zeros with the digest of something else', [file({ chunkType: 'zeros' })]],
    ['more zeros with digests than are hashed', [file({ size: 2 ** 40, chunkType: 'zeros' })]],
    ['another type of chunk', [file({ chunkType: 'ones' })]],
    ['attributes that are no map', [entry('dir', { xattrs: ['a'] })]],
    ['an attribute that is a number', [entry('dir', { xattrs: { a: 1 } })]],
    ['an attribute that is not base64', [entry('dir', { xattrs: { a: 'A-_=' } })]],
    ['an attribute cut short', [entry('dir', { xattrs: { a: 'AAA' } })]],
    ['a time that is none', [entry('dir', { modtime: 'yesterday' })]],
    ['a negative mode', [entry('dir', { mode: -1 })]],
    ['a device past 32 bits', [entry('char', { devMajor: 2 ** 32 })]],
    ['an owner that is text', [entry('dir', { uid: '0' })]],
    ['half an owner', [entry('dir', { uid: 0.5 })]],
  ])('%s', (_, list) => {
    expect(() => read(list)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/CORRUPT_LAYER|UNSUPPORTED/) }),
    );
  });

  it('more entries than the limit', () => {
    const many = Array.from({ length: 101 }, () => entry('dir'));
    expect(() => read(many, { limits: { ...LAYER_LIMITS, entries: 100 } })).toThrow(
      /more entries than the limit of 100/,
    );
  });

  it('more chunks than the budget of its index', () => {
    const allowance = { layer: 1_000_000, image: 2 ** 40, used: new SharedArrayBuffer(4) };
    const holes = file({ size: 2 ** 50, digest: undefined, chunkType: 'zeros' });
    expect(() => read([holes], { allowance })).toThrow(/tables take more than the limit/);
  });
});
