/** Large indexes are loaded elsewhere, such as in a thread. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { ContentStore } from '#src/cache/content-store.js';
import {
  CachedIndexes,
  indexOfGiven,
  type LoadIndexElsewhere,
  OWN,
  readLayerIndex,
  StoredIndexes,
  sharedIndex,
} from '#src/index/cached-indexes.js';
import { digestOf } from '../blob/bytes.js';
import { cleanUp, onCleanUp, scratchDirectory, warningLog } from '../cache/scratch.js';
import { collectGarbage } from '../support/garbage.js';
import { file, tarOf } from '../support/tar.js';
import { indexBlob } from './built-layer.js';

afterEach(cleanUp);

/** Names that hardly deflate: the index is longer than those that are loaded here. */
const names = Array.from({ length: 3_000 }, () => file(randomBytes(40).toString('hex')));
const blob = gzipSync(tarOf(...names));
const digest = digestOf(blob);
const { encoded } = await indexBlob(blob);

const log = warningLog();

async function stored(elsewhere: LoadIndexElsewhere) {
  const store = await ContentStore.open({ directory: scratchDirectory(), capBytes: 2 ** 30, log });
  const indexes = new StoredIndexes(store, log, elsewhere);
  onCleanUp(async () => {
    indexes.close();
    await store.close();
  });
  await indexes.write(digest, OWN, { bytes: encoded });
  return indexes;
}

it('loads it once for those that ask at the same time', async () => {
  let loads = 0;
  const indexes = await stored(async (fd, size) => {
    loads++;
    return indexOfGiven(structuredClone(sharedIndex(readLayerIndex(fd, size))));
  });
  const [one, two] = await Promise.all([indexes.load(digest, OWN), indexes.load(digest, OWN)]);
  expect(one!.index.entries.length).toBe(names.length);
  expect(one!.index.entries.pathHeap.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(two).toBe(one);
  expect(loads).toBe(1);
});

it('loads it once as long as a layer keeps the entries', async () => {
  let loads = 0;
  const indexes = await stored(async (fd, size) => {
    loads++;
    return readLayerIndex(fd, size);
  });
  const { entries } = (await indexes.load(digest, OWN))!.index;
  await collectGarbage();
  expect((await indexes.load(digest, OWN))!.index.entries).toBe(entries);
  expect(loads).toBe(1);
});

it('keeps one descriptor, however often it is asked for', async () => {
  const indexes = await stored(async (fd, size) => readLayerIndex(fd, size));
  const first = await indexes.load(digest, OWN);
  const next = () => {
    const fd = openSync('/dev/null', 'r');
    closeSync(fd);
    return fd;
  };
  const before = next();
  for (let i = 0; i < 10; i++) expect(await indexes.load(digest, OWN)).toBe(first);
  expect(next()).toBe(before);
});

it('loads it here if that fails for another reason than damage', async () => {
  const indexes = await stored(() => Promise.reject(new LayerslayerError('INTERNAL', 'the thread ended')));
  expect((await indexes.load(digest, OWN))!.index.digest).toBe(digest);
  expect(indexes.has(digest, OWN)).toBe(true);
});

it('removes a damaged one', async () => {
  const indexes = await stored(() => Promise.reject(new LayerslayerError('CORRUPT_LAYER', 'damaged')));
  expect(await indexes.load(digest, OWN)).toBeUndefined();
  expect(indexes.has(digest, OWN)).toBe(false);
});

it('also loads what a pass has just made', async () => {
  let loads = 0;
  const store = ContentStore.open({ directory: scratchDirectory(), capBytes: 2 ** 30, log });
  const indexes = new CachedIndexes(store, log, async (fd, size) => {
    loads++;
    return readLayerIndex(fd, size);
  });
  onCleanUp(() => indexes.close());
  const pass = { origins: [], find: async () => ({ bytes: encoded.slice(), origin: OWN }) };
  const { signal } = new AbortController();
  const found = await indexes.find(digest, { providers: [pass], onWait() {}, signal });
  expect([found.index.entries.length, found.cached, loads]).toEqual([names.length, false, 1]);
});
