import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { pageRunKey } from '#src/blob/blocks/cached-pages.js';
import { ContentStore } from '#src/cache/content-store.js';
import { cleanUp, IS_ROOT, scratchDirectory, scratchTmpfs, warningLog } from './scratch.js';

const MIB = 1024 * 1024;
const KEY = pageRunKey(`sha256:${'ef'.repeat(32)}`, 0);

afterEach(cleanUp);

async function openStore(capBytes = 16 * MIB, directory = join(scratchDirectory(), 'cache')) {
  const log = warningLog();
  const store = await ContentStore.open({ directory, capBytes, log });
  return { store, directory, warnings: log.warnings };
}

const bytes = (length: number, value = 7) => new Uint8Array(length).fill(value);

describe('a content that comes piece by piece', () => {
  test('is there after its commit, whole, and not before', async () => {
    const { store, directory } = await openStore();
    const writer = await store.begin('page', KEY, 300);
    await writer!.append(bytes(100, 1));
    await writer!.append(bytes(200, 2));
    expect(store.readSync('page', KEY)).toBeUndefined();
    await writer!.commit();
    expect([...store.readSync('page', KEY)!]).toEqual([...bytes(100, 1), ...bytes(200, 2)]);
    expect(readdirSync(join(directory, 'v2/tmp'))).toEqual([]);
  });

  test('is read in part', async () => {
    const { store } = await openStore();
    const writer = await store.begin('page', KEY, 10);
    await writer!.append(Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    await writer!.commit();
    expect([...store.readSync('page', KEY, { offset: 3, length: 4 })!]).toEqual([3, 4, 5, 6]);
    expect([...store.readSync('page', KEY, { offset: 8, length: 4 })!]).toEqual([8, 9]);
    expect(store.readSync('page', KEY, { offset: 10, length: 4 })).toBeUndefined();
  });

  test('larger than the cap: not begun', async () => {
    const { store, warnings } = await openStore(MIB);
    expect(await store.begin('page', KEY, 2 * MIB)).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  test.runIf(IS_ROOT)('on a disk that fills up: one warning, nothing of it stays', async () => {
    const { store, directory, warnings } = await openStore(64 * MIB, scratchTmpfs(2 * MIB));
    const writer = await store.begin('page', KEY, 4 * MIB);
    // The last piece that fits fits in part: a kernel takes what it can.
    for (let i = 0; i < 11; i++) await writer!.append(bytes(375_000));
    await writer!.commit();
    expect(warnings).toEqual([expect.stringMatching(/keeps nothing more.*no space left on device/)]);
    expect(store.readSync('page', KEY)).toBeUndefined();
    expect(readdirSync(join(directory, 'v2/tmp'))).toEqual([]);
  });
});
