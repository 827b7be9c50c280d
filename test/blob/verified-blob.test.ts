import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SILENT_LOG } from '#src/base/log.js';
import { blockKey, CachedPages, pageKey } from '#src/blob/blocks/cached-pages.js';
import { FetchedBlocks } from '#src/blob/blocks/fetched-blocks.js';
import {
  LocalFileBytes,
  type NearBytes,
  VerifiedBlob,
  type VerifiedBlobOptions,
} from '#src/blob/blocks/verified-blob.js';
import { ByteLru } from '#src/cache/byte-lru.js';
import { ContentStore } from '#src/cache/content-store.js';
import { cleanUp, onCleanUp, scratchDirectory } from '../cache/scratch.js';
import { BLOCK, blockDigestsOf, digestOf, noise, PAGE, pageOf, same } from './bytes.js';
import { FaultySource } from './faulty-source.js';
import { MemoryBlob } from './memory-blob.js';
import { blobReaderSuite } from './reader-suite.js';

afterEach(cleanUp);

/** A blob before an upstream that never fails and remembers what it is asked for. */
function verified(bytes: Uint8Array, near: NearBytes | undefined) {
  const asked: string[] = [];
  const ahead: string[] = [];
  const damaged: number[] = [];
  const memory = new MemoryBlob(bytes);
  const blob = new VerifiedBlob({
    size: bytes.length,
    blockDigests: blockDigestsOf(bytes),
    near,
    upstream: {
      read: (offset, length) => {
        asked.push(`${offset}-${offset + length}`);
        return memory.read(offset, length);
      },
      prefetch: (offset, end) => ahead.push(`${offset}-${end}`),
    },
    onDamage: (page) => damaged.push(page),
  });
  const isRight = async (from: number, to: number, lent?: Uint8Array) =>
    same(await blob.read(from, to - from, undefined, lent), bytes.subarray(from, to));
  return { blob, asked, ahead, damaged, isRight };
}

async function openStore(capBytes = 64 * 1024 * 1024) {
  const directory = join(scratchDirectory(), 'cache');
  const store = await ContentStore.open({ directory, capBytes, log: SILENT_LOG });
  return { directory, store };
}

/** Everything between a reader and its source, as a mount has it. */
async function mounted(bytes: Uint8Array, capBytes: number): Promise<VerifiedBlob> {
  const { store } = await openStore(capBytes);
  const digest = digestOf(bytes);
  const blockDigests = blockDigestsOf(bytes);
  const source = new FaultySource(bytes);
  onCleanUp(() => source.idle());
  const recent = new ByteLru<string, Uint8Array>(2 * PAGE);
  const fetched = new FetchedBlocks({ blob: source, digest, blockDigests, store, recent, log: SILENT_LOG });
  const upstream: VerifiedBlobOptions['upstream'] = {
    read: (offset, length, signal) => fetched.read(offset, length, signal),
    prefetch: (offset, end) => fetched.prefetch(offset, end),
  };
  const near = new CachedPages(store, digest);
  return new VerifiedBlob({ size: bytes.length, blockDigests, near, upstream, onDamage: () => {} });
}

blobReaderSuite('VerifiedBlob with a cache', (bytes) => mounted(bytes, 64 * 1024 * 1024));
blobReaderSuite('VerifiedBlob with a cache of two pages', (bytes) => mounted(bytes, 600 * 1024));
blobReaderSuite('VerifiedBlob without a cache', (bytes) => mounted(bytes, 0));
blobReaderSuite('VerifiedBlob with nothing near', async (bytes) => verified(bytes, undefined).blob);

