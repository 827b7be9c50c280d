import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { type Digest, digestOf } from '#src/oci/digest.js';
import { readTable } from '#src/tables/table.js';
import { file, tarOf } from '../support/tar.js';
import {
  chunkBytes,
  chunkDigest,
  chunksOf,
  LayerEnd,
  MAGIC,
  rowsOf,
  sample,
  sha256,
  stored,
} from './samples.js';

const LAYER = digestOf(Buffer.from('layer'));

/** The last 51 bytes: an empty member whose Extra field has the table's offset. */
function footer(offset: number, word = 'STARGZ'): Buffer {
  const text = `SG\x16\0${offset.toString(16).padStart(16, '0')}${word}`;
  const head = Buffer.from('\x1f\x8b\x08\x04\0\0\0\0\0\xff\x1a\0', 'latin1');
  return Buffer.concat([head, Buffer.from(text), Buffer.from('\x01\0\0\xff\xff\0\0\0\0\0\0\0\0', 'latin1')]);
}

interface Options {
  json?: string;
  name?: string; // of the table's tar entry
  member?: Buffer; // instead of the table's tar
  blobSize?: number;
  end?: Buffer; // instead of the footer
}

/** The end of an eStargz, with a table of any text. */
function estargz({
  json = '{"version":1,"entries":[]}',
  name = 'stargz.index.json',
  member,
  blobSize = 1_000_000,
  end,
}: Options = {}) {
  const table = gzipSync(member ?? tarOf(file(name, json)));
  const offset = blobSize - table.length - 51;
  return {
    layer: new LayerEnd(blobSize, Buffer.concat([table, end ?? footer(offset)]), MAGIC.gzip),
    digest: digestOf(Buffer.from(json)),
  };
}

const read = ({ layer, digest }: { layer: LayerEnd; digest: Digest }) =>
  readTable({ format: 'estargz', digest }, layer, { digest: LAYER, blobSize: layer.size });

async function refusal(layer: { layer: LayerEnd; digest: Digest }): Promise<LayerslayerError> {
  const error = await read(layer).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LayerslayerError)) throw new Error(`${String(error)} is no coded error`);
  return error;
}

