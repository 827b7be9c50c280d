import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { PAGE_SIZE } from '#src/blob/page.js';
import type { Codec } from '#src/codec/codec.js';
import { PLAIN } from '#src/codec/codecs.js';
import { gzip } from '#src/codec/gzip/gzip-codec.js';
import { CHUNK_SIZE } from '#src/engine/inflate/chunk-reader.js';
import { LastRead } from '#src/engine/inflate/last-read.js';
import { TableChunkReader } from '#src/engine/inflate/unverified/table-chunk-reader.js';
import { VerifiedParts } from '#src/engine/inflate/unverified/verified-parts.js';
import { digestOf, noise, same } from '../../../blob/bytes.js';
import { plain as text } from '../../../codec/gzip/plain.js';
import { resources } from '../../../index/built-layer.js';
import {
  HashingThread,
  layerOf,
  type Piece,
  readAll,
  TABLE_CODECS,
  type TableLayerBytes,
  Upstream,
} from './table-layer.js';

const W = CHUNK_SIZE;
const MIB = 1024 * 1024;

function open(
  { plain, blob, chunks }: TableLayerBytes,
  { tarSize = plain.length, codec = gzip }: { tarSize?: number; codec?: Codec } = {},
) {
  const upstream = new Upstream(blob);
  const cursors = resources();
  const parts = new VerifiedParts();
  const wrong: string[] = [];
  const onWrong = (reason: string) => void wrong.push(reason);
  const layer = { digest: digestOf(blob), codec, tarSize, chunks };
  const aside = new HashingThread();
  const { hashAside } = aside;
  const lastRead = new LastRead();
  const reader = new TableChunkReader(layer, upstream.blob, { cursors, parts, lastRead, hashAside, onWrong });
  const release = (buffer: ArrayBuffer) => cursors.buffers.release(buffer);
  const read = (first: number, count = 1, options: { likelyEnd?: number; signal?: AbortSignal } = {}) =>
    readAll(reader, release, first, count, options);
  const isRight = async (first: number, count = 1) =>
    same(await read(first, count), plain.subarray(first * W, (first + count) * W));
  return { upstream, read, isRight, wrong, parts, aside, cursors, plain, count: Math.ceil(plain.length / W) };
}

const content = (size: number, seed: number) =>
  new Uint8Array(seed % 2 === 0 ? noise(size, seed + 1) : text('copies', size, seed));

/** Chunks alone and together, holes and gaps; sizes around what the reader counts in. */
const size = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.constantFrom(512, W - 1, W, W + 1, 300_000),
  fc.integer({ min: 1, max: 200_000 }),
);
const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc.record({ gap: size }),
  fc.record({ hole: size }),
  fc
    .record({
      sizes: fc.array(size, { minLength: 1, maxLength: 6 }),
      seed: fc.nat(1000),
      before: fc.constantFrom(0, 512, 40_000),
      after: fc.constantFrom(0, 7, 100_000),
    })
    .map(({ sizes, seed, ...rest }) => ({ ...rest, chunks: sizes.map((one, i) => content(one, seed + i)) })),
);

describe.each(TABLE_CODECS)('a layer of $codec.name chunks', ({ codec, compress, numRuns }) => {
  it('has the bytes of its chunks, zeros elsewhere, in whatever order it is read', async () => {
    const read = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 20 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { minLength: 1, maxLength: 12 }),
        fc.array(read, { maxLength: 8 }),
        async (pieces, reads) => {
          const { isRight, read, count, plain, wrong } = open(layerOf(pieces, compress), { codec });
          for (const [at, wanted] of reads) {
            const first = at % count;
            expect(await isRight(first, Math.min(wanted, count - first))).toBe(true);
          }
          expect(same(await read(0, count), plain)).toBe(true);
          expect(wrong).toEqual([]);
        },
      ),
      { numRuns },
    );
  });

  it('has the right bytes for several readers at once, however late they come', async () => {
    const pieces = Array.from({ length: 30 }, (_, i): Piece[] => [
      { gap: 512 },
      { chunks: [content(50_000 * (1 + (i % 5)), i), content(777, i)], before: 600 },
    ]).flat();
    const { read, upstream, plain, count } = open(layerOf(pieces, compress), { codec });
    upstream.before = async ({ offset }) => {
      for (let i = offset % 3; i >= 0; i--) await new Promise(setImmediate);
    };
    const walk = async (start: number, step: number) => {
      for (let first = start; first < count; first += step) {
        const got = await read(first, Math.min(step, count - first));
        expect(same(got, plain.subarray(first * W, (first + step) * W))).toBe(true);
      }
    };
    await Promise.all([walk(0, 1), walk(0, 3), walk(2, 2), walk(count >> 1, 1), walk(1, 20)]);
  });

  it('is empty without chunks', async () => {
    const { read, upstream } = open(layerOf([]), { tarSize: 3 * W + 10, codec });
    expect(same(await read(0, 4), new Uint8Array(3 * W + 10))).toBe(true);
    expect(upstream.reads).toEqual([]);
  });
});

