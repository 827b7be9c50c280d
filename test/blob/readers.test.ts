import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SILENT_LOG } from '#dist/base/log.js';
import { FetchedPages } from '#dist/blob/fetched-pages.js';
import { FileBlob } from '#dist/blob/file-blob.js';
import { type FilePart, openRegularFile } from '#dist/blob/file-part.js';
import { LocalPages } from '#dist/blob/local-pages.js';
import { MemoryBlob } from '#dist/blob/memory-blob.js';
import type { PagePartSource } from '#dist/blob/page-source.js';
import { PagedBlob } from '#dist/blob/paged-blob.js';
import { StoredPages } from '#dist/blob/stored-pages.js';
import { WholePages } from '#dist/blob/whole-pages.js';
import { ByteLru } from '#dist/cache/byte-lru.js';
import { ContentStore } from '#dist/cache/content-store.js';
import { cleanUp, onCleanUp, scratchDirectory } from '../cache/scratch.js';
import { digestOf, noise, PAGE, PIECE, pageDigestsOf, pageOf, same, wholePage } from './bytes.js';
import { FaultySource } from './faulty-source.js';
import { blobReaderSuite, blobSourceSuite } from './reader-suite.js';

afterEach(cleanUp);

/** A FileBlob in the middle of a file. */
async function fileBlob(bytes: Uint8Array): Promise<FileBlob> {
  const path = join(scratchDirectory(), 'blob');
  writeFileSync(path, Buffer.concat([noise(513, 7), bytes, noise(99, 8)]));
  return new FileBlob(path, bytes.length, partOf(path, 513));
}

/** Opens the file, which is closed after the test. */
function partOf(path: string, start: number): () => Promise<FilePart> {
  return async () => {
    const { file } = await openRegularFile(path);
    onCleanUp(() => file.close());
    return { file, start };
  };
}

/** Everything between a reader and its source, as a mount has it. */
async function kept(bytes: Uint8Array, capBytes: number): Promise<PagedBlob> {
  const directory = join(scratchDirectory(), 'cache');
  const store = await ContentStore.open({ directory, capBytes, log: SILENT_LOG });
  const digest = digestOf(bytes);
  const pageDigests = pageDigestsOf(bytes);
  const recent = new ByteLru<string, Uint8Array>(2 * PAGE);
  const source = new FaultySource(bytes);
  onCleanUp(() => source.idle());
  const fetched = new FetchedPages({ source, digest, pageDigests, store, recent, log: SILENT_LOG });
  const upstream = new WholePages(fetched, digest, new ByteLru(0));
  return new PagedBlob(
    new StoredPages({ digest, pageDigests, store, upstream, log: SILENT_LOG }),
    bytes.length,
  );
}

blobReaderSuite('MemoryBlob', async (bytes) => new MemoryBlob(bytes));
blobSourceSuite('MemoryBlob', async (bytes) => new MemoryBlob(bytes));
blobReaderSuite('FileBlob', fileBlob);
blobSourceSuite('FileBlob', fileBlob);
blobReaderSuite('PagedBlob with a cache', (bytes) => kept(bytes, 64 * 1024 * 1024));
blobReaderSuite('PagedBlob with a cache of two pages', (bytes) => kept(bytes, 600 * 1024));
blobReaderSuite('PagedBlob without a cache', (bytes) => kept(bytes, 0));

