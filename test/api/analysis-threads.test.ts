/** Threads of analyses: they take one after another, of any image. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Analyses } from '#src/api/analysis/analyses.js';
import { FIND_LINE, USAGE_LINE } from '#src/api/schemas/results.js';
import type { ImageView } from '#src/image/opened-image.js';
import { EntryColumns } from '#src/index/entry-columns.js';
import { LAYER_LIMITS } from '#src/index/layer-limits.js';
import { EntryColumnsBuilder } from '#src/index/pass/entry-columns-builder.js';
import { mergeLayers } from '#src/overlay/merge/merge.js';
import { ROOT_INODE } from '#src/overlay/tree.js';
import { file, tarOf, whiteout } from '../support/tar.js';
import { Served } from './served.js';

/** More than a message has. */
const MANY = 5_000;

const { signal } = new AbortController();

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

/** A view of one layer, which has `a/x` of some bytes. */
function viewOf(bytes: number): ImageView {
  const builder = new EntryColumnsBuilder(LAYER_LIMITS);
  const none = new Uint8Array(0);
  const times = { mtimeSeconds: 0, mtimeNanoseconds: 0 };
  const special = { deviceMajor: 0, deviceMinor: 0, linkTarget: none, xattrs: [], sparse: undefined };
  const data = { size: bytes, storedSize: bytes, dataOffset: 512 };
  builder.add({
    kind: 'file',
    path: Buffer.from('a/x'),
    mode: 0,
    uid: 0,
    gid: 0,
    ...times,
    ...special,
    ...data,
  });
  const entries = builder.finish();
  const digest = `sha256:${'ab'.repeat(32)}` as const;
  const layers = [{ number: 1, entries, layer: { digest } }];
  return { layers, byNumber: new Map(), tree: mergeLayers(layers) } as unknown as ImageView;
}

describe('a view that can’t be given to a thread', () => {
  const analyses = new Analyses();
  afterAll(() => analyses.close());

  it('leaves no thread behind, and the next question is about its own image', async () => {
    const good = viewOf(7);
    const bad = { ...viewOf(9), tree: {} } as unknown as ImageView;
    for (let i = 0; i < 3; i++) {
      expect((await analyses.sums(good)).bytes[ROOT_INODE]).toBe(7);
      await expect(analyses.sums(bad)).rejects.toMatchObject({ code: 'INTERNAL' });
      await expect(analyses.usage(bad, {} as never, signal).next()).rejects.toMatchObject({
        code: 'INTERNAL',
      });
      expect(analyses.threads).toEqual({ working: 0, idle: 1 });
    }
  });

  it('is not answered by the view before it', async () => {
    const view = viewOf(9);
    const columns = { ...(view.layers[0]!.entries as EntryColumns).columns, paths: undefined };
    const entries = Object.assign(Object.create(EntryColumns.prototype), { columns });
    const bad = { ...view, layers: [{ ...view.layers[0]!, entries }] };
    expect((await analyses.sums(viewOf(7))).bytes[ROOT_INODE]).toBe(7);
    await expect(analyses.sums(bad)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect((await analyses.sums(view)).bytes[ROOT_INODE]).toBe(9);
  });
});

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
