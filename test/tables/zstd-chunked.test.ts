import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { type Digest, digestOf } from '#src/oci/digest.js';
import { readTable } from '#src/tables/table.js';
import { dir, file, tarOf } from '../support/tar.js';
import { chunksOf, LayerEnd, MAGIC, rowsOf, stored, type TableInLayer } from './samples.js';
import { splitOf } from './tar-splits.js';

const LAYER = digestOf(Buffer.from('layer'));
const BLOB_SIZE = 1_000_000;
const ONE = digestOf(Buffer.from('x'));

/** A frame of raw blocks, or of one byte many times. (RFC 8878, 3.1.1) */
function frame(content: Buffer, { windowLog = 17, repeated = 0 } = {}): Buffer {
  const blocks: Buffer[] = [];
  const block = (type: number, size: number, bytes: Buffer, isLast: boolean) => {
    const head = Buffer.alloc(3);
    head.writeUIntLE((size << 3) | (type << 1) | (isLast ? 1 : 0), 0, 3);
    blocks.push(head, bytes);
  };
  for (let i = 0; i < repeated; i++) block(1, 131_072, Buffer.from(' '), false);
  for (let at = 0; at < content.length; at += 100_000) {
    const part = content.subarray(at, at + 100_000);
    block(0, part.length, part, false);
  }
  block(0, 0, Buffer.alloc(0), true);
  return Buffer.concat([Buffer.from([...MAGIC.zstd, 0, (windowLog - 10) << 3]), ...blocks]);
}

