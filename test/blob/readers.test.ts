import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { FilePart } from '#src/blob/blob.js';
import { FileBlob } from '#src/source/file-blob.js';
import { openRegularFile } from '#src/source/local-files.js';
import { cleanUp, onCleanUp, scratchDirectory } from '../cache/scratch.js';
import { noise } from './bytes.js';
import { MemoryBlob } from './memory-blob.js';
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

blobReaderSuite('MemoryBlob', async (bytes) => new MemoryBlob(bytes));
blobSourceSuite('MemoryBlob', async (bytes) => new MemoryBlob(bytes));
blobReaderSuite('FileBlob', fileBlob);
blobSourceSuite('FileBlob', fileBlob);
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
