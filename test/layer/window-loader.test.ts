import { describe, expect, it } from 'vitest';
import { LayerslayerError } from '#dist/base/errors.js';
import { WindowLoader } from '#dist/layer/window-loader.js';
import { WINDOW_SIZE } from '#dist/layer/window-reader.js';

interface Asked {
  thread: number;
  blob: number;
  first: number;
  count: number;
  finish(error?: Error): void;
}

/** A supplier that answers when the test says so. */
function setup(memoryWindows = 64) {
  const asked: Asked[] = [];
  let threads = 0;
  const loader = new WindowLoader(
    {
      pickThread: () => threads++,
      read: (thread, blob, first, count) =>
        new Promise((resolve, reject) => {
          asked.push({ thread, blob, first, count, finish: (error) => (error ? reject(error) : resolve()) });
        }),
    },
    memoryWindows * WINDOW_SIZE,
  );
  const windowOf = (blob: number, number: number) => new Uint8Array(WINDOW_SIZE).fill(blob * 16 + number);
  const answer = (request: Asked) => {
    for (let i = 0; i < request.count; i++)
      loader.arrived(request.blob, request.first + i, windowOf(request.blob, request.first + i));
    request.finish();
  };
  return { loader, asked, answer };
}

const COUNT = 1000;

describe('the window loader', () => {
  it('asks once for a window that several wait for', async () => {
    const { loader, asked, answer } = setup();
    const waiting = [loader.get(0, 5, COUNT), loader.get(0, 5, COUNT)];
    expect(asked.filter(({ first }) => first === 5)).toHaveLength(1);
    asked.map(answer);
    for (const bytes of await Promise.all(waiting)) expect(bytes[0]).toBe(5);
  });

  it('answers at once from memory', async () => {
    const { loader, asked, answer } = setup();
    const first = loader.get(1, 7, COUNT);
    asked.map(answer);
    await first;
    expect(loader.get(1, 7, COUNT)).toBeInstanceOf(Uint8Array);
    expect([loader.hits, loader.misses]).toEqual([1, 1]);
  });

  it('keeps blobs apart', async () => {
    const { loader, asked, answer } = setup();
    const both = [loader.get(1, 3, COUNT), loader.get(2, 3, COUNT)];
    asked.map(answer);
    expect((await Promise.all(both)).map((bytes) => bytes[0])).toEqual([19, 35]);
  });

  it('reads ahead of a reader that goes forward, on one thread, more and more', async () => {
    const { loader, asked, answer } = setup();
    for (let number = 0; number < 60; number++) {
      const window = loader.get(0, number, COUNT);
      while (asked.some(({ finish }) => finish !== done)) {
        const request = asked.find(({ finish }) => finish !== done)!;
        answer(request);
        request.finish = done;
      }
      await window;
    }
    const covered = asked.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i));
    expect(covered).toEqual(Array.from({ length: covered.length }, (_, i) => i));
    expect(Math.max(...asked.map(({ count }) => count))).toBe(16);
    expect(new Set(asked.map(({ thread }) => thread)).size).toBe(1);
    expect(loader.misses).toBeLessThan(10);
  });

  it('asks for single windows when they are read here and there', () => {
    const { loader, asked } = setup();
    for (const number of [500, 3, 250, 90, 700]) loader.get(0, number, COUNT);
    expect(asked.map(({ first, count }) => [first, count])).toEqual(
      [500, 3, 250, 90, 700].map((n) => [n, 1]),
    );
  });

  it('does not ask past the end', async () => {
    const { loader, asked, answer } = setup();
    for (let number = 0; number < 5; number++) {
      const window = loader.get(0, number, 5);
      for (const request of asked.splice(0)) {
        expect(request.first + request.count).toBeLessThanOrEqual(5);
        answer(request);
      }
      await window;
    }
  });

  it('fails those who wait, and asks anew the next time', async () => {
    const { loader, asked, answer } = setup();
    const window = loader.get(0, 9, COUNT);
    asked[0]!.finish(new LayerslayerError('TIMED_OUT', 'no answer'));
    await expect(window).rejects.toMatchObject({ code: 'TIMED_OUT' });
    const again = loader.get(0, 9, COUNT);
    answer(asked[1]!);
    expect((await again)[0]).toBe(9);
  });

  it('answers a reader whose window does not fit into memory', async () => {
    const { loader, asked, answer } = setup(0);
    const window = loader.get(0, 2, COUNT);
    asked.map(answer);
    expect((await window)[0]).toBe(2);
  });
});

const done = () => {};
