import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { blockKey, pageKey, unverifiedFolder } from '#src/blob/blocks/cached-pages.js';
import { FetchedBlocks } from '#src/blob/blocks/fetched-blocks.js';
import { ByteLru } from '#src/cache/byte-lru.js';
import { ContentStore } from '#src/cache/content-store.js';
import { cleanUp, onCleanUp, scratchDirectory, warningLog } from '../cache/scratch.js';
import { BLOCK, blockDigestsOf, digestOf, noise, PAGE, pageOf, same } from './bytes.js';
import { type Fault, FaultySource } from './faulty-source.js';

const BYTES = noise(40 * PAGE + 1000);
const DIGEST = digestOf(BYTES);
const BLOCK_DIGESTS = blockDigestsOf(BYTES);

afterEach(cleanUp);

interface Setting {
  fault?: (offset: number, end: number, request: number) => Fault | undefined;
  capBytes?: number;
  recentBytes?: number;
  signal?: AbortSignal;
  isUnverified?: boolean;
}

async function setUp({
  fault,
  capBytes = 64 * 1024 * 1024,
  recentBytes = 64 * PAGE,
  signal,
  isUnverified,
}: Setting = {}) {
  const directory = join(scratchDirectory(), 'cache');
  const log = warningLog();
  const store = await ContentStore.open({ directory, capBytes, log });
  const source = new FaultySource(BYTES, fault);
  const recent = new ByteLru<string, Uint8Array>(recentBytes);
  const blockDigests = isUnverified ? undefined : BLOCK_DIGESTS;
  const common = { digest: DIGEST, blockDigests, store, log };
  const fetched = new FetchedBlocks({ ...common, blob: source, recent, signal });
  /** Everything that came is written. */
  const idle = async () => {
    await source.idle();
    await fetched.flush();
  };
  onCleanUp(idle);
  const file = (key: string) => join(directory, 'v2/pages', key);
  /** The blocks `[first, end)`. */
  const read = (first: number, end = first + 1, abort?: AbortSignal) => {
    const length = Math.min(end * BLOCK, BYTES.length) - first * BLOCK;
    return fetched.read(first * BLOCK, length, abort);
  };
  return { store, source, recent, fetched, read, idle, file, warnings: log.warnings };
}

/** Waits until what runs in the background has ended. */
async function settle(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

function newGate(): { open: () => void; gate: Promise<void> } {
  let open!: () => void;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, gate };
}

const requestOf = (first: number, end: number) => `${first * BLOCK}-${Math.min(end * BLOCK, BYTES.length)}`;
const blocks = (first: number, end = first + 1) => BYTES.subarray(first * BLOCK, end * BLOCK);
const blockFile = (block: number) => blockKey(DIGEST, block);