describe('the table of an eStargz', () => {
  it('is read at the offset in the footer, by one request and one of the first bytes', async () => {
    const json = JSON.stringify({ version: 1, entries: [{ name: 'etc/', type: 'dir', mode: 0o755 }] });
    const { layer, digest } = estargz({ json });
    const index = stored(await read({ layer, digest }));
    expect(rowsOf(index)).toMatchObject([
      { kind: 'dir', path: 'etc/', mode: 0o755 },
      { kind: 'file', path: 'stargz.index.json', size: json.length },
    ]);
    expect({ digest: index.digest, blobSize: index.blobSize, codec: index.codec }).toEqual({
      digest: LAYER,
      blobSize: 1_000_000,
      codec: 'gzip',
    });
    expect(layer.reads).toHaveLength(2);
  });

  it('is itself a file of the layer', async () => {
    const json = `{"version":1,"entries":[]}${' '.repeat(5000)}`;
    const { layer, digest } = estargz({ json });
    const blob = await layer.read(0, layer.size);
    const chunks = chunksOf(stored(await read({ layer, digest })));
    expect(chunkBytes('gzip', blob, chunks, 0).toString()).toBe(json);
    expect(`sha256:${chunkDigest(chunks, 0)}`).toBe(digest);
  });

  it('is read by a second request if it is longer than the end that was read first', async () => {
    const entries = Array.from({ length: 3000 }, (_, i) => ({
      name: sha256(Buffer.from([i, i >> 8])),
      type: 'dir',
    }));
    const { layer, digest } = estargz({ json: JSON.stringify({ version: 1, entries }) });
    expect(rowsOf(stored(await read({ layer, digest })))).toHaveLength(3001);
    expect(layer.reads).toHaveLength(3);
    expect(layer.reads.reduce((sum, [, length]) => sum + length, 0)).toBeLessThan(200_000);
  });

  it('is read with less than 16 KiB of content, however large the layer is', async () => {
    const { layer, digest } = estargz({ blobSize: 64_000_000 });
    await read({ layer, digest });
    expect(layer.reads).toHaveLength(2);
    expect(layer.reads.reduce((sum, [, length]) => sum + length, 0)).toBeLessThan(16_500);
  });

  const oneOfTwo = { json: '{"version":1,"entries":[{"name":"a","type":"dir"}]}' };
  it.each<[string, Options, RegExp]>([
    ['no footer', { end: Buffer.alloc(51) }, /no footer/],
    [
      'the footer of the older format',
      { end: Buffer.concat([Buffer.alloc(4), footer(900_000).subarray(4)]) },
      /no footer/,
    ],
    ['the footer of a table elsewhere', { end: footer(0, 'STARGZEXTERNALTOC').subarray(-51) }, /no footer/],
    ['an offset past the layer', { end: footer(1_000_001) }, /outside the layer/],
    ['an offset at the footer', { end: footer(1_000_000 - 51) }, /outside the layer/],
    [
      'an offset past 2^53',
      { end: Buffer.from(footer(0).toString('latin1').replace(/0{16}/, 'f'.repeat(16)), 'latin1') },
      /outside the layer/,
    ],
    ['an offset where no member is', { end: footer(999_000) }, /not a gzip member/],
    ['another name', { name: 'index.json' }, /entry "index.json"/],
    ['two entries', { member: tarOf(file('stargz.index.json', '{"entries":[]}'), file('b')) }, /entry "b"/],
    ['an empty member', { member: tarOf() }, /empty/],
    ['no tar', { member: Buffer.from('{"entries":[]}'.padEnd(1024)) }, /no tar header/],
    [
      'a tar cut short',
      { member: tarOf(file('stargz.index.json', 'x'.repeat(2000))).subarray(0, 1024) },
      /bytes short/,
    ],
    ['a table that is no JSON', { json: 'entries' }, /list of entries|JSON/],
    ['a table without entries', { json: '{}' }, /no list of entries/],
    ['a table of another version', { json: '{"version":2,"entries":[]}' }, /version is 2, want 1/],
    ['an entry that lies', { json: '{"entries":[{"name":"a","type":"reg","size":-1}]}' }, /a size is -1/],
  ])('is refused with %s', async (_, options, why) => {
    await expect(read(estargz(oneOfTwo))).resolves.toMatchObject({ isExact: true });
    expect(await refusal(estargz(options))).toMatchObject({
      code: 'CORRUPT_LAYER',
      message: expect.stringMatching(why),
    });
  });

  it('is refused with another digest, or one of another algorithm', async () => {
    const { layer } = estargz();
    expect((await refusal({ layer, digest: LAYER })).message).toMatch(/digest is not/);
    const sha512 = `sha512:${'0'.repeat(128)}` as Digest;
    expect((await refusal({ layer, digest: sha512 })).message).toMatch(/digest is not/);
  });

  it('is refused if the layer is not gzip', async () => {
    const { layer, digest } = estargz();
    const zstd = new LayerEnd(layer.size, (await layer.read(900_000, 100_000)).slice(), MAGIC.zstd);
    expect((await refusal({ layer: zstd, digest })).message).toMatch(/it announces gzip, the layer is zstd/);
  });

  it.each([0, 1, 50, 51, 52, 100])('is refused if the layer has %d bytes', async (size) => {
    const layer = new LayerEnd(size, footer(0).subarray(0, size), MAGIC.gzip);
    expect((await refusal({ layer, digest: LAYER })).code).toBe('CORRUPT_LAYER');
  });

  it('is refused, and never anything else, whatever byte of it changes', async () => {
    const real = sample('estargz-inner-1.end');
    const size = 443_417;
    const digest = 'sha256:767b65976a0a81554e1d9d348ededdd7c9b12945f89a6b46d2ca98ea4c361310' as Digest;
    await expect(read({ layer: new LayerEnd(size, real, MAGIC.gzip), digest })).resolves.toMatchObject({});
    let refused = 0;
    // In what decides the digest: not the member's time, checksum or size.
    for (let at = 10; at < real.length; at += 13) {
      const changed = Buffer.from(real);
      changed[at]! ^= 1 << (at % 8);
      const error = await read({ layer: new LayerEnd(size, changed, MAGIC.gzip), digest }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) continue;
      refused++;
      expect(error).toMatchObject({ code: expect.stringMatching(/^(CORRUPT_LAYER|UNSUPPORTED)$/) });
    }
    expect(refused).toBeGreaterThan(200);
  });

  it('is refused beyond 150 MiB, in bounded memory', async () => {
    const bomb = gzipSync(
      Buffer.concat([
        file('stargz.index.json', Buffer.alloc(170 * 1024 ** 2, ' ')).subarray(0, 512),
        Buffer.alloc(160 * 1024 ** 2, ' '),
      ]),
    );
    const layer = new LayerEnd(
      1_000_000,
      Buffer.concat([bomb, footer(1_000_000 - bomb.length - 51)]),
      MAGIC.gzip,
    );
    expect(bomb.length).toBeLessThan(200_000);
    const before = process.memoryUsage().rss;
    expect((await refusal({ layer, digest: LAYER })).message).toMatch(/longer than/);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 ** 2);
  });

  it('is refused with millions of entries in a layer of 1 MB', async () => {
    const one = Buffer.from('{"name":"a","type":"dir"},');
    const entries = Buffer.alloc(one.length * 5_000_000, one);
    const json = Buffer.concat([Buffer.from('{"version":1,"entries":['), entries]);
    const member = file('stargz.index.json', json);
    const { layer } = estargz({ member });
    const digest = digestOf(json);
    const allowance = { layer: 64 * 1024 ** 2 + 16_000_000, image: 2 ** 40, used: new SharedArrayBuffer(4) };
    const options = { digest: LAYER, blobSize: layer.size, allowance };
    await expect(readTable({ format: 'estargz', digest }, layer, options)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/tables take more than the limit/),
    });
    expect(new Int32Array(allowance.used)[0]).toBe(0); // released
  });

  it('passes on what reading the layer throws', async () => {
    const { layer, digest } = estargz();
    const gone = new LayerslayerError('TIMED_OUT', 'no answer');
    const broken = Object.assign(layer, { read: () => Promise.reject(gone) });
    expect(await refusal({ layer: broken, digest })).toMatchObject({ code: 'TIMED_OUT' });
  });
});
