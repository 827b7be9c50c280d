import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { Log } from '#src/base/log.js';
import { ContentStore } from '#src/cache/content-store.js';
import {
  CachedIndexes,
  type IndexProvider,
  OWN,
  openOwnIndex,
  readLayerIndex,
  StoredIndexes,
} from '#src/index/cached-indexes.js';
import { decodeLayerIndex } from '#src/index/file/decode-index.js';
import { encodeLayerIndex } from '#src/index/file/encode-index.js';
import { checkLayerIndex } from '#src/index/file/foreign-index.js';
import type { LayerIndex } from '#src/index/layer-index.js';
import { LAYER_LIMITS } from '#src/index/layer-limits.js';
import { CheckpointBuilder } from '#src/index/pass/checkpoint-builder.js';
import { EntryColumnsBuilder } from '#src/index/pass/entry-columns-builder.js';
import { areStatesIntact, readCheckpoint, type StateStorage } from '#src/index/states/checkpoints.js';
import {
  beforeStates,
  detachableStates,
  splitStates,
  withoutStates,
} from '#src/index/states/detached-states.js';
import type { Digest } from '#src/oci/digest.js';
import { noise, same } from '../../blob/bytes.js';
import { cleanUp, onCleanUp, scratchDirectory, warningLog } from '../../cache/scratch.js';
import { file, tarOf } from '../../support/tar.js';
import { indexBlob } from '../built-layer.js';

afterEach(cleanUp);

const MIB = 1024 * 1024;
const DIGEST = `sha256:${'ab'.repeat(32)}` as Digest;

interface Built {
  index: Omit<LayerIndex, 'states' | 'fingerprint'>;
  states: Uint8Array;
  encoded: Uint8Array;
}

/** An index with states of `length` bytes each that do not compress, of a layer of `blobSize`. */
async function build(
  count: number,
  length: number,
  blobSize = 4 * MIB,
  entries = new EntryColumnsBuilder(LAYER_LIMITS).finish(),
): Promise<Built> {
  const builder = new CheckpointBuilder({ statesPerGroup: 1 }, LAYER_LIMITS.stateBytes);
  for (let i = 0; i < count; i++)
    builder.add({ inOffset: i, outOffset: i, state: noise(i === 0 ? 0 : length, i) });
  const { checkpoints, states } = await builder.finish();
  const index: Built['index'] = {
    digest: DIGEST,
    codec: 'zstd',
    blobSize,
    tarSize: 100,
    entries,
    checkpoints,
    verification: { kind: 'blocks', blockSize: 65_536, digests: noise((blobSize / 65_536) * 32, 3) },
    warnings: [],
  };
  return { index, states, encoded: await encodeLayerIndex(index, states) };
}

const readerOf = (encoded: Uint8Array) => (offset: number, length: number) =>
  encoded.subarray(offset, offset + length);
const decode = (encoded: Uint8Array) => decodeLayerIndex(readerOf(encoded));

const long = await build(5, 400_000); // 1.6 MB of states, more than 1 MiB
const short = await build(5, 200_000);