describe('a chunk that waits for a cursor', () => {
  it('takes no memory: readers that have all cursors may wait for that', async () => {
    const { isRight, parts, cursors } = open(layerOf([{ chunks: [noise(MIB)] }]));
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const busy = Array.from({ length: 32 }, () =>
      cursors.use({ owner: {}, codec: gzip, from: 0, to: 0 }, () => ended),
    );
    const waiting = isRight(0);
    await new Promise(setImmediate);
    expect(parts.bytes).toBe(0);
    end();
    await Promise.all(busy);
    expect(await waiting).toBe(true);
  });
});

describe('the compressed bytes of a chunk', () => {
  const bytes = noise(4 * MIB);

  it('are requested at once for a short read, and not again', async () => {
    const { isRight, upstream } = open(layerOf([{ gap: 512 }, { chunks: [bytes] }, { gap: 512 }]));
    expect(await isRight(7)).toBe(true);
    const [first] = upstream.reads;
    const inEnd = upstream.bytes.length - 1000;
    expect(first).toEqual({ offset: 0, length: PAGE_SIZE, aheadEnd: inEnd, fresh: false });
    expect(upstream.reads.slice(1).every(({ aheadEnd }) => aheadEnd === undefined)).toBe(true);
    const { length } = upstream.reads;
    for (const chunk of [0, 100, 127]) expect(await isRight(chunk)).toBe(true);
    expect(upstream.reads.length).toBe(length);
  });

  it('come with those of its neighbours, as far as the read needs them', async () => {
    const pieces = Array.from({ length: 20 }, (_, i): Piece[] => [
      { chunks: [content(3000, i)] },
      { gap: 512 },
    ]);
    const layer = layerOf([...pieces.flat(), { gap: W }, { chunks: [bytes] }]);
    const { isRight, upstream } = open(layer);
    expect(await isRight(0)).toBe(true);
    // The tenth chunk has the first byte after the window.
    expect(upstream.reads[0]?.aheadEnd).toBe(layer.chunks.inEnds[9]);
  });

  it('of 64 MiB come in requests of less than 8 MiB, the next one before the last one has ended', async () => {
    const { read, upstream, plain, parts } = open(
      layerOf([{ chunks: [noise(64 * MIB, 5)] }], (all) => gzipSync(all, { level: 0 })),
    );
    const got = await read(2047);
    expect(same(got, plain.subarray(2047 * W))).toBe(true);
    const requests = upstream.reads.filter(({ aheadEnd }) => aheadEnd !== undefined);
    let before = 0;
    for (const { offset, aheadEnd = 0 } of requests) {
      expect(aheadEnd - offset).toBeLessThan(8 * MIB);
      expect(offset).toBeLessThanOrEqual(before);
      before = aheadEnd;
    }
    expect(before).toBe(upstream.bytes.length - 1000);
    expect(parts.bytes).toBe(64 * MIB);
  });

  it('are announced for a reader that will likely continue, 12 MiB at most', async () => {
    const pieces = Array.from({ length: 10 }, (_, i): Piece => ({ chunks: [noise(4 * MIB, i + 1)] }));
    const layer = layerOf(pieces);
    const { read, upstream } = open(layer);
    const { inEnds } = layer.chunks;
    await read(0);
    expect(upstream.announced).toEqual([]);
    await read(1, 1, { likelyEnd: 130 });
    await read(2, 1, { likelyEnd: 9999 });
    expect(upstream.announced).toEqual([
      [inEnds[0], inEnds[1]],
      [inEnds[0], inEnds[0]! + 12 * MIB],
    ]);
  });

  it('are fetched again as far as the chunk goes, not to the end of a long member', async () => {
    const layer = layerOf([{ chunks: [noise(10 * MIB)], after: 20 * MIB }]);
    const { upstream, isRight } = open(layer);
    upstream.damageAt = 9 * MIB;
    expect(await isRight(0)).toBe(true);
    const step = 31 * PAGE_SIZE;
    expect(upstream.reads.filter(({ fresh }) => fresh)).toEqual(
      [0, step].map((offset) => ({ offset, length: PAGE_SIZE, aheadEnd: offset + step, fresh: true })),
    );
  });

  it('of a member that holds more are requested as far as a short read needs them', async () => {
    const large = noise(4 * MIB);
    const small = [noise(300, 1), noise(300, 2)];
    const together: Piece = { chunks: [...small, large], before: 512 };
    const { isRight, upstream } = open(layerOf([together, { gap: 512 }]));
    expect(await isRight(20)).toBe(true); // all of the large one
    const whole = upstream.reads.splice(0);
    expect(Math.max(...whole.map(({ offset, length }) => offset + length))).toBeGreaterThan(4 * MIB);

    const alone = open(layerOf([{ chunks: small, before: 512, after: 4 * MIB }, { gap: W }]));
    expect(await alone.isRight(0)).toBe(true);
    expect(alone.upstream.reads).toHaveLength(1);
    const [{ offset, length, aheadEnd = 0 }] = alone.upstream.reads as [(typeof alone.upstream.reads)[0]];
    expect(Math.max(offset + length, aheadEnd)).toBeLessThan(4096);
  });

  it('are decoded once for chunks of one member that are read in order', async () => {
    const chunks = Array.from({ length: 100 }, (_, i) => noise(20_000, i + 1));
    const { isRight, upstream, count } = open(layerOf([{ chunks, before: 512 }]));
    for (let first = 0; first < count; first++) expect(await isRight(first)).toBe(true);
    const read = upstream.reads.reduce((sum, { length }) => sum + length, 0);
    expect(read).toBe(upstream.bytes.length - 1000);
  });
});

