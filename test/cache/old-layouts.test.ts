import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { pageKey } from '#src/blob/blocks/cached-pages.js';
import { ContentStore } from '#src/cache/content-store.js';
import { withMachineLock } from '#src/cache/machine-lock.js';
import { oldLayoutsCharge } from '#src/cache/old-layouts.js';
import { cleanUp, IS_ROOT, NOBODY, scratchDirectory, warningLog } from './scratch.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const LAYER = `sha256:${'ab'.repeat(32)}`;

afterEach(cleanUp);

/** A cache directory as an older version of this program left it. */
function oldCache(files: Record<string, number> = {}): string {
  const directory = scratchDirectory();
  const usual = { 'pages/d/0': 100, 'pages/d/r1': 5000, 'trees/1/t': 1, 'manifests/last/m': 10, ledger: 20 };
  for (const [path, size] of Object.entries({ ...usual, 'index/1/i': 1, 'tmp/1.x.1': 1, ...files })) {
    const full = join(directory, 'v1', path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, Buffer.alloc(size));
  }
  return directory;
}

async function open(directory: string, capBytes = 64 * MIB) {
  const log = warningLog();
  const store = await ContentStore.open({ directory, capBytes, log });
  return { store, warnings: log.warnings };
}

/** Holds a lock of the old layout while `task` runs. */
async function holdingLock(directory: string, name: string, task: () => Promise<void>): Promise<void> {
  await withMachineLock({ directory: join(directory, 'v1/locks'), name }, task);
}

describe('a cache of an older layout', () => {
  test('is removed when the cache is opened', async () => {
    const directory = oldCache();
    await holdingLock(directory, 'ledger', async () => {}); // makes the folder
    const { store, warnings } = await open(directory);
    expect(readdirSync(directory)).toEqual(['v2']);
    expect(await store.write('manifest', LAYER, Buffer.from('new'))).toBe(true);
    expect(warnings).toEqual([]);
  });

  test('is not touched by a cache that keeps nothing', async () => {
    const directory = oldCache();
    await open(directory, 0);
    expect(readdirSync(directory)).toEqual(['v1']);
  });

  test.each(['ledger', 'index-0123'])('stays while a process holds its lock %s, and counts', async (name) => {
    const directory = oldCache({ 'pages/d/large': 4 * MIB });
    const page = Buffer.alloc(1 * MIB);
    await holdingLock(directory, name, async () => {
      const { store } = await open(directory, 5 * MIB);
      expect(existsSync(join(directory, 'v1/pages/d/large'))).toBe(true);
      expect(await store.write('page', pageKey(LAYER, 1), page.subarray(0, 100 * KIB))).toBe(true);
      expect(await store.write('page', pageKey(LAYER, 0), page)).toBe(false);
      await store.close();
    });
    const { store } = await open(directory, 5 * MIB);
    expect(readdirSync(directory)).toEqual(['v2']);
    expect(await store.write('page', pageKey(LAYER, 0), page)).toBe(true);
  });

  test('counts as whole blocks, folders too', async () => {
    const directory = scratchDirectory();
    expect(await oldLayoutsCharge(directory)).toBe(0);
    mkdirSync(join(directory, 'v1/pages'), { recursive: true });
    const empty = await oldLayoutsCharge(directory);
    expect(empty).toBeGreaterThan(0);
    writeFileSync(join(directory, 'v1/pages/0'), Buffer.alloc(4097));
    expect((await oldLayoutsCharge(directory)) - empty).toBe(12 * KIB);
  });
});

describe('what the program did not make stays:', () => {
  test('a file beside its own', async () => {
    const directory = oldCache({ 'notes.txt': 3 });
    await open(directory);
    expect(readdirSync(join(directory, 'v1'))).toEqual(['notes.txt']);
  });

  test.each(['pages', 'locks', 'ledger'])('what a symlink %s leads to', async (part) => {
    const directory = scratchDirectory();
    const outside = scratchDirectory();
    writeFileSync(join(outside, 'file'), 'theirs');
    mkdirSync(join(directory, 'v1'));
    symlinkSync(outside, join(directory, 'v1', part));
    await open(directory);
    expect(readdirSync(directory)).toEqual(['v2']);
    expect(readdirSync(outside)).toEqual(['file']);
  });

  test('what the place of the layout leads to', async () => {
    const directory = scratchDirectory();
    const outside = oldCache({ 'pages/d/large': 4 * MIB });
    symlinkSync(join(outside, 'v1'), join(directory, 'v1'));
    const { store } = await open(directory, 2 * MIB);
    expect(readFileSync(join(outside, 'v1/pages/d/0'))).toHaveLength(100);
    expect(await store.write('page', pageKey(LAYER, 0), Buffer.alloc(MIB))).toBe(true); // it counts for nothing
  });

  test.runIf(IS_ROOT)("another user's", async () => {
    const directory = oldCache();
    chownSync(join(directory, 'v1'), NOBODY, NOBODY);
    const { store, warnings } = await open(directory);
    expect(existsSync(join(directory, 'v1/pages/d/0'))).toBe(true);
    expect([store.usable, warnings]).toEqual([true, []]);
  });
});
