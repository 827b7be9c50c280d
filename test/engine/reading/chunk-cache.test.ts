import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { CHUNK_SIZE } from '#src/engine/inflate/chunk-reader.js';
import type { OpenLayerRequest } from '#src/engine/inflate/inflate-protocol.js';
import { ChunkCache } from '#src/engine/reading/chunk-cache.js';
import { SequentialReaders } from '#src/engine/reading/sequential-readers.js';
import { unhandledIn } from '../../base/unhandled.js';

interface Asked {
  thread: number;
  blob: number;
  first: number;
  count: number;
  likelyEnd: number;
  finish(error?: Error): void;
}

const COUNT = 1000;

/** A supplier that answers when the test says so. */
function setup(memoryWindows = 512, runLength = 1) {
  const asked: Asked[] = [];
  let threads = 0;
  const readers = new Map<number, SequentialReaders>();
  const loader = new ChunkCache(
    {
      pickThread: () => threads++,
      read: (thread, { blob }, { first, count, likelyEnd }) =>
        new Promise<void>((resolve, reject) => {
          asked.push({
            thread,
            blob,
            first,
            count,
            likelyEnd,
            finish: (error) => (error ? reject(error) : resolve()),
          });
        }),
    },
    memoryWindows * CHUNK_SIZE,
  );
  /** Reads windows `first` to `last` as a layer does. */
  const read = (blob: number, first: number, last = first, chunkCount = COUNT) => {
    let known = readers.get(blob);
    if (!known) {
      known = new SequentialReaders(loader.maxAhead);
      readers.set(blob, known);
    }
    loader.expect({ blob } as OpenLayerRequest, known, first, last, chunkCount);
    return Array.from({ length: last - first + 1 }, (_, i) => loader.get(blob, first + i));
  };
  /** A run a turn, as messages come; its buffer is used again afterwards. */
  const deliver = async ({ blob, first, count }: Asked) => {
    for (let number = first; number < first + count; number += runLength) {
      await new Promise(setImmediate);
      const bytes = runOf(blob, number, Math.min(runLength, first + count - number));
      loader.arrived(blob, { number, bytes });
      setImmediate(() => bytes.fill(0xee));
    }
  };
  const answerAll = async () => {
    for (const request of asked.splice(0)) {
      await deliver(request);
      request.finish();
    }
  };
  const ranges = () => asked.map(({ first, count }) => [first, count]);
  return { loader, asked, read, deliver, answerAll, ranges };
}

/** Every window has other bytes. */
function runOf(blob: number, number: number, count = 1): Uint8Array {
  const run = new Uint8Array(count * CHUNK_SIZE);
  for (let i = 0; i < count; i++) {
    run.fill((blob * 16 + number + i) % 251, i * CHUNK_SIZE, (i + 1) * CHUNK_SIZE);
  }
  return run;
}

/** First bytes, looked at when the windows come: they hold no longer. */
const seen = async (windows: readonly (Uint8Array | Promise<Uint8Array>)[]) =>
  Promise.all(windows.map(async (window) => (await window)[0]));