describe('long chunks', () => {
  const layer = layerOf([1, 2, 3].map((seed): Piece => ({ chunks: [noise(2 * MIB, seed)] })));
  const second = layer.chunks.inOffsets[1]!;
  const untilRead = async ({ reads }: Upstream, offset: number) => {
    while (reads.every((range) => range.offset < offset)) await new Promise(setImmediate);
  };

  it('are hashed in another thread, short ones in this one', async () => {
    const { isRight, aside } = open(layerOf([{ chunks: [noise(MIB - 1)] }, { chunks: [noise(MIB)] }]));
    expect(await isRight(0, 64)).toBe(true);
    expect(aside.hashed).toBe(1);
  });

  it('of a sequential reader are decoded while the one before is hashed', async () => {
    const { read, upstream, aside, plain } = open(layer);
    let release = () => {};
    aside.before = () => new Promise((resolve) => (release = resolve));
    const reads = [read(0), read(1, 1, { likelyEnd: 100 })];
    await untilRead(upstream, second);
    aside.before = () => {};
    release();
    expect(same(Buffer.concat(await Promise.all(reads)), plain.subarray(0, 2 * W))).toBe(true);
    expect(same(await read(64), plain.subarray(64 * W, 65 * W))).toBe(true);
    const offsets = upstream.reads.map(({ offset }) => offset);
    expect(new Set(offsets).size).toBe(offsets.length); // each is decoded once
  });

  it.each([
    ['that may not continue', [[0], [1], [2]]],
    ['that is not the only one of its thread', [[60], [0, 100], [61, 100], [1, 100]]],
  ])('are not decoded ahead of a reader %s', async (_, reads) => {
    const { read, upstream, aside } = open(layer);
    for (const [first = 0, likelyEnd = first + 1] of reads) await read(first, 1, { likelyEnd });
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(upstream.reads.every(({ offset }) => offset < second)).toBe(true);
    expect(aside.hashed).toBe(1);
  });

  it('fail the read that needs them, not those before it, and are tried ahead once', async () => {
    const { read, isRight, upstream } = open(layer);
    upstream.damageAt = second + 1000;
    upstream.isFreshDamaged = true;
    const fresh = () => upstream.reads.filter((range) => range.fresh).length;
    for (let first = 0; first < 20; first++) {
      const got = await read(first, 1, { likelyEnd: 100 });
      expect(same(got, layer.plain.subarray(first * W, (first + 1) * W))).toBe(true);
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    }
    expect(fresh()).toBe(1);
    await expect(read(64)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(fresh()).toBe(2);
    upstream.damageAt = undefined;
    expect(await isRight(64)).toBe(true);
  });

  it('fail when the other thread ends, and are made again later', async () => {
    const { read, isRight, aside, parts } = open(layer);
    const fault = new LayerslayerError('INTERNAL', 'the other thread is gone');
    aside.before = () => {
      throw fault;
    };
    await expect(read(0)).rejects.toBe(fault);
    expect(parts.bytes).toBe(0);
    aside.before = () => {};
    expect(await isRight(0)).toBe(true);
  });

  it('are fetched again if they are wrong', async () => {
    const { isRight, upstream, wrong } = open(layer);
    upstream.damageAt = second + 1000;
    expect(await isRight(0, 192)).toBe(true);
    expect(wrong).toEqual([expect.stringMatching(/^chunk 1 of /)]);
  });
});

describe('wrong bytes', () => {
  const layer = layerOf([{ chunks: [noise(10_000, 3)] }, { chunks: [noise(500_000, 1), noise(9000, 2)] }]);
  const at = layer.chunks.inOffsets[1]!;

  it.each([
    ['in the data', at + 1000],
    ['in the header', at],
    ['behind the first page', at + 300_000],
  ])('are fetched again, once (%s)', async (_, damageAt) => {
    const { read, upstream, plain, wrong, count } = open(layer);
    upstream.damageAt = damageAt;
    expect(same(await read(0, count), plain)).toBe(true);
    const fresh = upstream.reads.filter((range) => range.fresh);
    expect(fresh).toEqual([
      { offset: at, length: PAGE_SIZE - at, aheadEnd: layer.chunks.inEnds[1], fresh: true },
    ]);
    expect(wrong).toEqual([expect.stringMatching(new RegExp(`^chunk 1 of sha256:\\S+, at ${at}: `))]);
  });

  it('that stay wrong are DIGEST_MISMATCH, and never delivered', async () => {
    const { read, isRight, upstream, count } = open(layer);
    upstream.isFreshDamaged = true;
    upstream.damageAt = at + 1000;
    for (let turn = 0; turn < 2; turn++) {
      await expect(read(0, count)).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
        message: expect.stringMatching(/^chunk 1 of sha256:\S+, at \d+: wrong bytes, twice: /),
      });
      expect(upstream.reads.filter(({ fresh }) => fresh).length).toBe(turn + 1);
    }
    upstream.damageAt = undefined;
    expect(await isRight(0, count)).toBe(true);
  });

  it('are what a table with another digest gets', async () => {
    const digests = Buffer.from(layer.chunks.digests);
    digests[40]! ^= 1;
    const { read } = open({ ...layer, chunks: { ...layer.chunks, digests } });
    await expect(read(3)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining('the bytes are not those of the digest'),
    });
  });

  it('are what a chunk is that its member does not hold', async () => {
    const short = (column: 'sizes' | 'innerOffsets') =>
      open({ ...layer, chunks: { ...layer.chunks, [column]: layer.chunks[column].map((n) => n + 600_000) } });
    for (const column of ['sizes', 'innerOffsets'] as const) {
      await expect(short(column).read(0)).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
        message: expect.stringMatching(/twice: the compressed bytes end \d+ bytes early/),
      });
    }
  });

  it('are never delivered, wherever they are, and whatever is read before', async () => {
    const chunks = [30_000, 1, 70_000, 5000].map((size, i) => content(size, i));
    const small = layerOf([
      { chunks: chunks.slice(0, 2), before: 600 },
      { gap: 512 },
      { chunks: chunks.slice(2) },
    ]);
    await fc.assert(
      fc.asyncProperty(fc.nat(small.blob.length - 1), fc.nat(3), async (damageAt, before) => {
        const { isRight, read, upstream, plain, count } = open(small);
        expect(await isRight(before % count)).toBe(true);
        upstream.damageAt = damageAt;
        upstream.isFreshDamaged = true;
        const got = await read(0, count).catch((error: LayerslayerError) => error.code);
        expect(got === 'DIGEST_MISMATCH' || same(got as Buffer, plain)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('of one size are not taken for those of another', async () => {
    const { read } = open(layerOf([{ chunks: [noise(9000, 2)] }, { gap: W }, { chunks: [noise(9001, 2)] }]));
    expect((await read(0)).length).toBe(W);
    const { chunks, plain, blob } = layerOf([
      { chunks: [noise(9000, 2)] },
      { gap: W },
      { chunks: [noise(9001, 2)] },
    ]);
    const digests = Buffer.concat([chunks.digests.subarray(0, 32), chunks.digests.subarray(0, 32)]);
    const lying = open({ plain, blob, chunks: { ...chunks, digests } });
    expect(await lying.isRight(0)).toBe(true);
    await expect(lying.read(1)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});

describe('a hostile table', () => {
  it.each(TABLE_CODECS)(
    'of a $codec.name bomb gets its bytes, and no more are decoded',
    async ({ codec, compress }) => {
      const bomb = (bytes: Uint8Array) => compress(Buffer.concat([bytes, Buffer.alloc(200 * MIB)]));
      const { isRight, upstream } = open(layerOf([{ chunks: [noise(1000)] }], bomb), { codec });
      expect(await isRight(0)).toBe(true);
      expect(upstream.reads.length).toBe(1);
    },
  );

  const layer = layerOf([{ chunks: [noise(1000)] }]);
  it.each([
    ['sizes', 0],
    ['sizes', -1],
    ['sizes', 64 * MIB + 1],
    ['sizes', Number.NaN],
    ['sizes', 1.5],
    ['inEnds', 0],
    ['inEnds', 2 ** 53],
    ['inEnds', layer.blob.length + 1],
    ['inOffsets', -1],
    ['inOffsets', layer.blob.length],
    ['innerOffsets', -1],
    ['innerOffsets', 2 ** 31],
    ['innerOffsets', Number.POSITIVE_INFINITY],
  ] as const)('with %s of %d is CORRUPT_LAYER', async (column, value) => {
    const { read, upstream } = open({
      ...layer,
      chunks: { ...layer.chunks, [column]: new Float64Array([value]) },
    });
    await expect(read(0)).rejects.toMatchObject({
      code: 'CORRUPT_LAYER',
      message: expect.stringContaining('chunk 0 is impossible'),
    });
    expect(upstream.reads).toEqual([]);
  });

  it('of a layer that is not compressed is CORRUPT_LAYER', () => {
    expect(() => open(layer, { codec: PLAIN })).toThrow('a plain layer cannot have a table');
  });
});

describe('faults and aborts', () => {
  const layer = layerOf([{ chunks: [noise(3 * MIB)] }]);

  it('of the blob go to the reader, and the next one tries again', async () => {
    const { read, isRight, upstream } = open(layer);
    const fault = new LayerslayerError('REGISTRY_UNAVAILABLE', 'no answer');
    upstream.before = ({ offset }) => {
      if (offset > MIB) throw fault;
    };
    await expect(read(5)).rejects.toBe(fault);
    upstream.before = () => {};
    expect(await isRight(5)).toBe(true);
  });

  it('of one reader leave the other, and those of the last one end the decoding', async () => {
    const { read, upstream, plain } = open(layer);
    let release = () => {};
    let isAborted = false;
    upstream.before = ({ offset }, signal) => {
      if (offset !== MIB) return undefined;
      signal?.addEventListener('abort', () => {
        isAborted = true;
        release();
      });
      return new Promise((resolve) => (release = resolve));
    };
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
    const reads = [first, second].map(({ signal }) => read(3, 2, { signal }));
    const reason = new LayerslayerError('ABORTED', 'no more');
    first.abort(reason);
    await expect(reads[0]).rejects.toBe(reason);
    expect(isAborted).toBe(false);
    while (upstream.reads.at(-1)!.offset !== MIB) await new Promise(setImmediate);
    release();
    expect(same((await reads[1])!, plain.subarray(3 * W, 5 * W))).toBe(true);
    expect(new Set(upstream.reads.map(({ offset }) => offset)).size).toBe(upstream.reads.length);

    const later = open(layer);
    later.upstream.before = upstream.before;
    const alone = later.read(3, 1, { signal: third.signal });
    while (later.upstream.reads.at(-1)?.offset !== MIB) await new Promise(setImmediate);
    third.abort(reason);
    await expect(alone).rejects.toBe(reason);
    await new Promise(setImmediate);
    expect(isAborted).toBe(true);
    expect(later.parts.bytes).toBe(0);
    later.upstream.before = () => {};
    expect(await later.isRight(3)).toBe(true);
  });
});

describe('memory for chunks', () => {
  it('is bounded, however many readers there are', async () => {
    const chunk = (seed: number): Piece => {
      const bytes = new Uint8Array(40 * MIB);
      bytes.set(noise(100, seed));
      return { chunks: [bytes] };
    };
    const { read, parts, plain, count } = open(layerOf([1, 2, 3, 4].map(chunk)));
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, parts.bytes)));
    const reads = [0, 1, 2, 3].flatMap((i) => [0, 7].map((more) => (i * count) / 4 + more));
    const got = await Promise.all(reads.map((first) => read(first)));
    clearInterval(watch);
    got.forEach((bytes, i) => {
      expect(same(bytes, plain.subarray(reads[i]! * W, (reads[i]! + 1) * W))).toBe(true);
    });
    expect(most).toBe(40 * MIB);
    expect(parts.bytes).toBe(40 * MIB);
  });
});
