import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { BLOCK_SIZE, PAGE_SIZE } from '#src/blob/page.js';
import { CHUNK_SIZE, type ReadableLayer } from '#src/engine/inflate/chunk-reader.js';
import { noise, same } from '../../blob/bytes.js';
import { plain } from '../../codec/gzip/plain.js';
import {
  readableGzip,
  readablePlain,
  readChunks,
  readerOf,
  resources,
  WatchedBlob,
} from '../../index/built-layer.js';

/** Compressible and not, with matches over every border. */
function content(size: number): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < size; turn++) {
    const part = [
      plain('copies', 150_000, turn + 1),
      noise(90_000, turn + 1),
      new Uint8Array(300_000),
      plain('letters', 60_000, turn + 1),
    ][turn % 4]!;
    parts.push(part);
    at += part.length;
  }
  return Buffer.concat(parts).subarray(0, size);
}

const SPAN = 64 * 1024;
const W = CHUNK_SIZE;

interface Packed {
  bytes: Buffer; // uncompressed
  blob: Uint8Array;
  layer: ReadableLayer;
}

async function gzipped(bytes: Buffer, blob: Uint8Array, spanSize = SPAN): Promise<Packed> {
  return { bytes, blob, layer: await readableGzip(blob, spanSize) };
}

const large = content(2_300_000);
const packings: [string, () => Promise<Packed>][] = [
  ['gzip, short spans', () => gzipped(large, gzipSync(large, { level: 6 }), 32 * 1024)],
  ['gzip, long spans', () => gzipped(large, gzipSync(large, { level: 1 }), 1024 * 1024)],
  ['stored gzip', () => gzipped(large, gzipSync(large, { level: 0 }))],
  [
    'gzip of members',
    () => {
      const ends = [0, 1, 99_999, 100_000, 100_000, 4 * W, 12 * W + 1, large.length];
      const members = ends.slice(1).map((end, i) => gzipSync(large.subarray(ends[i], end)));
      return gzipped(large, Buffer.concat(members));
    },
  ],
  ['plain', async () => ({ bytes: large, blob: large, layer: await readablePlain(large) })],
];