describe('the window loader', () => {
  it('asks once for a window that several wait for', async () => {
    const { read, answerAll, ranges } = setup();
    const waiting = seen([...read(0, 5), ...read(0, 5), ...read(0, 4, 6)]);
    expect(ranges()).toEqual([
      [5, 1],
      [4, 1],
      [6, 1],
    ]);
    await answerAll();
    expect(await waiting).toEqual([5, 5, 4, 5, 6]);
  });

  it('asks for all windows of a long read at once', () => {
    const { read, ranges } = setup();
    read(0, 100, 108);
    expect(ranges()).toEqual([[100, 9]]);
  });

  it('answers at once from memory, and counts', async () => {
    const { loader, read, answerAll } = setup();
    read(1, 7);
    await answerAll();
    expect(read(1, 7)[0]).toBeInstanceOf(Uint8Array);
    read(1, 6, 8);
    expect([loader.hits, loader.misses]).toEqual([2, 3]);
  });

  it('keeps blobs apart', async () => {
    const { read, answerAll } = setup();
    const both = seen([...read(1, 3), ...read(2, 3)]);
    await answerAll();
    expect(await both).toEqual([19, 35]);
  });

  it('reads ahead of a reader that goes forward, on one thread, each window once', async () => {
    const { loader, asked, read, deliver } = setup();
    const requests: Asked[] = [];
    for (let number = 0; number < 60; number++) {
      const windows = seen(read(0, number));
      for (const request of asked.splice(0)) {
        requests.push(request);
        await deliver(request);
        request.finish();
      }
      expect(await windows).toEqual([number]);
    }
    const covered = requests.flatMap(({ first, count }) =>
      Array.from({ length: count }, (_, i) => first + i),
    );
    expect(covered).toEqual(Array.from({ length: covered.length }, (_, i) => i));
    expect(covered.length).toBeGreaterThan(60);
    expect(covered.length).toBeLessThanOrEqual(60 + 64);
    expect(new Set(requests.map(({ thread }) => thread)).size).toBe(1);
    expect(loader.misses).toBe(2);
  });

  it('asks for nothing but what is read here and there, and for nothing that is kept', async () => {
    const { read, ranges, answerAll } = setup();
    const places = [500, 3, 250, 90, 700];
    for (const number of places) read(0, number);
    expect(ranges()).toEqual(places.map((number) => [number, 1]));
    await answerAll();
    for (let turn = 0; turn < 5; turn++) for (const number of places) read(0, number);
    expect(ranges()).toEqual([]);
  });

  it('steps over what is kept or on its way when it reads ahead', async () => {
    const { read, ranges, asked, answerAll } = setup();
    read(0, 12);
    await answerAll();
    read(0, 3);
    read(0, 10);
    asked.splice(0);
    read(0, 4, 9); // goes on from 3, and eight further
    expect(ranges()).toEqual([
      [4, 6],
      [11, 1],
      [13, 5],
    ]);
  });

  it('does not ask past the end', () => {
    const { read, ranges } = setup();
    for (let number = 0; number < 5; number++) read(0, number, number, 5);
    expect(
      ranges().flatMap(([first, count]) => Array.from({ length: count! }, (_, i) => first! + i)),
    ).toEqual([0, 1, 2, 3, 4]);
  });

  it('fails those who wait, and asks anew the next time', async () => {
    const { asked, read, answerAll } = setup();
    const [window] = read(0, 9);
    asked.shift()!.finish(new LayerslayerError('TIMED_OUT', 'no answer'));
    await expect(window).rejects.toMatchObject({ code: 'TIMED_OUT' });
    const again = seen(read(0, 9));
    await answerAll();
    expect(await again).toEqual([9]);
  });

  it('what was read ahead for nobody fails without a word, and is asked for again', async () => {
    const { asked, read, answerAll } = setup();
    const unhandled = await unhandledIn(async () => {
      read(0, 0);
      await answerAll();
      const windows = read(0, 1);
      const [ahead] = asked.splice(0);
      expect(ahead!.count).toBe(9);
      ahead!.finish(new Error('broken'));
      await expect(windows[0]).rejects.toMatchObject({ code: 'INTERNAL', message: 'broken' });
    });
    expect(unhandled).toEqual([]);
    const again = seen(read(0, 2, 3));
    await answerAll();
    expect(await again).toEqual([2, 3]);
  });

  it('fails a window that did not come', async () => {
    const { loader, asked, read } = setup();
    const windows = read(0, 20, 22);
    const settled = Promise.allSettled(windows);
    loader.arrived(0, { number: 21, bytes: runOf(0, 21) });
    asked[0]!.finish();
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
  });

  it('does not fail a window that was asked for again before the first request had ended', async () => {
    const { loader, asked, read, deliver } = setup(1);
    const first = seen(read(0, 10));
    const [early] = asked.splice(0);
    await deliver(early!);
    expect(await first).toEqual([10]);
    loader.arrived(0, { number: 500, bytes: runOf(0, 500) }); // pushes 10 out
    const again = seen(read(0, 10));
    early!.finish();
    await new Promise(setImmediate);
    await deliver(asked[0]!);
    expect(await again).toEqual([10]);
  });

  it.each([1, 4])(
    'answers readers whose windows do not fit into memory, in runs of %d',
    async (runLength) => {
      const { read, answerAll } = setup(0, runLength);
      const windows = seen(read(0, 2, 12));
      await answerAll();
      expect(await windows).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    },
  );

  it('gives each reader its own windows, however reads, arrivals and faults follow each other', async () => {
    const step = fc.oneof(
      fc.record({ read: fc.nat(40), length: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ answer: fc.nat(5) }),
      fc.record({ fail: fc.nat(5) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 9 }),
        async (steps, memory, runLength) => {
          const { asked, read, deliver, answerAll } = setup(memory, runLength);
          const checks: Promise<void>[] = [];
          const expectWindow = (bytes: Uint8Array, number: number) =>
            expect([bytes[0], bytes.at(-1)]).toEqual([number, number]);
          for (const step of steps) {
            if ('read' in step) {
              for (const [i, window] of read(0, step.read, step.read + step.length - 1, 44).entries()) {
                const number = step.read + i;
                if (window instanceof Uint8Array) expectWindow(window, number);
                // Either the right bytes, or the fault.
                else
                  checks.push(
                    window.then(
                      (bytes) => expectWindow(bytes, number),
                      (error) => expect(error.message).toBe('injected'),
                    ),
                  );
              }
            } else {
              const [request] = asked.splice('answer' in step ? step.answer : step.fail, 1);
              if (!request) continue;
              if ('answer' in step) await deliver(request);
              request.finish('fail' in step ? new Error('injected') : undefined);
              await new Promise(setImmediate);
            }
          }
          while (asked.length > 0) await answerAll();
          await Promise.all(checks);
        },
      ),
      { numRuns: 60 },
    );
  });
});
