import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BufferPool } from '#src/base/buffer-pool.js';
import { CHUNK_SIZE } from '#src/engine/inflate/chunk-reader.js';
import type { OpenLayerRequest } from '#src/engine/inflate/inflate-protocol.js';
import { ChunkCache } from '#src/engine/reading/chunk-cache.js';
import { IndexedLayer } from '#src/engine/reading/indexed-layer.js';
import { OWN } from '#src/index/cached-indexes.js';
import { unhandledIn } from '../../base/unhandled.js';
import { noise, same } from '../../blob/bytes.js';
import { indexBlob } from '../../index/built-layer.js';
import { dir, file, oldGnuSparse, paxSparse, tarOf } from '../../support/tar.js';
import { contentOf, scanAll } from '../../tar/scan-all.js';

const W = CHUNK_SIZE;

const large = noise(5 * W + 999, 3);
const pieces = Array.from({ length: 40 }, (_, i) => ({ offset: i * 40_000, data: noise(15_000 + i, i + 1) }));
const SPARSE_SIZE = 40 * 40_000 + 5;
const tar = new Uint8Array(
  tarOf(
    dir('d/'),
    file('small', 'small\n'),
    file('empty'),
    file('large', large),
    oldGnuSparse('old', SPARSE_SIZE, pieces),
    paxSparse('1.0', 'pax', SPARSE_SIZE, pieces),
    oldGnuSparse('hole', 300_000, []),
    file('last', 'last\n'),
  ),
);
const { entries } = (await indexBlob(tar)).index;
const contents = scanAll(tar).entries.map((entry) => contentOf(tar, entry));
const ROW = { small: 1, empty: 2, large: 3, old: 4, pax: 5, hole: 6, last: 7 };

/** How a window comes: at once on the next turn, later, or never; the last wins until it is changed. */
function setup(memoryWindows: number) {
  const requests: [number, number][] = [];
  let hold: Promise<unknown> = Promise.resolve();
  let fault: Error | undefined;
  const loader: ChunkCache = new ChunkCache(
    {
      pickThread: () => 0,
      read: async (_thread, { blob }, { first, count }) => {
        requests.push([first, count]);
        await hold;
        for (let number = first, run = 1; number < first + count; number += run, run = 1 + ((7 * run) % 5)) {
          await new Promise(setImmediate);
          if (fault) throw fault;
          const end = Math.min(number + run, first + count);
          const bytes = tar.slice(number * W, end * W);
          loader.arrived(blob, { number, bytes });
          // The buffer is the sender's again when the event loop goes on.
          setImmediate(() => bytes.fill(0xee));
        }
      },
    },
    memoryWindows * W,
  );
  const results = new BufferPool(1024 * 1024, 2);
  const layer = new IndexedLayer({
    opened: { blob: 0, digest: `sha256:${'0'.repeat(64)}`, tarSize: tar.length } as OpenLayerRequest,
    origin: OWN,
    fingerprint: 0,
    entries,
    chunks: loader,
    results,
  });
  return {
    layer,
    requests,
    holdWindows: (gate: Promise<unknown>) => {
      hold = gate;
    },
    failWith: (error: Error | undefined) => {
      fault = error;
    },
  };
}

/** Looks at a result where its contract allows it: before anything else is awaited. */
async function isRight(
  result: Uint8Array | Promise<Uint8Array>,
  row: number,
  offset: number,
  length: number,
) {
  return same(await result, contents[row]!.subarray(offset, offset + length));
}