describe.each(packings)('chunks of %s', async (_, pack) => {
  const { bytes, blob, layer } = await pack();
  const count = Math.ceil(bytes.length / W);

  it('are slices of the plain bytes, in whatever order they are read', async () => {
    const shared = resources();
    const reader = readerOf(layer, new WatchedBlob(blob), shared);
    const read = fc.tuple(fc.nat(count - 1), fc.integer({ min: 1, max: 20 }));
    await fc.assert(
      fc.asyncProperty(fc.array(read, { maxLength: 6 }), async (reads) => {
        for (const [first, wanted] of reads) {
          const got = await readChunks(reader, shared, first, Math.min(wanted, count - first));
          expect(same(got, bytes.subarray(first * W, (first + wanted) * W))).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
  });

  it("don't mix when several readers go forward at once, however late the bytes come", async () => {
    const shared = resources();
    const slow = new WatchedBlob(blob);
    slow.before = async (offset) => {
      for (let i = (offset / PAGE_SIZE) % 3; i >= 0; i--) await new Promise(setImmediate);
    };
    const reader = readerOf(layer, slow, shared);
    const walk = async (start: number, step: number) => {
      for (let first = start; first < count; first += step) {
        const wanted = Math.min(step, count - first);
        const got = await readChunks(reader, shared, first, wanted);
        expect(same(got, bytes.subarray(first * W, (first + wanted) * W))).toBe(true);
      }
    };
    await Promise.all([
      walk(0, 1),
      walk(0, 3),
      walk(2, 2),
      walk(count >> 1, 1),
      walk(count - 1, 1),
      walk(1, 20),
    ]);
  });

  it('fail with the fault of the blob, and are right afterwards', async () => {
    const fault = new LayerslayerError('REGISTRY_UNAVAILABLE', 'nobody answers');
    const pages = Math.ceil(blob.length / PAGE_SIZE);
    for (let failing = 0; failing < pages; failing++) {
      const shared = resources();
      const faulty = new WatchedBlob(blob);
      const reader = readerOf(layer, faulty, shared);
      faulty.before = () => {
        if (faulty.reads.length > failing) throw fault;
      };
      await expect(readChunks(reader, shared, 0, count)).rejects.toBe(fault);
      faulty.before = () => {};
      for (const first of [failing % count, 0, count - 1]) {
        const got = await readChunks(reader, shared, first, 1);
        expect(same(got, bytes.subarray(first * W, (first + 1) * W))).toBe(true);
      }
    }
  });

  it('never lend a buffer again that an aborted read may still fill', async () => {
    const shared = resources();
    const watched = new WatchedBlob(blob);
    const lent: Uint8Array[] = [];
    const { read } = watched;
    watched.read = (offset, length, signal, buffer) => {
      if (buffer) lent.push(buffer);
      return read.call(watched, offset, length, signal, buffer);
    };
    const reader = readerOf(layer, watched, shared);
    const controller = new AbortController();
    watched.before = () => controller.abort(new LayerslayerError('ABORTED', 'no more'));
    await expect(readChunks(reader, shared, 3, 2, controller.signal)).rejects.toMatchObject({
      code: 'ABORTED',
    });
    watched.before = () => {};
    const abandoned = new Set(lent.splice(0).map(({ buffer }) => buffer));
    expect(abandoned.size).toBe(1);
    for (let first = 0; first < count; first++) await readChunks(reader, shared, first, 1);
    expect(lent.length).toBeGreaterThan(0);
    expect(lent.filter(({ buffer }) => abandoned.has(buffer))).toEqual([]);
  });
});

describe('a sequential reader', () => {
  it.each<[string, number, number]>([
    ['piece', 1, BLOCK_SIZE],
    ['page', 64, PAGE_SIZE],
  ])(
    'inflates on where it stopped: it reads each %s of the blob once, %d chunks at a time',
    async (_, step, unit) => {
      const bytes = Buffer.from(noise(9_000_000));
      const blob = gzipSync(bytes, { level: 1 });
      const shared = resources();
      const watched = new WatchedBlob(blob);
      const reader = readerOf(await readableGzip(blob, SPAN), watched, shared);
      const count = Math.ceil(bytes.length / W);
      for (let first = 0; first < count; first += step) {
        await readChunks(reader, shared, first, Math.min(step, count - first));
      }
      // A long read may end inside a page, where the next one goes on.
      expect(watched.reads.length).toBeLessThan(Math.ceil(blob.length / unit) + count / step);
      expect(new Set(watched.reads).size).toBe(watched.reads.length);
    },
  );

  it('that looks here and there reads no more of a page than it needs', async () => {
    const bytes = Buffer.from(noise(3_000_000));
    const blob = gzipSync(bytes, { level: 1 });
    const layer = await readableGzip(blob, 512 * 1024);
    const shared = resources();
    const watched = new WatchedBlob(blob);
    const reader = readerOf(layer, watched, shared);
    const near = [...layer.checkpoints.outOffsets]
      .map((at) => Math.ceil(at / W))
      .filter((first) => first * W < 2_800_000);
    expect(near.length).toBeGreaterThan(4);
    for (const first of near.toReversed()) {
      watched.readBytes = 0;
      const got = await readChunks(reader, shared, first, 1);
      expect(same(got, bytes.subarray(first * W, (first + 1) * W))).toBe(true);
      expect(watched.readBytes).toBeLessThanOrEqual(3 * BLOCK_SIZE);
    }
  });

  it('that needs more than one read takes announces all of it, and no more', async () => {
    const bytes = Buffer.from(noise(5_000_000));
    const blob = gzipSync(bytes, { level: 1 });
    const layer = await readableGzip(blob, 1024 * 1024);
    const { inOffsets, outOffsets } = layer.checkpoints;
    const shared = resources();
    for (const [beyond, isLong] of [
      [1, false],
      [20, true],
    ] as const) {
      const watched = new WatchedBlob(blob);
      const first = Math.ceil(outOffsets[1]! / W) + beyond;
      await readChunks(readerOf(layer, watched, shared), shared, first, 1);
      expect(watched.announced.length).toBe(isLong ? 1 : 0);
      for (const [offset, end] of watched.announced) {
        expect(offset).toBe(inOffsets[1]);
        expect(end - watched.reads.at(-1)!).toBeGreaterThan(0);
        expect(end - watched.reads.at(-1)!).toBeLessThanOrEqual(PAGE_SIZE + BLOCK_SIZE);
      }
    }
  });

  it.each(['gzip', 'plain'])(
    'announces what it will likely read on, 12 MiB at most (%s)',
    async (packing) => {
      const bytes = Buffer.from(noise(14_000_000));
      const blob = packing === 'gzip' ? gzipSync(bytes, { level: 1 }) : bytes;
      const layer = packing === 'gzip' ? await readableGzip(blob, 1024 * 1024) : await readablePlain(blob);
      const shared = resources();
      for (const [likelyEnd, wanted] of [
        [1, undefined],
        [64, 64 * W],
        [9999, 12 * 1024 * 1024],
      ] as const) {
        const watched = new WatchedBlob(blob);
        await readerOf(layer, watched, shared).read(0, 1, () => {}, { likelyEnd });
        if (wanted === undefined) expect(watched.announced).toEqual([]);
        else expect(Math.abs(watched.announced[0]![1] / wanted - 1)).toBeLessThan(0.01);
      }
    },
  );

  it('announces a long way to its bytes part by part', async () => {
    const bytes = Buffer.from(noise(30_000_000));
    const blob = gzipSync(bytes, { level: 1 });
    const watched = new WatchedBlob(blob);
    const layer = await readableGzip(blob, Number.MAX_SAFE_INTEGER); // no checkpoint but the first
    await readerOf(layer, watched, resources()).read(Math.floor(bytes.length / W), 1, () => {});
    expect(watched.announced.length).toBeGreaterThan(3);
    expect(watched.announced.length).toBeLessThan(8);
    let end = 0;
    for (const [from, to] of watched.announced) {
      expect(from).toBeLessThanOrEqual(end);
      end = to;
    }
    expect(end).toBeGreaterThanOrEqual(blob.length);
  });

  it('announces the span before it fetches the state: both come in one round trip', async () => {
    const blob = gzipSync(Buffer.from(noise(3_000_000)), { level: 1 });
    const layer = await readableGzip(blob, 1024 * 1024);
    const watched = new WatchedBlob(blob);
    const before: number[] = []; // announcements before each state is fetched
    const fetchCheckpoint = async (number: number) => {
      before.push(watched.announced.length);
      return layer.checkpoint(number);
    };
    const chunk = 40; // in the second span
    await readerOf({ ...layer, fetchCheckpoint }, watched, resources()).read(chunk, 1, () => {});
    expect(before).toEqual([1]);
    const [from, end] = watched.announced[0]!;
    expect(from).toBe(layer.checkpoints.inOffsets[1]! - 1);
    expect(end).toBeGreaterThan(from);
    expect(end).toBeLessThan(blob.length);
  });

  it('of a plain tar reads a page for each run, into the buffer that travels', async () => {
    const blob = Buffer.from(noise(5 * PAGE_SIZE + 10));
    const shared = resources();
    const watched = new WatchedBlob(blob);
    const reader = readerOf(await readablePlain(blob), watched, shared);
    expect(same(await readChunks(reader, shared, 0, 41), blob)).toBe(true);
    expect(watched.reads).toEqual([0, 1, 2, 3, 4, 5].map((page) => page * PAGE_SIZE));
    const idle = shared.buffers.take(PAGE_SIZE).buffer;
    expect(watched.lent.every((buffer) => buffer === idle)).toBe(true);
  });
});

describe('readers of several layers that share their inflaters', () => {
  it('never take bytes of another layer for their own', async () => {
    const shared = resources();
    // Pages of other layers lie at the same offsets.
    const making = Array.from({ length: 10 }, async (_, i) => {
      const bytes = Buffer.from(plain('copies', 600_000, i + 1));
      const blob = gzipSync(bytes, { level: 1 });
      return { bytes, reader: readerOf(await readableGzip(blob, SPAN), new WatchedBlob(blob), shared) };
    });
    const layers = await Promise.all(making);
    for (let turn = 0; turn < 60; turn++) {
      const { bytes, reader } = layers[(turn * 7) % layers.length]!;
      const first = (turn * 3) % 4;
      const got = await readChunks(reader, shared, first, 1);
      expect(same(got, bytes.subarray(first * W, (first + 1) * W))).toBe(true);
    }
  });
});

describe('an index that does not fit the blob', async () => {
  const bytes = content(1_000_000);
  const blob = gzipSync(bytes);
  const layer = await readableGzip(blob, SPAN);
  const broken: [string, () => { layer: ReadableLayer; blob: Uint8Array }][] = [
    ['knows more bytes than there are', () => ({ layer: { ...layer, tarSize: bytes.length + W }, blob })],
    ['knows of a longer blob', () => ({ layer, blob: blob.subarray(0, blob.length >> 1) })],
    [
      'points beside the blocks',
      () => {
        const { checkpoints } = layer;
        const inOffsets = checkpoints.inOffsets.map((offset) => offset + 11);
        const checkpoint = (number: number) => {
          const found = layer.checkpoint(number);
          return found && { ...found, inOffset: found.inOffset + 11 };
        };
        return { layer: { ...layer, checkpoints: { ...checkpoints, inOffsets }, checkpoint }, blob };
      },
    ],
    ['has no checkpoint', () => ({ layer: { ...layer, checkpoint: () => undefined }, blob })],
    [
      'has an impossible checkpoint',
      () => ({
        layer: { ...layer, checkpoint: (number) => ({ ...layer.checkpoint(number)!, state: noise(50_000) }) },
        blob,
      }),
    ],
  ];
  it.each(broken)('%s: CORRUPT_LAYER, naming the layer', async (_, make) => {
    const { layer, blob } = make();
    const shared = resources();
    const reader = readerOf(layer, new WatchedBlob(blob), shared);
    const last = Math.ceil(layer.tarSize / W) - 1;
    const failed = expect(readChunks(reader, shared, last, 1)).rejects;
    await failed.toMatchObject({ code: 'CORRUPT_LAYER', message: expect.stringContaining('sha256:') });
  });

  it('but for one damaged checkpoint it reads from the checkpoint before', async () => {
    const { length } = layer.checkpoints;
    const shared = resources();
    const asked: number[] = [];
    const checkpoint = (number: number) => {
      asked.push(number);
      return number === length - 1 || number === length - 2 ? undefined : layer.checkpoint(number);
    };
    const reader = readerOf({ ...layer, checkpoint }, new WatchedBlob(blob), shared);
    const last = Math.ceil(bytes.length / W) - 1;
    expect(layer.checkpoints.outOffsets[length - 1]).toBeLessThanOrEqual(last * W);
    expect(same(await readChunks(reader, shared, last, 1), bytes.subarray(last * W))).toBe(true);
    expect(asked).toEqual([length - 1, length - 2, length - 3]);
  });
});
