/** Threads of analyses: they take one after another, of any image. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FIND_LINE, USAGE_LINE } from '#src/api/schemas/results.js';
import { file, tarOf, whiteout } from '../support/tar.js';
import { Served } from './served.js';

/** More than a message has. */
const MANY = 5_000;

let served: Served;
beforeAll(async () => {
  const many = Array.from({ length: MANY }, (_, i) => file(`many/file-${i}`, 'x'));
  served = await Served.start({
    one: [tarOf(file('a/x', 'xx'), file('a/gone', 'gone'), ...many), tarOf(whiteout('a/gone'))],
    two: [tarOf(file('a/x', 'xxxxx'), file('b/y', 'y'))],
  });
});
afterAll(() => served.close());

/** Threads of analyses, with those that wait. */
async function threads(): Promise<number> {
  const text = await (await served.get('/metrics')).text();
  const samples = [...text.matchAll(/^layerslayer_(idle_)?analysis_threads (\d+)$/gm)];
  expect(samples).toHaveLength(2);
  return samples.reduce((sum, [, , count]) => sum + Number(count), 0);
}

async function totalOf(tag: string, path: string): Promise<unknown> {
  const lines = await served.lines('/api/v1/du', { image: served.image(tag), path }, USAGE_LINE);
  const end = lines.at(-1)!;
  return 'total' in end ? end.total.bytes : undefined;
}

async function found(tag: string, pattern: string): Promise<string[]> {
  const lines = await served.lines('/api/v1/find', { image: served.image(tag), pattern }, FIND_LINE);
  return lines.flatMap((line) => ('path' in line ? [line.path] : []));
}

describe('an analysis', () => {
  it('is of its own image, whatever image the thread had before', async () => {
    for (let i = 0; i < 3; i++) {
      expect([await totalOf('one', '/a'), await totalOf('two', '/a')]).toEqual([2, 5]);
      expect([await found('one', 'gone'), await found('two', 'y')]).toEqual([['/a/gone'], ['/b/y']]);
      expect(await found('one', 'file-12*')).toHaveLength(111); // 12, 12x and 12xx
    }
    expect(await threads()).toBe(1); // no two were under way at once
  });

  it('that finds a fault leaves its thread to the next one', async () => {
    for (let i = 0; i < 5; i++) {
      expect(await served.fault('/api/v1/du', { image: served.image('two'), path: '/no' })).toMatch(/^404 /);
      expect(await totalOf('two', '/')).toBe(6);
    }
    expect(await threads()).toBe(1);
  });

  it('whose client goes away takes its thread along, and no other answer is wrong', async () => {
    const client = new AbortController();
    const query = { image: served.image('one'), path: '/many', files: 1 };
    const answer = await served.get('/api/v1/du', query, { signal: client.signal });
    const reader = answer.body!.getReader();
    await reader.read();
    const asked = Array.from({ length: 6 }, (_, i) => totalOf(i % 2 === 0 ? 'one' : 'two', '/a'));
    client.abort();
    await reader.closed.catch(() => undefined);
    expect(await Promise.all(asked)).toEqual([2, 5, 2, 5, 2, 5]);
    await vi.waitFor(async () => expect(await threads()).toBeLessThanOrEqual(2)); // those that wait
  });
});