describe('FetchedBlocks', () => {
  test('asks for nothing if nothing is wanted, wherever', async () => {
    const { fetched, source } = await setUp();
    expect(await fetched.read(BLOCK + 100, 0)).toHaveLength(0);
    expect(source.requests).toEqual([]);
  });

  test.each([
    [0, 1],
    [3, 5], // across a page's border
    [159, 161], // the blob's end
    [160, 161],
  ])('reads the blocks %d to %d in one request, and caches them', async (first, end) => {
    const { read, source, file, idle } = await setUp();
    expect(same(await read(first, end), blocks(first, end))).toBe(true);
    expect(source.requests).toEqual([requestOf(first, end)]);
    await idle();
    // The last page has one block: it is whole.
    for (let block = first; block < Math.min(end, 160); block++) {
      expect(same(readFileSync(file(blockFile(block))), blocks(block))).toBe(true);
    }
    if (end === 161) expect(same(readFileSync(file(pageKey(DIGEST, 40))), pageOf(BYTES, 40))).toBe(true);
  });

  test('bytes that begin and end anywhere', async () => {
    const { fetched, source } = await setUp();
    const bytes = await fetched.read(BLOCK - 3, BLOCK + 5);
    expect(same(bytes, BYTES.subarray(BLOCK - 3, 2 * BLOCK + 2))).toBe(true);
    expect(source.requests).toEqual([requestOf(0, 3)]);
  });

  test('caches whole pages in one file each, and the other blocks in their own', async () => {
    const { read, store, file, idle } = await setUp();
    await read(2, 13);
    await idle();
    expect((await store.entries()).length).toBe(5);
    expect(same(readFileSync(file(pageKey(DIGEST, 1))), pageOf(BYTES, 1))).toBe(true);
    expect(same(readFileSync(file(pageKey(DIGEST, 2))), pageOf(BYTES, 2))).toBe(true);
    for (const block of [2, 3, 12]) {
      expect(same(readFileSync(file(blockFile(block))), blocks(block))).toBe(true);
    }
  });

  test('one request for all who wait for a block, none for one that came lately', async () => {
    const { read, source } = await setUp({ capBytes: 0 });
    const reads = await Promise.all([read(4, 6), read(5), read(5, 7)]);
    expect(same(reads[1], blocks(5))).toBe(true);
    expect(same(reads[2], blocks(5, 7))).toBe(true);
    expect(same(await read(4, 7), blocks(4, 7))).toBe(true);
    expect(source.requests).toEqual([requestOf(4, 6), requestOf(6, 7)]);
  });

  test('asks for what is missing only, in runs of 128 blocks at most', async () => {
    const { read, source } = await setUp();
    await read(10);
    await read(8, 12);
    expect(source.requests.slice(1)).toEqual([requestOf(8, 10), requestOf(11, 12)]);
    const later = await setUp();
    expect(same(await later.read(0, 161), BYTES)).toBe(true);
    expect(later.source.requests).toEqual([requestOf(0, 128), requestOf(128, 161)]);
  });

  test('at most four requests at once', async () => {
    const { read, source } = await setUp();
    await Promise.all([0, 2, 4, 6, 8, 10, 12, 14].map((block) => read(block)));
    expect([source.mostRunning, source.requests.length]).toEqual([4, 8]);
  });

  test('a waiter that leaves does not end the others', async () => {
    const { open, gate } = newGate();
    const { read, source } = await setUp({ fault: () => ({ gate }) });
    const aborter = new AbortController();
    const leaving = read(1, 2, aborter.signal);
    const staying = read(1);
    await settle(() => source.running === 1);
    aborter.abort(new LayerslayerError('ABORTED', 'left'));
    await expect(leaving).rejects.toMatchObject({ code: 'ABORTED' });
    open();
    expect(same(await staying, blocks(1))).toBe(true);
    await expect(read(9, 10, aborter.signal)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(source.requests.length).toBe(1);
  });

  test("the end of the blob's life ends its requests", async () => {
    const life = new AbortController();
    const { read, source } = await setUp({
      signal: life.signal,
      fault: () => ({ gate: new Promise(() => {}) }),
    });
    const waiting = read(1);
    await settle(() => source.running === 1);
    life.abort(new LayerslayerError('ABORTED', 'unmounted'));
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', message: 'unmounted' });
  });

  test('wrong bytes once: fetched again, over another connection, logged once', async () => {
    const fault = (offset: number, _: number, request: number) =>
      request === 0 ? { damageAt: offset + BLOCK + 17 } : undefined;
    const { read, source, warnings, file, idle } = await setUp({ fault });
    expect(same(await read(4, 8), blocks(4, 8))).toBe(true);
    expect(source.requests).toEqual([requestOf(4, 8), requestOf(5, 6)]);
    expect(source.reconnects).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/block 5 of sha256:/)]);
    await idle();
    for (const block of [4, 5, 6, 7]) {
      expect(same(readFileSync(file(blockFile(block))), blocks(block))).toBe(true);
    }
    expect(existsSync(file(pageKey(DIGEST, 1)))).toBe(false);
  });

  test('wrong bytes twice: DIGEST_MISMATCH names block and layer; nothing of it is cached; its neighbours live', async () => {
    const { read, source, store, recent, idle } = await setUp({ fault: () => ({ damageAt: 5 * BLOCK }) });
    const wrong = read(4, 7);
    const [before, after] = await Promise.all([read(4), read(6)]);
    expect([same(before, blocks(4)), same(after, blocks(6))]).toEqual([true, true]);
    await expect(wrong).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining(`block 5 of ${DIGEST.slice(0, 19)}`),
    });
    await idle();
    expect([store.has('page', blockFile(5)), recent.get(blockFile(5))]).toEqual([false, undefined]);
    await expect(read(5)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' }); // asked anew
    expect(source.requests.length).toBe(4);
  });

  test('a request that breaks: what came is there, the rest fails with its code, the next reader tries again', async () => {
    const broken = new LayerslayerError('REGISTRY_UNAVAILABLE', 'gone');
    const fault = (_: number, __: number, request: number) =>
      request === 0 ? { failAt: 2 * BLOCK + 100, with: broken } : undefined;
    const { read } = await setUp({ fault });
    const all = read(0, 4);
    const single = [0, 1, 2, 3].map((block) => read(block));
    await expect(all).rejects.toBe(broken);
    const results = await Promise.allSettled(single);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect((results[2] as PromiseRejectedResult).reason).toBe(broken);
    expect(same(await read(2), blocks(2))).toBe(true);
  });

  test('a source that ends early fails', async () => {
    const { read } = await setUp({ fault: () => ({ endAt: BLOCK + 5 }) });
    await expect(read(1)).rejects.toMatchObject({ code: 'IO_FAILED' });
  });
});