describe('the states of an index', () => {
  it.each<[string, number, number, boolean]>([
    ['up to 1 MiB', MIB - 1000, 4 * MIB, false],
    ['of more', MIB + 1, 4 * MIB, true],
    ['up to 3.2 % of a large layer', 2 * MIB, 64 * MIB, false],
    ['of more', 2.1 * MIB, 64 * MIB, true],
  ])('%s, %d bytes of a layer of %d: out of the index is %s', async (_, length, blobSize, isSplit) => {
    const { encoded, states } = await build(2, length, blobSize);
    const split = splitStates(encoded);
    expect(split.states !== undefined).toBe(isSplit);
    if (!isSplit) expect(split.bytes).toBe(encoded);
    else expect(same(split.states!, states)).toBe(true);
  });

  it('leave it as it was, but for where they are', () => {
    const { bytes } = splitStates(long.encoded);
    const { states, detachedStates, ...rest } = decode(bytes);
    expect({ states, detachedStates }).toEqual({
      states: { offset: 0, length: 0 },
      detachedStates: { length: long.states.length },
    });
    expect(rest.checkpoints).toEqual(long.index.checkpoints);
    expect(bytes.length).toBeLessThan(long.encoded.length - long.states.length + 100);
  });

  it('make the same file again, byte for byte', () => {
    const { bytes, states } = splitStates(long.encoded);
    const before = beforeStates(readerOf(bytes))!;
    expect(before.statesLength).toBe(states!.length);
    expect(same(Buffer.concat([before.bytes, states!]), long.encoded)).toBe(true);
    expect(beforeStates(readerOf(long.encoded))).toBeUndefined();
  });

  it('stay in an index without their digests, or that does not end with them', async () => {
    const { groupDigests: _, ...checkpoints } = long.index.checkpoints;
    const older = await encodeLayerIndex({ ...long.index, checkpoints }, long.states);
    expect(splitStates(older)).toEqual({ bytes: older });
    const longer = Buffer.concat([long.encoded, Buffer.of(1)]);
    expect(splitStates(longer).states).toBeUndefined();
  });

  it('are not split off what others publish, and a published index is never read without', () => {
    const { bytes } = splitStates(long.encoded);
    const layer = { digest: DIGEST, blobSize: 4 * MIB };
    for (const isWhole of [false, true])
      expect(() => checkLayerIndex(bytes, layer, isWhole)).toThrow('the location of its states');
    expect(detachableStates(readerOf(bytes), bytes.length)).toBeUndefined();
    const end = detachableStates(readerOf(long.encoded), long.encoded.length)!;
    const of = { repository: 'example.com/indexes', digest: DIGEST, size: long.encoded.length };
    expect(beforeStates(readerOf(withoutStates(long.encoded.subarray(0, end), of)))).toBeUndefined();
  });

  it('are refused if the index has no digests of them, or no length', async () => {
    const { groupDigests: _, ...checkpoints } = long.index.checkpoints;
    const damaged = { ...long.index, checkpoints, detachedStates: { length: 5 } };
    const encoded = await encodeLayerIndex(damaged, new Uint8Array(0));
    expect(() => decode(encoded)).toThrow('state digests');
  });
});

it('leave no descriptor if the session ends while their index is loaded', async () => {
  const names = Array.from({ length: 3_000 }, () => file(randomBytes(40).toString('hex')));
  const { entries } = decode((await indexBlob(gzipSync(tarOf(...names)))).encoded);
  const { encoded } = await build(5, 400_000, 4 * MIB, entries); // long enough to be loaded elsewhere
  const log = warningLog();
  const store = await ContentStore.open({ directory: scratchDirectory(), capBytes: 2 ** 30, log });
  onCleanUp(() => store.close());
  const loadElsewhere = async (fd: number, size: number) => {
    const index = readLayerIndex(fd, size);
    indexes.close();
    return index;
  };
  const indexes = new StoredIndexes(store, log, loadElsewhere);
  await indexes.write(DIGEST, OWN, splitStates(encoded));
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  expect((await indexes.load(DIGEST, OWN))!.index.detachedStates).toBeDefined();
  expect(descriptors()).toBe(before);
});

/** Indexes over a cache directory, whose own pass makes `encoded`. */
function open(encoded: Uint8Array, { directory = scratchDirectory(), capBytes = 2 ** 30 } = {}) {
  const warnings: string[] = [];
  const log: Log = { ...warningLog(), warn: (message) => void warnings.push(message) };
  const opened = ContentStore.open({ directory, capBytes, log });
  const indexes = new CachedIndexes(opened, log);
  onCleanUp(() => indexes.close());
  let passes = 0;
  const pass: IndexProvider = {
    origins: [],
    async find() {
      passes++;
      return { bytes: encoded.slice(), origin: OWN };
    },
  };
  const other: IndexProvider = {
    origins: [{ kind: 'referrer', repository: 'r.example/app' }],
    find: () => Promise.reject(new Error('it was asked')),
  };
  const signal = new AbortController().signal;
  const find = (needsStates = false) =>
    indexes.find(DIGEST, { providers: [pass], needsStates, onWait() {}, signal });
  const findAlso = () =>
    indexes.find(DIGEST, { providers: [other, pass], needsStates: true, onWait() {}, signal });
  return { find, findAlso, indexes, opened, directory, warnings, passes: () => passes };
}

const statesFile = (directory: string) => join(directory, 'v2/states/3', DIGEST);
const indexFile = (directory: string) => join(directory, 'v2/index/3', DIGEST);
const { checkpoints } = long.index;
const readAll = (states: StateStorage) =>
  Array.from({ length: checkpoints.length }, (_, i) => readCheckpoint(checkpoints, states, i).state);
const originals = Array.from({ length: 5 }, (_, i) => noise(i === 0 ? 0 : 400_000, i));

