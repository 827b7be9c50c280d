import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { CachedPages, PageRunWriter, pageRunKey, RUN_LENGTH } from '#src/blob/blocks/cached-pages.js';
import { PAGE_SIZE } from '#src/blob/page.js';
import { ContentStore } from '#src/cache/content-store.js';
import type { Digest } from '#src/oci/digest.js';
import { cleanUp, scratchDirectory } from '../cache/scratch.js';
import { cachedPage } from './bytes.js';

const DIGEST = `sha256:${'cd'.repeat(32)}` as Digest;
const COUNT = 2 * RUN_LENGTH + 3;
const BLOB_SIZE = (COUNT - 1) * PAGE_SIZE + 100;

const pageBytes = (page: number) => new Uint8Array(page === COUNT - 1 ? 100 : PAGE_SIZE).fill(page + 1);

afterEach(cleanUp);

async function setUp(capBytes = 64 * 1024 * 1024) {
  const directory = join(scratchDirectory(), 'cache');
  const log = { error() {}, warn() {}, info() {}, debug() {} };
  const store = await ContentStore.open({ directory, capBytes, log });
  const kept = new CachedPages(store, DIGEST);
  const stream = async (first: number, end: number) => {
    const writer = new PageRunWriter(kept, BLOB_SIZE);
    for (let page = first; page < end; page++) await writer.add(page, pageBytes(page));
    await writer.end();
  };
  const here = () => Array.from({ length: COUNT }, (_, page) => page).filter((page) => isRight(kept, page));
  return { directory, store, kept, stream, here };
}

function isRight(kept: CachedPages, page: number): boolean {
  const bytes = cachedPage(kept, page);
  if (bytes === undefined) return false;
  expect(Buffer.compare(bytes, pageBytes(page)), `page ${page}`).toBe(0);
  return true;
}

const range = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => first + i);

describe('pages on disk', () => {
  test('a whole stream is kept in one file a run', async () => {
    const { store, stream, here } = await setUp();
    await stream(0, COUNT);
    expect(here()).toEqual(range(0, COUNT));
    expect(await store.entries()).toHaveLength(3);
  });

  test.each([
    ['inside the first run', 0, 5],
    ['inside a later run', 0, RUN_LENGTH + 7],
    ['at the end of a run', 0, RUN_LENGTH],
    ['begun inside a run', 3, COUNT],
    ['begun and ended inside one run', 3, 9],
  ])('a stream that ends early or begins late: %s', async (_, first, end) => {
    const { stream, here } = await setUp();
    await stream(first, end);
    expect(here()).toEqual(range(first, end));
  });

  test('an interrupted stream is taken up by another', async () => {
    const { stream, here } = await setUp();
    await stream(0, RUN_LENGTH + 7);
    await stream(RUN_LENGTH + 7, COUNT);
    expect(here()).toEqual(range(0, COUNT));
  });

  test('single pages beside runs', async () => {
    const { kept, stream, here } = await setUp();
    await kept.write(20, pageBytes(20));
    await stream(0, 4);
    expect(here()).toEqual([0, 1, 2, 3, 20]);
    expect([kept.has(20), kept.has(21)]).toEqual([true, false]);
  });

  test('where a run does not fit, single pages do', async () => {
    const { stream, here } = await setUp(8 * PAGE_SIZE);
    await stream(0, COUNT);
    expect(here().length).toBeGreaterThan(0);
  });

  test('a lent buffer is used', async () => {
    const { kept, stream } = await setUp();
    await stream(0, 2);
    const lent = new Uint8Array(PAGE_SIZE);
    expect(cachedPage(kept, 1, lent)?.buffer).toBe(lent.buffer);
  });

  test('a run that was cut short ends early', async () => {
    const { directory, stream, here } = await setUp();
    await stream(0, RUN_LENGTH);
    truncateSync(join(directory, 'v2/pages', pageRunKey(DIGEST, 0)), 3 * PAGE_SIZE);
    expect(here()).toEqual([0, 1, 2]);
  });

  test('removed with its run, or all at once', async () => {
    const { store, kept, stream, here } = await setUp();
    await stream(0, COUNT);
    await kept.remove(RUN_LENGTH + 1);
    expect(here()).toEqual([...range(0, RUN_LENGTH), ...range(2 * RUN_LENGTH, COUNT)]);
    await kept.removeAll(BLOB_SIZE);
    expect(await store.entries()).toEqual([]);
  });

  test('what is being written is not seen', async () => {
    const { kept } = await setUp();
    const writer = new PageRunWriter(kept, BLOB_SIZE);
    await writer.add(0, pageBytes(0));
    expect(kept.has(0)).toBe(false);
    await writer.end();
    expect(kept.has(0)).toBe(true);
  });
});