describe('read-ahead of FetchedBlocks', () => {
  const prefetch = (fetched: FetchedBlocks, first: number, end: number) =>
    fetched.prefetch(first * BLOCK, end * BLOCK);

  test('one request, then no more for its blocks, also without a disk', async () => {
    const { fetched, read, source } = await setUp({ capBytes: 0 });
    prefetch(fetched, 4, 12);
    expect(same(await read(4, 12), blocks(4, 12))).toBe(true);
    expect(source.requests).toEqual([requestOf(4, 12)]);
  });

  test('a read that comes after it in the same turn travels with it', async () => {
    const { fetched, read, source, idle } = await setUp();
    prefetch(fetched, 3, 8);
    expect(same(await read(3, 7), blocks(3, 7))).toBe(true);
    await idle();
    expect(source.requests).toEqual([requestOf(3, 8)]);
  });

  test('a long one ends with a page, or with the blob', async () => {
    const { fetched, source } = await setUp();
    prefetch(fetched, 3, 9);
    fetched.prefetch(155 * BLOCK, BYTES.length);
    await settle(() => source.requests.length === 2);
    expect(source.requests).toEqual([requestOf(3, 12), requestOf(155, 161)]);
  });

  test('leaves out what has come, is on its way or is on disk', async () => {
    const { fetched, read, source, recent, idle } = await setUp();
    await Promise.all([read(3), read(9)]);
    await idle();
    recent.set(blockFile(3), new Uint8Array(), Number.MAX_SAFE_INTEGER); // drops it
    prefetch(fetched, 2, 8);
    await settle(() => source.requests.length === 4);
    prefetch(fetched, 2, 16);
    await settle(() => source.requests.length === 6);
    const asked = [requestOf(2, 3), requestOf(4, 8), requestOf(8, 9), requestOf(10, 16)];
    expect(source.requests.slice(2)).toEqual(asked);
  });

  test('asks for nothing as long as more than half of the range is there', async () => {
    const { fetched, read, source } = await setUp({ capBytes: 0 });
    await read(0, 5);
    prefetch(fetched, 0, 8);
    await nextTurn();
    expect(source.requests.length).toBe(1);
    prefetch(fetched, 2, 9);
    await settle(() => source.running === 0 && source.requests.length === 2);
    expect(source.requests[1]).toBe(requestOf(5, 12));
  });

  test('what goes wrong is told to those who wait for the block, and nobody else', async () => {
    const broken = new LayerslayerError('TIMED_OUT', 'stalled');
    const { open, gate } = newGate();
    const faults = [
      { failAt: 0, with: broken },
      { failAt: 0, with: broken, gate },
    ];
    const { fetched, read, source } = await setUp({ fault: (_, __, request) => faults[request] });
    prefetch(fetched, 0, 8); // nobody waits: must not become an unhandled rejection
    await settle(() => source.requests.length === 1 && source.running === 0);
    await nextTurn();
    prefetch(fetched, 0, 8);
    await settle(() => source.requests.length === 2);
    const waiting = read(3);
    open();
    await expect(waiting).rejects.toBe(broken);
    expect(same(await read(3), blocks(3))).toBe(true);
  });

  test('that stalls leaves room for those who wait, and is not begun again and again', async () => {
    const fault = (offset: number) => (offset >= 20 * PAGE ? { gate: new Promise(() => {}) } : undefined);
    const life = new AbortController();
    const { fetched, read, source } = await setUp({ fault, signal: life.signal });
    for (const first of [80, 88, 96, 104, 112]) prefetch(fetched, first, first + 4);
    await settle(() => source.running === 2);
    expect(same(await read(1), blocks(1))).toBe(true);
    expect(source.requests.length).toBe(3);
    life.abort();
  });
});

