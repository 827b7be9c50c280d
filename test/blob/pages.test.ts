import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { LayerslayerError } from '#dist/base/errors.js';
import { FetchedPages } from '#dist/blob/fetched-pages.js';
import { StoredPages } from '#dist/blob/stored-pages.js';
import { WholePages } from '#dist/blob/whole-pages.js';
import { ByteLru } from '#dist/cache/byte-lru.js';
import { ContentStore } from '#dist/cache/content-store.js';
import { pageKey } from '#dist/cache/store-layout.js';
import { cleanUp, onCleanUp, scratchDirectory, warningLog } from '../cache/scratch.js';
import { digestOf, noise, PAGE, PIECE, pageDigestsOf, pageOf, same, wholePage } from './bytes.js';
import { type Fault, FaultySource } from './faulty-source.js';

const BYTES = noise(40 * PAGE + 1000);
const DIGEST = digestOf(BYTES);
const PAGE_DIGESTS = pageDigestsOf(BYTES);

afterEach(cleanUp);

interface Setting {
  fault?: (offset: number, end: number, request: number) => Fault | undefined;
  capBytes?: number;
  recentBytes?: number;
  signal?: AbortSignal;
}

async function setUp({ fault, capBytes = 64 * 1024 * 1024, recentBytes = 64 * PAGE, signal }: Setting = {}) {
  const directory = join(scratchDirectory(), 'cache');
  const log = warningLog();
  const store = await ContentStore.open({ directory, capBytes, log });
  const source = new FaultySource(BYTES, fault);
  onCleanUp(() => source.idle());
  const recent = new ByteLru<string, Uint8Array>(recentBytes);
  const common = { digest: DIGEST, pageDigests: PAGE_DIGESTS, store, log };
  const fetched = new FetchedPages({ ...common, source, recent, signal });
  const upstream = new WholePages(fetched, DIGEST, new ByteLru(0));
  const stored = new StoredPages({ ...common, upstream });
  const file = (number: number) => join(directory, 'v2/pages', pageKey(DIGEST, number));
  return { store, source, recent, fetched, stored, file, warnings: log.warnings };
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

const requestOf = (first: number, end: number) => `${first * PAGE}-${Math.min(end * PAGE, BYTES.length)}`;

describe('FetchedPages', () => {
  test.each([0, 1, 39, 40])('gives page %d and keeps it', async (number) => {
    const { fetched, source, store } = await setUp();
    expect(same(await fetched.page(number), pageOf(BYTES, number))).toBe(true);
    expect(source.requests).toEqual([requestOf(number, number + 1)]);
    await source.idle();
    expect(same(store.readSync('page', pageKey(DIGEST, number)), pageOf(BYTES, number))).toBe(true);
  });

  test('one request for all who wait for a page, none for one that came lately', async () => {
    const { fetched, source } = await setUp({ capBytes: 0 });
    const pages = await Promise.all([1, 2, 3].map(() => fetched.page(5)));
    for (const page of pages) expect(page).toBe(pages[0]);
    expect(await fetched.page(5)).toBe(pages[0]);
    expect(source.requests.length).toBe(1);
  });

  test('neighbours that are asked for together travel together, at most 32', async () => {
    const { fetched, source } = await setUp();
    await Promise.all([7, 3, 4, 20, 5].map((number) => fetched.page(number)));
    expect(source.requests).toEqual([requestOf(3, 6), requestOf(7, 8), requestOf(20, 21)]);
    source.requests.length = 0;
    const later = await setUp();
    await Promise.all(Array.from({ length: 41 }, (_, number) => later.fetched.page(number)));
    expect(later.source.requests).toEqual([requestOf(0, 32), requestOf(32, 41)]);
  });

  test('at most four requests at once', async () => {
    const { fetched, source } = await setUp();
    await Promise.all([0, 2, 4, 6, 8, 10, 12, 14].map((number) => fetched.page(number)));
    expect([source.mostRunning, source.requests.length]).toEqual([4, 8]);
  });

  test('a waiter that leaves does not end the others', async () => {
    const { open, gate } = newGate();
    const { fetched, source } = await setUp({ fault: () => ({ gate }) });
    const aborter = new AbortController();
    const leaving = fetched.page(1, aborter.signal);
    const staying = fetched.page(1);
    await settle(() => source.running === 1);
    aborter.abort(new LayerslayerError('ABORTED', 'left'));
    await expect(leaving).rejects.toMatchObject({ code: 'ABORTED' });
    open();
    expect(same(await staying, pageOf(BYTES, 1))).toBe(true);
    await expect(fetched.page(9, aborter.signal)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(source.requests.length).toBe(1);
  });

  test("the end of the blob's life ends its requests", async () => {
    const life = new AbortController();
    const { fetched, source } = await setUp({
      signal: life.signal,
      fault: () => ({ gate: new Promise(() => {}) }),
    });
    const waiting = fetched.page(1);
    await settle(() => source.running === 1);
    life.abort(new LayerslayerError('ABORTED', 'unmounted'));
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', message: 'unmounted' });
  });

  test('wrong bytes once: fetched again, said once', async () => {
    const fault = (offset: number, _: number, request: number) =>
      request === 0 ? { damageAt: offset + PAGE + 17 } : undefined;
    const { fetched, source, warnings } = await setUp({ fault });
    const pages = await Promise.all([4, 5, 6].map((number) => fetched.page(number)));
    pages.forEach((page, i) => {
      expect(same(page, pageOf(BYTES, 4 + i))).toBe(true);
    });
    expect(source.requests).toEqual([requestOf(4, 7), requestOf(5, 6)]);
    expect(warnings).toEqual([expect.stringMatching(/page 5 of sha256:/)]);
  });

  test('wrong bytes twice: DIGEST_MISMATCH names page and layer; nothing of it is kept; its neighbours live', async () => {
    const { fetched, source, store, recent } = await setUp({ fault: () => ({ damageAt: 5 * PAGE }) });
    const [before, wrong, after] = await Promise.allSettled([4, 5, 6].map((number) => fetched.page(number)));
    expect([before!.status, after!.status]).toEqual(['fulfilled', 'fulfilled']);
    const reason = (wrong as PromiseRejectedResult).reason;
    expect(reason).toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(reason.message).toContain(`page 5 of ${DIGEST.slice(0, 19)}`);
    await source.idle();
    expect([store.has('page', pageKey(DIGEST, 5)), recent.get(pageKey(DIGEST, 5))]).toEqual([
      false,
      undefined,
    ]);
    await expect(fetched.page(5)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' }); // asked anew
    expect(source.requests.length).toBe(4);
  });

  test('a request that breaks: what came is given, the rest fails with its code, the next caller tries again', async () => {
    const broken = new LayerslayerError('REGISTRY_UNAVAILABLE', 'gone');
    const fault = (_: number, __: number, request: number) =>
      request === 0 ? { failAt: 2 * PAGE + 100, with: broken } : undefined;
    const { fetched } = await setUp({ fault });
    const results = await Promise.allSettled([0, 1, 2, 3].map((number) => fetched.page(number)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect((results[2] as PromiseRejectedResult).reason).toBe(broken);
    expect(same(await fetched.page(2), pageOf(BYTES, 2))).toBe(true);
  });

  test('a source that ends early fails', async () => {
    const { fetched } = await setUp({ fault: () => ({ endAt: PAGE + 5 }) });
    await expect(fetched.page(1)).rejects.toMatchObject({ code: 'IO_FAILED' });
  });

  test('read-ahead: one request, then no more for its pages, also without a disk', async () => {
    const { fetched, source } = await setUp({ capBytes: 0 });
    fetched.prefetch(3, 11);
    await settle(() => source.requests.length === 1);
    for (let number = 3; number < 11; number++) {
      expect(same(await fetched.page(number), pageOf(BYTES, number))).toBe(true);
    }
    expect(source.requests).toEqual([requestOf(3, 11)]);
  });

  test('read-ahead leaves out what has come or is on its way', async () => {
    const { fetched, source } = await setUp();
    await fetched.page(4);
    fetched.prefetch(3, 7);
    await settle(() => source.requests.length === 3 && source.running === 0);
    expect(source.requests.slice(1)).toEqual([requestOf(3, 4), requestOf(5, 7)]);
  });

  test('what goes wrong in read-ahead is told to those who wait for the page, and nobody else', async () => {
    const broken = new LayerslayerError('TIMED_OUT', 'stalled');
    const { open, gate } = newGate();
    const faults = [
      { failAt: 0, with: broken },
      { failAt: 0, with: broken, gate },
    ];
    const { fetched, source } = await setUp({ fault: (_, __, request) => faults[request] });
    fetched.prefetch(0, 8); // nobody waits: must not become an unhandled rejection
    await settle(() => source.requests.length === 1 && source.running === 0);
    fetched.prefetch(0, 8);
    await settle(() => source.requests.length === 2);
    const waiting = fetched.page(3);
    open();
    await expect(waiting).rejects.toBe(broken);
    expect(same(await fetched.page(3), pageOf(BYTES, 3))).toBe(true);
  });

  test('stalled read-ahead leaves room for those who wait', async () => {
    const fault = (offset: number) => (offset >= 20 * PAGE ? { gate: new Promise(() => {}) } : undefined);
    const life = new AbortController();
    const { fetched, source } = await setUp({ fault, signal: life.signal });
    for (const first of [20, 22, 24, 26, 28]) fetched.prefetch(first, first + 1);
    await settle(() => source.running === 2);
    expect(same(await fetched.page(1), pageOf(BYTES, 1))).toBe(true);
    life.abort();
  });
});

describe('StoredPages', () => {
  test('asks upstream once, then the disk', async () => {
    const { stored, source } = await setUp({ recentBytes: 0 });
    await wholePage(stored, 2, BYTES.length);
    await source.idle();
    expect(same(await wholePage(stored, 2, BYTES.length), pageOf(BYTES, 2))).toBe(true);
    expect(source.requests.length).toBe(1);
  });

  test.each<[string, (file: string) => void]>([
    [
      'one wrong bit',
      (file) =>
        writeFileSync(
          file,
          readFileSync(file).map((byte, i) => (i === 99 ? byte ^ 1 : byte)),
        ),
    ],
    ['cut short', (file) => truncateSync(file, 1000)],
    ['another page', (file) => writeFileSync(file, pageOf(BYTES, 7))],
  ])('a damaged page (%s) is a miss, is said once, and is replaced', async (_, damage) => {
    const { stored, source, file, warnings } = await setUp({ recentBytes: 0 });
    await Promise.all([wholePage(stored, 2, BYTES.length), wholePage(stored, 3, BYTES.length)]);
    await source.idle();
    for (const number of [2, 3]) damage(file(number));
    for (const number of [2, 3])
      expect(same(await wholePage(stored, number, BYTES.length), pageOf(BYTES, number))).toBe(true);
    expect(warnings).toEqual([expect.stringMatching(/page 2 of sha256:.* is damaged/)]);
    await source.idle();
    for (const number of [2, 3]) expect(same(readFileSync(file(number)), pageOf(BYTES, number))).toBe(true);
  });

  test('a part is right, or a miss where its own pieces are damaged', async () => {
    const { stored, source, file } = await setUp({ recentBytes: 0 });
    await wholePage(stored, 2, BYTES.length);
    await source.idle();
    const bytes = readFileSync(file(2));
    bytes[2 * PIECE + 5]! ^= 1;
    writeFileSync(file(2), bytes);
    source.requests.length = 0;
    const part = async (from: number, to: number) =>
      same(await stored.part(2, from, to), pageOf(BYTES, 2).subarray(from, to));
    for (const [from, to] of [
      [0, 1],
      [PIECE - 1, PIECE + 1],
      [0, 2 * PIECE],
      [3 * PIECE, PAGE],
      [PAGE - 1, PAGE],
    ] as const) {
      expect(await part(from, to)).toBe(true);
    }
    expect(source.requests).toEqual([]);
    expect(await part(2 * PIECE - 1, 2 * PIECE + 1)).toBe(true);
    expect(source.requests.length).toBe(1);
  });

  test('of the last page, which ends in the middle of a piece, too', async () => {
    const { stored, source } = await setUp({ recentBytes: 0 });
    await wholePage(stored, 40, BYTES.length);
    await source.idle();
    expect(same(await stored.part(40, 10, 1000), BYTES.subarray(40 * PAGE + 10))).toBe(true);
    expect(source.requests.length).toBe(1);
  });

  test('read-ahead goes on where the disk ends, and not at all when it holds everything', async () => {
    const { stored, source } = await setUp({ recentBytes: 0 });
    await Promise.all([3, 4, 9].map((number) => wholePage(stored, number, BYTES.length)));
    await source.idle();
    source.requests.length = 0;
    stored.prefetch(3, 5);
    stored.prefetch(3, 10);
    await settle(() => source.requests.length > 0 && source.running === 0);
    expect(source.requests).toEqual([requestOf(5, 9)]);
  });
});