describe('a verified blob with a cache', () => {
  const BYTES = noise(6 * PAGE + 1000);
  const DIGEST = digestOf(BYTES);

  async function setUp(pages: readonly number[] = [], blocks: readonly number[] = []) {
    const { directory, store } = await openStore();
    const cached = new CachedPages(store, DIGEST);
    for (const page of pages) await cached.write(page, pageOf(BYTES, page));
    for (const block of blocks) {
      await cached.writeBlock(block * BLOCK, BYTES.subarray(block * BLOCK, (block + 1) * BLOCK));
    }
    const file = (key: string) => join(directory, 'v2/pages', key);
    return { ...verified(BYTES, cached), file };
  }

  test.each<[string, { pages?: number[]; blocks?: number[] }, [number, number], string[]]>([
    ['nothing is there: whole blocks, across a page border', {}, [PAGE - 1, PAGE + 1], ['3-5']],
    ['a page and single blocks are', { pages: [1], blocks: [3, 8] }, [PAGE - 1, 2 * PAGE + 9], []],
    ['the end is missing', { pages: [1] }, [PAGE + 5, 2 * PAGE + 5], ['8-9']],
    ['the start is missing', { pages: [2] }, [PAGE + 5, 2 * PAGE + 5], ['4-8']],
    ['a block of a page is', { blocks: [4, 5] }, [PAGE, 2 * PAGE], ['6-8']],
    ['the middle is missing', { pages: [0, 2] }, [BLOCK, 3 * PAGE], ['4-8']],
    ['two are missing: one request', { pages: [2] }, [PAGE, 4 * PAGE], ['4-16']],
    ['the last, short block', { pages: [6] }, [6 * PAGE + 10, 6 * PAGE + 1000], []],
  ])('%s', async (_, { pages, blocks }, [from, to], asked) => {
    const { isRight, asked: got } = await setUp(pages, blocks);
    expect(await isRight(from, to)).toBe(true);
    const inBlocks = got.map((range) =>
      range
        .split('-')
        .map((at) => Math.ceil(Number(at) / BLOCK))
        .join('-'),
    );
    expect(inBlocks).toEqual(asked);
  });

  test('reads into the buffer that is lent, if it is large enough', async () => {
    const { blob } = await setUp([0, 1]);
    const lent = new Uint8Array(PAGE);
    expect((await blob.read(3 * BLOCK + 5, 2 * BLOCK, undefined, lent)).buffer).toBe(lent.buffer);
    expect((await blob.read(5, PAGE, undefined, lent)).buffer).not.toBe(lent.buffer);
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
    ['another page', (file) => writeFileSync(file, pageOf(BYTES, 5))],
  ])('a damaged page (%s) is removed, reported and read from upstream', async (_, damage) => {
    const { isRight, asked, damaged, file } = await setUp([2], [12]);
    damage(file(pageKey(DIGEST, 2)));
    damage(file(blockKey(DIGEST, 12)));
    expect(await isRight(2 * PAGE, 2 * PAGE + 9)).toBe(true);
    expect(await isRight(3 * PAGE, 3 * PAGE + 9)).toBe(true);
    expect(damaged).toEqual([2, 3]);
    expect(asked.length).toBe(2);
    expect(existsSync(file(pageKey(DIGEST, 2))) || existsSync(file(blockKey(DIGEST, 12)))).toBe(false);
  });

  test('checks only the blocks that the bytes are in', async () => {
    const { isRight, asked, file } = await setUp([2]);
    const path = file(pageKey(DIGEST, 2));
    const bytes = readFileSync(path);
    bytes[2 * BLOCK + 5]! ^= 1;
    writeFileSync(path, bytes);
    for (const [from, to] of [
      [0, 1],
      [BLOCK - 1, BLOCK + 1],
      [0, 2 * BLOCK],
      [3 * BLOCK, PAGE],
      [PAGE - 1, PAGE],
    ] as const) {
      expect(await isRight(2 * PAGE + from, 2 * PAGE + to)).toBe(true);
    }
    expect(asked).toEqual([]);
    expect(await isRight(2 * PAGE + 2 * BLOCK - 1, 2 * PAGE + 2 * BLOCK + 1)).toBe(true);
    expect(asked.length).toBe(1);
  });

  test('announces ranges whose end is not there, and no byte past the blob', async () => {
    const { blob, ahead } = await setUp([1]);
    blob.prefetch(0, 2 * PAGE);
    blob.prefetch(PAGE, 9 * PAGE);
    blob.prefetch(7 * PAGE, 9 * PAGE);
    expect(ahead).toEqual([`${PAGE}-${BYTES.length}`]);
  });
});

describe('a verified blob in a local file', () => {
  const START = 77;

  function local(bytes: Uint8Array, content = bytes) {
    const path = join(scratchDirectory(), 'blob');
    writeFileSync(path, Buffer.concat([noise(START, 7), content]));
    const fd = openSync(path, 'r');
    onCleanUp(() => closeSync(fd));
    return verified(bytes, new LocalFileBytes({ fd, start: START }));
  }

  blobReaderSuite('VerifiedBlob in a local file', async (bytes) => local(bytes).blob);

  test('comes from the file, in the buffer that is lent', async () => {
    const bytes = noise(2 * PAGE + 5);
    const { blob, asked, ahead, isRight } = local(bytes);
    const lent = new Uint8Array(PAGE);
    for (const [from, to] of [
      [2 * PAGE, 2 * PAGE + 5],
      [PAGE - 10, 2 * PAGE - BLOCK],
      [0, PAGE],
    ] as const) {
      expect((await blob.read(from, to - from, undefined, lent)).buffer).toBe(lent.buffer);
      expect(await isRight(from, to, lent)).toBe(true);
    }
    blob.prefetch(0, bytes.length);
    expect([asked, ahead]).toEqual([[], []]);
  });

  test('what was changed or cut off comes from upstream, which knows what to say of it', async () => {
    const bytes = noise(3 * PAGE);
    const changed = bytes.slice(0, 2 * PAGE + 10);
    changed[PAGE + 3]! ^= 1;
    const { asked, isRight } = local(bytes, changed);
    for (const page of [0, 1, 2]) expect(await isRight(page * PAGE, (page + 1) * PAGE)).toBe(true);
    expect(asked).toEqual([`${PAGE}-${2 * PAGE}`, `${2 * PAGE}-${3 * PAGE}`]);
  });

  test('what a closed descriptor leads to comes from upstream', async () => {
    const { asked, isRight } = local(noise(10));
    await cleanUp();
    expect(await isRight(0, 10)).toBe(true);
    expect(asked).toEqual(['0-10']);
  });
});