function skippable(content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a50, 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

interface Options {
  json?: string;
  tarSplit?: Buffer; // its lines
  tarSplitDigest?: Digest; // else the right one
  packed?: Buffer; // the table's frame
}

/** The end of a layer with a table of any text, as its annotations announce it. */
function chunked({ json, tarSplit, tarSplitDigest, packed }: Options = {}) {
  const packedSplit = tarSplit && frame(tarSplit);
  const splitDigest = tarSplitDigest ?? (packedSplit && digestOf(packedSplit));
  const text = json ?? JSON.stringify({ version: 1, entries: [], tarSplitDigest: splitDigest });
  const table = packed ?? frame(Buffer.from(text));
  const end = Buffer.concat([
    skippable(table),
    ...(packedSplit ? [skippable(packedSplit)] : []),
    Buffer.alloc(72),
  ]);
  const offset = BLOB_SIZE - end.length + 8;
  const announcement: Extract<TableInLayer, { format: 'zstd:chunked' }> = {
    format: 'zstd:chunked',
    digest: digestOf(table),
    offset,
    length: table.length,
    size: text.length,
    ...(packedSplit && {
      tarSplit: { offset: offset + table.length + 8, length: packedSplit.length, size: tarSplit.length },
    }),
  };
  return { layer: new LayerEnd(BLOB_SIZE, end, MAGIC.zstd), announcement, text };
}

const read = ({ layer, announcement }: { layer: LayerEnd; announcement: TableInLayer }) =>
  readTable(announcement, layer, { digest: LAYER, blobSize: layer.size });

const listed = (entries: object[], tarSplitDigest?: Digest) =>
  JSON.stringify({ version: 1, entries, tarSplitDigest });

describe('a table of zstd:chunked', () => {
  const entries = [
    { name: 'd/', type: 'dir', mode: 0o755 },
    { name: 'd/a', type: 'reg', size: 1, offset: 100, endOffset: 120, digest: ONE },
  ];

  it('is read by one request and one of the first bytes', async () => {
    const made = chunked({ json: listed(entries) });
    const index = stored(await read(made));
    expect(rowsOf(index)).toMatchObject([{ path: 'd/' }, { path: 'd/a', size: 1 }]);
    expect(index).toMatchObject({ digest: LAYER, codec: 'zstd', blobSize: BLOB_SIZE, tarSize: 1536 });
    expect(made.layer.reads).toHaveLength(2);
  });

  it('is read with its tar-split by one request, and has what the headers say', async () => {
    const tar = tarOf(
      dir('d/'),
      file('d/a', 'x', { mtime: '1700000000.000000001', xattrs: { 'user.a': 'b' } }),
    );
    const tarSplit = Buffer.from(splitOf(tar).join('\n'));
    const digest = digestOf(frame(tarSplit));
    const made = chunked({ json: listed(entries, digest), tarSplit });
    const index = stored(await read(made));
    expect(rowsOf(index)[1]).toMatchObject({ path: 'd/a', time: [1_700_000_000, 1], xattrs: ['user.a=b'] });
    // Where the virtual tar has it, not behind the PAX header.
    expect([...chunksOf(index).outOffsets]).toEqual([1024]);
    expect(index.entries.dataOffset(1)).toBe(1024);
    expect(index.tarSize).toBe(1536);
    expect(made.layer.reads).toHaveLength(2);
  });

  it('counts alone if it has no digest of the tar-split, or the tar has sparse files', async () => {
    const tarSplit = Buffer.from(splitOf(tarOf(dir('d/'), file('other', 'x'))).join('\n'));
    const without = stored(await read(chunked({ json: listed(entries), tarSplit })));
    expect(rowsOf(without)).toMatchObject([{ path: 'd/' }, { path: 'd/a' }]);
    const sparse = Buffer.from(
      splitOf(tarOf(file('d/a', 'x', { pax: { 'GNU.sparse.size': '1' } }))).join('\n'),
    );
    const made = chunked({ json: listed(entries, digestOf(frame(sparse))), tarSplit: sparse });
    expect(rowsOf(stored(await read(made)))).toMatchObject([{ path: 'd/' }, { path: 'd/a' }]);
  });

  it('is refused if it has another version', async () => {
    await expect(read(chunked({ json: '{"version":2,"entries":[]}' }))).rejects.toThrow(/version is 2/);
    await expect(read(chunked({ json: '{"entries":[]}' }))).resolves.toMatchObject({ isExact: true });
  });

  it('must have both digests that are announced', async () => {
    const { layer, announcement, text } = chunked({ json: listed(entries) });
    const right = { ...announcement, estargzDigest: digestOf(Buffer.from(text)) };
    await expect(read({ layer, announcement: right })).resolves.toMatchObject({ isExact: true });
    const wrong = { ...announcement, estargzDigest: ONE };
    await expect(read({ layer, announcement: wrong })).rejects.toThrow(/its digest of eStargz is not/);
    await expect(read({ layer, announcement: { ...announcement, digest: ONE } })).rejects.toThrow(
      /its digest is not/,
    );
  });

  const empty = chunked();
  const moved = (change: object) => ({
    layer: empty.layer,
    announcement: { ...empty.announcement, ...change },
  });
  const split = Buffer.from(splitOf(tarOf(file('a', 'x'))).join('\n'));
  it.each<[string, ReturnType<typeof moved>, RegExp]>([
    ['another position', moved({ offset: empty.announcement.offset + 1 }), /skippable frame/],
    ['another length', moved({ length: empty.announcement.length - 1 }), /skippable frame/],
    ['a size that is too small', moved({ size: empty.announcement.size - 1 }), /longer than/],
    ['a size that is too large', moved({ size: empty.announcement.size + 1 }), /bytes, want/],
    ['a digest of another algorithm', moved({ digest: `sha512:${'0'.repeat(128)}` }), /digest is not/],
    ['bytes that are not zstd', chunked({ packed: Buffer.alloc(100, 1) }), /./],
    ['a cut frame', chunked({ packed: frame(Buffer.from('{"entries":[]}')).subarray(0, 12) }), /./],
    [
      'a window of 1 GiB',
      chunked({ packed: frame(Buffer.from('{"entries":[]}'), { windowLog: 30 }) }),
      /window/,
    ],
    [
      'the end of the content behind the table',
      chunked({ json: listed([{ ...entries[1], offset: BLOB_SIZE - 10, endOffset: BLOB_SIZE }]) }),
      /chunk/,
    ],
    [
      'another tar-split',
      chunked({ json: listed([{ name: 'b', type: 'dir' }], digestOf(frame(split))), tarSplit: split }),
      /another one in its tar-split/,
    ],
    [
      'a tar-split with another digest',
      chunked({ tarSplit: split, tarSplitDigest: ONE }),
      /digest of its tar-split is not|another one/,
    ],
  ])('is refused with %s', async (_, made, why) => {
    const error = await read(made).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(LayerslayerError);
    expect(error).toMatchObject({
      code: expect.stringMatching(/^(CORRUPT_LAYER|UNSUPPORTED)$/),
      message: expect.stringMatching(why),
    });
  });

  it('is refused if the layer is not zstd', async () => {
    const layer = new LayerEnd(BLOB_SIZE, (await empty.layer.read(900_000, 100_000)).slice(), MAGIC.gzip);
    await expect(read({ layer, announcement: empty.announcement })).rejects.toThrow(
      /it announces zstd, the layer is gzip/,
    );
  });

  it('is refused as soon as it is longer than announced, in bounded memory', async () => {
    const bomb = chunked({ packed: frame(Buffer.alloc(0), { repeated: 4000 }) });
    expect(bomb.announcement.length).toBeLessThan(20_000);
    const before = process.memoryUsage().rss;
    await expect(read(bomb)).rejects.toThrow(/longer than/);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 ** 2);
  });
});