describe('FetchedBlocks without digests', () => {
  const file = (key: string) => `${unverifiedFolder(DIGEST)}/${key}`;

  test('passes on what comes, and caches it apart from what is checked', async () => {
    const {
      read,
      file: pathOf,
      idle,
      warnings,
    } = await setUp({
      isUnverified: true,
      fault: () => ({ damageAt: BLOCK + 9 }),
    });
    const got = await read(0, 5);
    expect(same(got, blocks(0, 5))).toBe(false);
    got[BLOCK + 9]! ^= 1;
    expect(same(got, blocks(0, 5))).toBe(true);
    await idle();
    expect(existsSync(pathOf(file('0'))) && existsSync(pathOf(file('b4')))).toBe(true);
    expect(existsSync(pathOf(pageKey(DIGEST, 0)))).toBe(false);
    expect(warnings).toEqual([]);
  });

  test('shares the blocks that came lately with no reader of verified ones', async () => {
    const { read, source, store, recent, warnings } = await setUp({
      isUnverified: true,
      fault: (_, __, request) => (request === 0 ? { damageAt: 9 } : undefined),
    });
    await read(0);
    const common = { digest: DIGEST, blockDigests: BLOCK_DIGESTS, store, recent };
    const verified = new FetchedBlocks({ ...common, blob: source, log: warningLog() });
    onCleanUp(() => verified.flush());
    expect(same(await verified.read(0, BLOCK), blocks(0))).toBe(true);
    expect([source.requests.length, warnings]).toEqual([2, []]);
  });

  test('brings what is needed soon in the same request, without what is here', async () => {
    const { fetched, read, source, idle } = await setUp({ isUnverified: true });
    const aheadEnd = 64 * BLOCK;
    const first = await fetched.read(3 * BLOCK + 7, 100, undefined, { aheadEnd });
    expect(same(first, BYTES.subarray(3 * BLOCK + 7, 3 * BLOCK + 107))).toBe(true);
    expect(same(await read(3, 64), blocks(3, 64))).toBe(true);
    expect(source.requests).toEqual([requestOf(3, 64)]);
    await idle();
    const later = await setUp({ isUnverified: true });
    await later.read(10);
    await later.idle();
    later.recent.delete(file('b10')); // it is on disk
    await later.fetched.read(8 * BLOCK, BLOCK, undefined, { aheadEnd: 13 * BLOCK });
    await settle(() => later.source.requests.length === 3);
    expect(later.source.requests.slice(1)).toEqual([requestOf(8, 10), requestOf(11, 13)]);
  });

  test('ends a request ahead with the blob', async () => {
    const { fetched, source } = await setUp({ isUnverified: true });
    await fetched.read(159 * BLOCK, 5, undefined, { aheadEnd: 2 ** 50 });
    expect(source.requests).toEqual([requestOf(159, 161)]);
  });

  test('fetches fresh bytes over another connection, and replaces those that are cached', async () => {
    const {
      fetched,
      read,
      source,
      recent,
      file: pathOf,
      idle,
    } = await setUp({
      isUnverified: true,
      fault: (_, __, request) => (request === 0 ? { damageAt: 2 * BLOCK } : undefined),
    });
    await read(0, 5);
    await idle();
    const fresh = { aheadEnd: 3 * BLOCK, fresh: true };
    const got = await fetched.read(BLOCK, BLOCK, undefined, fresh);
    expect(same(got, blocks(1))).toBe(true);
    expect(same(await read(2), blocks(2))).toBe(true);
    expect([source.reconnects, source.requests]).toEqual([1, [requestOf(0, 5), requestOf(1, 3)]]);
    await idle();
    // The page was damaged: it is gone, and the blocks are in its place.
    expect(existsSync(pathOf(file('0')))).toBe(false);
    expect(same(readFileSync(pathOf(file('b2'))), blocks(2))).toBe(true);
    expect(existsSync(pathOf(file('b4')))).toBe(true);
    expect(same(recent.get(file('b2')), blocks(2))).toBe(true);
  });

  test('gives fresh bytes to their readers, whatever a request under way brings', async () => {
    const { open: release, gate } = newGate();
    const {
      fetched,
      read,
      source,
      recent,
      idle,
      file: pathOf,
    } = await setUp({
      isUnverified: true,
      fault: (_, __, request) => (request === 0 ? { damageAt: 5, gate } : undefined),
    });
    const stale = read(0);
    await settle(() => source.running === 1);
    const fresh = fetched.read(0, BLOCK, undefined, { aheadEnd: BLOCK, fresh: true });
    expect(same(await fresh, blocks(0))).toBe(true);
    release();
    expect(same(await stale, blocks(0))).toBe(false);
    await idle();
    expect(same(recent.get(file('b0')), blocks(0))).toBe(true);
    expect(same(readFileSync(pathOf(file('b0'))), blocks(0))).toBe(true);
  });

  test('fails with the source, and tries again', async () => {
    const broken = new LayerslayerError('TIMED_OUT', 'stalled');
    const { fetched, source } = await setUp({
      isUnverified: true,
      fault: (_, __, request) => (request === 0 ? { failAt: 0, with: broken } : undefined),
    });
    const fresh = { aheadEnd: 3 * BLOCK, fresh: true };
    await expect(fetched.read(0, 10, undefined, fresh)).rejects.toBe(broken);
    expect(same(await fetched.read(0, 10, undefined, fresh), BYTES.subarray(0, 10))).toBe(true);
    expect(source.reconnects).toBe(2);
  });
});