describe('a layer', () => {
  it.each([1, 3, 64])('reads what the tar holds, with %d windows of memory', async (memory) => {
    const { layer } = setup(memory);
    const read = fc.tuple(fc.constantFrom(...Object.values(ROW)), fc.nat(), fc.nat()).map(([row, a, b]) => {
      const { length } = contents[row]!;
      const offset = length === 0 ? 0 : a % (length + 1);
      return { row, offset, length: Math.min(b % 1_100_000, length - offset) };
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(read, { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        async (reads, together) => {
          const check = ({ row, offset, length }: (typeof reads)[number]) =>
            isRight(layer.read(row, offset, length), row, offset, length);
          if (together) expect(await Promise.all(reads.map(check))).not.toContain(false);
          else for (const one of reads) expect(await check(one)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('answers without a promise when its windows are in memory: one, several, those of a sparse file', async () => {
    const { layer } = setup(200);
    for (const row of Object.values(ROW)) await layer.read(row, 0, contents[row]!.length);
    for (const row of Object.values(ROW)) {
      const { length } = contents[row]!;
      const bytes = layer.read(row, 0, length);
      expect(bytes).toBeInstanceOf(Uint8Array);
      expect(same(bytes as Uint8Array, contents[row]!)).toBe(true);
    }
  });

  it('asks for the data of a sparse range in one go, and for none when it lies in a hole', async () => {
    const { layer, requests } = setup(64);
    await layer.read(ROW.hole, 1000, 200_000);
    expect(requests).toEqual([]);
    await layer.read(ROW.old, 0, 1_000_000);
    expect(requests).toHaveLength(1);
  });

  it('uses the buffer of a result again, but not while it may be looked at', async () => {
    const { layer } = setup(200);
    await layer.read(ROW.large, 0, large.length);
    const first = layer.read(ROW.large, 0, large.length) as Uint8Array;
    const second = layer.read(ROW.large, 10, large.length - 10) as Uint8Array;
    expect(second.buffer).not.toBe(first.buffer);
    expect(same(first, large)).toBe(true);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const third = layer.read(ROW.large, 0, large.length) as Uint8Array;
    expect([first.buffer, second.buffer]).toContain(third.buffer);
  });

  it('lets an aborted reader leave, and serves the others', async () => {
    const { layer, holdWindows } = setup(64);
    let open!: () => void;
    holdWindows(
      new Promise<void>((resolve) => {
        open = resolve;
      }),
    );
    const controller = new AbortController();
    for (const [row, length] of [
      [ROW.small, 6],
      [ROW.large, large.length],
      [ROW.pax, SPARSE_SIZE],
    ] as const) {
      const aborted = AbortSignal.abort(new Error('before'));
      await expect(layer.read(row, 0, length, aborted)).rejects.toThrow('before');
    }
    const leaving = layer.read(ROW.large, 0, large.length, controller.signal);
    const staying = isRight(layer.read(ROW.large, 0, large.length), ROW.large, 0, large.length);
    controller.abort(new Error('meanwhile'));
    await expect(leaving).rejects.toThrow('meanwhile');
    open();
    expect(await staying).toBe(true);
  });

  it('fails with the fault of its windows, surprises nobody, and reads on when it has passed', async () => {
    const { layer, failWith } = setup(64);
    const unhandled = await unhandledIn(async () => {
      failWith(new Error('injected'));
      for (const row of [ROW.small, ROW.large, ROW.old]) {
        const aborted = AbortSignal.abort(new Error('left'));
        await expect(layer.read(row, 0, contents[row]!.length)).rejects.toThrow('injected');
        await expect(layer.read(row, 0, contents[row]!.length, aborted)).rejects.toThrow('left');
      }
      await new Promise(setImmediate);
    });
    expect(unhandled).toEqual([]);
    failWith(undefined);
    for (const row of [ROW.small, ROW.large, ROW.old]) {
      const { length } = contents[row]!;
      expect(await isRight(layer.read(row, 0, length), row, 0, length)).toBe(true);
    }
  });

  it('refuses a range past the end of its tar', () => {
    const { layer } = setup(64);
    expect(() => layer.read(ROW.last, 0, 10_000)).toThrow(expect.objectContaining({ code: 'CORRUPT_LAYER' }));
  });
});