describe('long states in the cache', () => {
  it('are a file beside the index, which a mount holds open', async () => {
    const first = open(long.encoded);
    for (const { find, directory } of [first, open(long.encoded, { directory: first.directory })]) {
      const { states } = await find();
      expect(states).toEqual({ detachedFd: expect.any(Number) });
      expect(statSync(statesFile(directory)).size).toBe(long.states.length);
      expect(readAll(states).map((state, i) => same(state, originals[i]!))).not.toContain(false);
    }
    expect([first.passes(), first.warnings]).toEqual([1, []]);
    const { states, index } = await first.find();
    rmSync(statesFile(first.directory));
    rmSync(indexFile(first.directory));
    expect(await areStatesIntact(index.checkpoints, states)).toBe(true);
  });

  it('that are short stay in the index', async () => {
    const { find, directory } = open(short.encoded);
    expect((await find()).states).toMatchObject({ fd: expect.any(Number) });
    expect(same(readFileSync(indexFile(directory)), short.encoded)).toBe(true);
  });

  it('are missed only where they are needed', async () => {
    const { find, findAlso, directory, passes, warnings } = open(long.encoded);
    await find();
    rmSync(statesFile(directory));
    const lost = await find();
    expect([lost.states, lost.cached, passes()]).toEqual([{ detachedFd: undefined }, true, 1]);
    expect(readCheckpoint(checkpoints, lost.states, 0).state).toHaveLength(0);
    expect(() => readCheckpoint(checkpoints, lost.states, 1)).toThrow('its states are gone');
    // An index from elsewhere would not be preferred to ours.
    const again = await findAlso();
    expect([again.cached, again.origin, passes()]).toEqual([false, OWN, 2]);
    expect((await find(true)).cached).toBe(true);
    expect([passes(), warnings]).toEqual([2, []]);
  });

  it.each<[string, (path: string) => void]>([
    ['cut short', (path) => truncateSync(path, 1000)],
    ['those of another index', (path) => writeFileSync(path, noise(long.states.length, 77))],
    [
      'wrong in one bit',
      (path) => {
        const bytes = readFileSync(path);
        bytes[900_000]! ^= 1;
        writeFileSync(path, bytes);
      },
    ],
  ])('are made again if they are %s', async (_, damage) => {
    const { find, directory, passes } = open(long.encoded);
    await find();
    damage(statesFile(directory));
    expect((await find(true)).cached).toBe(false);
    expect(passes()).toBe(2);
    expect(same(readFileSync(statesFile(directory)), long.states)).toBe(true);
  });

  it('stay in memory where the cache has no room for them', async () => {
    const { find, directory } = open(long.encoded, { capBytes: 1_500_000 });
    const { states } = await find();
    expect(states).toEqual({ memory: expect.any(SharedArrayBuffer) });
    expect(readAll(states).map((state, i) => same(state, originals[i]!))).not.toContain(false);
    expect((await open(long.encoded, { directory }).find()).states).toEqual({ detachedFd: undefined });
  });

  it('stay in memory without a cache', async () => {
    const { states } = await open(long.encoded, { capBytes: 0 }).find();
    expect(readAll(states).map((state, i) => same(state, originals[i]!))).not.toContain(false);
  });

  it('and the index are published as one file, that of the pass', async () => {
    const { find, opened, directory } = open(long.encoded);
    await find();
    const store = await opened;
    const whole = openOwnIndex(store, DIGEST)!;
    expect(whole.size).toBe(long.encoded.length);
    const before = long.encoded.length - long.states.length;
    for (const [offset, length] of [
      [0, whole.size],
      [0, 128],
      [before - 10, 30],
      [before, 5],
      [whole.size - 7, 7],
    ] as const)
      expect(
        same(whole.read(offset, length), long.encoded.subarray(offset, offset + length)),
        `${offset}`,
      ).toBe(true);
    expect(() => whole.read(whole.size - 1, 2)).toThrow('early');
    whole.close();
    rmSync(statesFile(directory));
    expect(openOwnIndex(store, DIGEST)).toBeUndefined();
  });
});

describe('an index of the format before states had a group size in it', () => {
  it('is made again', async () => {
    const old = Buffer.from(short.encoded);
    old.writeUInt32LE(0, 120);
    const table = old.subarray(128, 128 + 32 * old.readUInt32LE(12));
    const { crc32 } = await import('node:zlib');
    old.writeUInt32LE(crc32(table, crc32(old.subarray(0, 124))), 124);
    const { find, directory, warnings, passes } = open(short.encoded);
    await find();
    writeFileSync(indexFile(directory), old);
    expect((await find()).cached).toBe(false);
    expect([passes(), warnings]).toEqual([2, [expect.stringContaining('is made again')]]);
  });
});

describe('an index of an ordinary layer', () => {
  it('is cached as the pass made it', async () => {
    const { encoded } = await indexBlob(gzipSync(tarOf(file('a', 'content'))));
    expect(splitStates(encoded)).toEqual({ bytes: encoded });
  });
});