describe('FileBlob', () => {
  test('a file that is shorter than the blob fails, and says what came', async () => {
    const path = join(scratchDirectory(), 'short');
    writeFileSync(path, noise(100));
    const blob = new FileBlob(path, 100, partOf(path, 10));
    expect((await blob.read(0, 90)).length).toBe(90);
    await expect(blob.read(50, 50)).rejects.toMatchObject({
      code: 'IO_FAILED',
      message: expect.stringMatching(/short at 60: got 40 bytes, want 50/),
    });
    await expect(blob.stream(0, 100, () => {})).rejects.toMatchObject({ code: 'IO_FAILED' });
  });

  test('opens the file at the first read, once, and forgets a failure', async () => {
    const directory = scratchDirectory();
    const path = join(directory, 'later');
    const blob = new FileBlob(path, 5, partOf(path, 0));
    const message = `${path}: no such file`;
    await expect(blob.read(0, 5)).rejects.toMatchObject({ code: 'NOT_FOUND', message });
    await expect(blob.local.open()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    writeFileSync(path, 'hello');
    expect(Buffer.from(await blob.read(0, 5)).toString()).toBe('hello');
    renameSync(path, join(directory, 'moved'));
    expect(Buffer.from(await blob.read(1, 2)).toString()).toBe('el');
    expect((await blob.local.open()).start).toBe(0);
  });
});

describe('a regular file', () => {
  test.each([
    ['a directory', (path: string) => mkdirSync(path)],
    ['a pipe without a writer', (path: string) => execFileSync('mkfifo', [path])],
    ['a device without an end', (path: string) => symlinkSync('/dev/zero', path)],
  ])('is not %s', async (_, make) => {
    const path = join(scratchDirectory(), 'odd');
    make(path);
    const opening = openRegularFile(path);
    await expect(opening).rejects.toMatchObject({ code: 'IO_FAILED', message: `${path} is no regular file` });
  });

  test('may be named by a symlink', async () => {
    const directory = scratchDirectory();
    writeFileSync(join(directory, 'blob'), 'hello');
    symlinkSync('blob', join(directory, 'link'));
    const { file, size } = await openRegularFile(join(directory, 'link'));
    await file.close();
    expect(size).toBe(5);
  });
});

describe('LocalPages', () => {
  const START = 77;

  /** Pages of a file, and those that upstream was asked for instead. */
  function localPages(bytes: Uint8Array, content = bytes) {
    const path = join(scratchDirectory(), 'blob');
    writeFileSync(path, Buffer.concat([noise(START, 7), content]));
    const fd = openSync(path, 'r');
    onCleanUp(() => closeSync(fd));
    const asked: number[] = [];
    const upstream: PagePartSource = {
      part: async (number, from, to) => {
        asked.push(number);
        return pageOf(bytes, number).subarray(from, to);
      },
      prefetch: () => {},
    };
    const place = { fd, start: START };
    const pages = new LocalPages({ place, size: bytes.length, pageDigests: pageDigestsOf(bytes), upstream });
    return { pages, asked };
  }

  blobReaderSuite(
    'PagedBlob of LocalPages',
    async (bytes) => new PagedBlob(localPages(bytes).pages, bytes.length),
  );

  test('come from the file, in the buffer that is lent', async () => {
    const bytes = noise(2 * PAGE + 5);
    const { pages, asked } = localPages(bytes);
    const lent = new Uint8Array(PAGE);
    for (const number of [2, 0, 1]) {
      const page = await wholePage(pages, number, bytes.length, lent);
      expect(page.buffer).toBe(lent.buffer);
      expect(same(page, pageOf(bytes, number))).toBe(true);
    }
    expect(asked).toEqual([]);
  });

  test('are read in parts, of which only what they lie in is checked', async () => {
    const bytes = noise(PAGE + 5);
    const changed = bytes.slice();
    changed[PIECE + 3]! ^= 1;
    const { pages, asked } = localPages(bytes, changed);
    const read = async (number: number, from: number, to: number) =>
      same(await pages.part(number, from, to), pageOf(bytes, number).subarray(from, to));
    expect(await read(0, 7, PIECE)).toBe(true);
    expect(await read(0, 2 * PIECE + 1, PAGE)).toBe(true);
    expect(await read(1, 4, 5)).toBe(true);
    expect(asked).toEqual([]);
    expect(await read(0, PIECE - 1, PIECE + 1)).toBe(true);
    expect(asked).toEqual([0]);
  });

  test('that are changed or cut off come from upstream, which knows what to say of them', async () => {
    const bytes = noise(3 * PAGE);
    const changed = bytes.slice(0, 2 * PAGE + 10);
    changed[PAGE + 3]! ^= 1;
    const { pages, asked } = localPages(bytes, changed);
    for (const number of [0, 1, 2])
      expect(same(await wholePage(pages, number, bytes.length), pageOf(bytes, number))).toBe(true);
    expect(asked).toEqual([1, 2]);
  });

  test('of a descriptor that is no file any more come from upstream', async () => {
    const bytes = noise(10);
    const { pages: closed, asked } = localPages(bytes);
    await cleanUp();
    expect(same(await wholePage(closed, 0, bytes.length), bytes)).toBe(true);
    expect(asked).toEqual([0]);
  });
});

describe('WholePages', () => {
  test('asks for a page once, however many parts of it are read, and for its neighbours in the same turn', async () => {
    const bytes = noise(3 * PAGE);
    const asked: number[] = [];
    const pages = {
      page: async (number: number) => {
        asked.push(number);
        return pageOf(bytes, number);
      },
      prefetch: () => {},
    };
    const parts = new WholePages(pages, digestOf(bytes), new ByteLru(2 * PAGE));
    const together = [parts.part(0, 5, 9), parts.part(1, 0, PAGE)];
    expect(asked).toEqual([0, 1]);
    await Promise.all(together);
    for (let from = 0; from < PAGE; from += PIECE) {
      expect(same(await parts.part(0, from, from + PIECE), bytes.subarray(from, from + PIECE))).toBe(true);
    }
    expect(asked).toEqual([0, 1]);
    await parts.part(2, 0, 1);
    await parts.part(1, 0, 1); // pushed out meanwhile
    expect(asked).toEqual([0, 1, 2, 1]);
  });
});

describe('PagedBlob', () => {
  /** Pages from memory, and what was asked of them. */
  class NotingPages implements PagePartSource {
    readonly asked: number[] = [];
    readonly ahead: string[] = [];
    constructor(readonly bytes: Uint8Array) {}
    async part(number: number, from: number, to: number): Promise<Uint8Array> {
      this.asked.push(number);
      return pageOf(this.bytes, number).subarray(from, to);
    }
    prefetch(first: number, end: number): void {
      this.ahead.push(`${first}-${end}`);
    }
  }

  test('inside one page it is a view, not a copy', async () => {
    const pages = new NotingPages(noise(2 * PAGE));
    const read = await new PagedBlob(pages, 2 * PAGE).read(PAGE + 5, 100);
    expect(read.buffer).toBe(pages.bytes.buffer);
    expect(same(read, pages.bytes.subarray(PAGE + 5, PAGE + 105))).toBe(true);
  });

  test('asks for the pages of the range only, each once; nothing for no bytes', async () => {
    const pages = new NotingPages(noise(6 * PAGE));
    const blob = new PagedBlob(pages, 6 * PAGE);
    await blob.read(PAGE, 0);
    await blob.read(2 * PAGE, PAGE);
    await blob.read(4 * PAGE - 1, PAGE + 2);
    expect(pages.asked).toEqual([2, 3, 4, 5]);
  });

  test('reading on asks ahead, reading here and there does not', async () => {
    const pages = new NotingPages(noise(12 * PAGE));
    const blob = new PagedBlob(pages, 12 * PAGE);
    for (const page of [9, 2, 7, 0, 5]) await blob.read(page * PAGE + 10, PAGE);
    expect(pages.ahead).toEqual([]);
    await blob.read(6 * PAGE + 10, PAGE);
    expect(pages.ahead).toEqual(['8-10']);
  });
});
