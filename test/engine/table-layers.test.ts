import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { logTo } from '#src/base/log.js';
import { ThreadPeer } from '#src/base/thread-rpc.js';
import { unverifiedFolder } from '#src/blob/blocks/cached-pages.js';
import { BLOCK_SIZE } from '#src/blob/page.js';
import { ContentStore } from '#src/cache/content-store.js';
import { wantedBlobs } from '#src/engine/blobs/wanted-blobs.js';
import { Counters } from '#src/engine/fetch/counters.js';
import type { BlobMethods } from '#src/engine/fetch/fetch-protocol.js';
import { Fetching } from '#src/engine/fetch/fetching.js';
import { CHUNK_SIZE } from '#src/engine/inflate/chunk-reader.js';
import { InflatePool } from '#src/engine/inflate/inflate-pool.js';
import type { OpenLayerRequest } from '#src/engine/inflate/inflate-protocol.js';
import { sharedVerification } from '#src/index/shared-index.js';
import { parseDigest } from '#src/oci/digest.js';
import { defaultPlatform } from '#src/oci/platform.js';
import type { ResolvedImage } from '#src/source/image-source.js';
import { blockDigestsOf, noise, same } from '../blob/bytes.js';
import { corruptAt, type FaultProxy } from '../support/fault-proxy.js';
import { writeLayout } from '../support/oci-layout.js';
import {
  OCI_LAYER_GZIP,
  pushBlob,
  pushImage,
  startRegistry,
  type TestRegistry,
} from '../support/registry.js';
import { layerOf, type Piece } from './inflate/unverified/table-layer.js';
import { Sessions, sentFor, sha256 } from './sessions.js';

const W = CHUNK_SIZE;
const MIB = 1024 * 1024;

const small = Array.from({ length: 40 }, (_, i): Piece[] => [
  { gap: 512 },
  { chunks: [noise(1000 + i, i + 1)] },
]);
const bytes = layerOf([
  { gap: 512 },
  { chunks: [noise(4 * MIB, 1)] },
  { chunks: [noise(4 * MIB, 2)] },
  { hole: 200_000 },
  { chunks: [noise(100_000, 3), noise(70_000, 4)], before: 600 },
  ...small.flat(),
]);
const digest = parseDigest(sha256(bytes.blob));
const ofBlob = new RegExp(`/blobs/${digest}`);
const count = Math.ceil(bytes.plain.length / W);
const layer = { bytes: bytes.blob, mediaType: OCI_LAYER_GZIP, diffId: sha256(bytes.plain) };

const sessions = new Sessions();
const closing: (() => Promise<void>)[] = [];
let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'app:latest', { layers: [layer] });
});
afterAll(() => registry?.stop());
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await sessions.cleanUp();
});

/** The threads of a session, without what makes an index. */
async function setUp(reference: string, { cacheDirectory = sessions.scratch(), threads = 1 } = {}) {
  const logged: string[] = [];
  const log = logTo((level, message) => {
    if (level !== 'debug') logged.push(`${level}: ${message}`);
  });
  const counters = new Counters(8);
  const cache = { directory: cacheDirectory, capBytes: 2 ** 30 };
  await (await ContentStore.open({ ...cache, log })).close();
  const fetching: Fetching = new Fetching({
    setup: { registry: { insecure: false }, cache, counters: counters.shared },
    log,
    onNotice: undefined,
    onRestart: () => pool.reconnect(),
  });
  const pool = new InflatePool({ threads, fetching, log });
  pool.cacheDirectory = cacheDirectory;
  const close = async () => {
    await pool.close();
    await fetching.close(new LayerslayerError('ABORTED', 'the test has ended'));
  };
  closing.push(close);
  const image = (await fetching.ask(
    { ask: 'resolve', reference, platform: defaultPlatform() },
    undefined,
  )) as ResolvedImage;
  const wanted = wantedBlobs(image, [1])[0]!;
  const blob = await fetching.openBlob(image, wanted);
  const opened: OpenLayerRequest = {
    blob,
    digest: wanted.digest,
    codec: 'gzip',
    blobSize: wanted.size,
    tarSize: bytes.plain.length,
    checkpoints: {
      length: 0,
      inOffsets: new Float64Array(0),
      outOffsets: new Float64Array(0),
      stateStarts: new Float64Array(1),
      groupSize: 8,
      groupStarts: new Float64Array(1),
      stateCrcs: new Uint32Array(0),
    },
    verification: sharedVerification({ kind: 'chunks', chunks: bytes.chunks }),
    states: { memory: new SharedArrayBuffer(0) },
    local: await fetching.setVerification(image, wanted.digest, { kind: 'reader' }),
  };
  const arrived = new Map<number, Buffer>();
  pool.receiver = {
    arrived: (_, { number, bytes: run }) => {
      for (let at = 0; at < run.length; at += W) {
        arrived.set(number + at / W, Buffer.from(run.subarray(at, at + W)));
      }
    },
  };
  /** Whether the chunks `[first, first + some)` are right. */
  const isRight = async (first: number, some = 1, thread = 0) => {
    await pool.read(thread, opened, { first, count: some, likelyEnd: first + some });
    const got = Buffer.concat(Array.from({ length: some }, (_, i) => arrived.get(first + i)!));
    for (let i = 0; i < some; i++) arrived.delete(first + i);
    return same(got, bytes.plain.subarray(first * W, (first + some) * W));
  };
  return { fetching, image, opened, pool, isRight, logged, counters, cacheDirectory, close };
}

/** The compressed ranges that the registry was asked for. */
const rangesOf = (proxy: FaultProxy) =>
  proxy.requests(ofBlob).map(({ headers }) => headers.range?.replace('bytes=', ''));

describe('a layer with a table, from a registry', () => {
  it('is read by chunk: one request for a short read, and none again', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { isRight, counters, logged } = await setUp(`${proxy.host}/app:latest`);
    expect(await isRight(20)).toBe(true);
    const inEnd = Math.ceil(bytes.chunks.inEnds[0]! / BLOCK_SIZE) * BLOCK_SIZE;
    expect(rangesOf(proxy)).toEqual([`0-${inEnd - 1}`]);
    for (const first of [0, 100, 127]) expect(await isRight(first)).toBe(true);
    expect(proxy.requests(ofBlob).length).toBe(1);
    expect(counters.fetched).toBe(sentFor(proxy, digest));
    expect(logged).toEqual([]);
  });

  it('brings many small files in one request', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { isRight } = await setUp(`${proxy.host}/app:latest`);
    expect(await isRight(count - 2, 2)).toBe(true);
    expect(proxy.requests(ofBlob).length).toBe(1);
  });

  it('is fetched once for two readers in two threads', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { isRight } = await setUp(`${proxy.host}/app:latest`, { threads: 2 });
    await Promise.all([isRight(20, 1, 0), isRight(60, 1, 1)]);
    expect(proxy.requests(ofBlob).length).toBe(1);
  });

  it('comes from the disk the next time, from a folder of its own', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { isRight, cacheDirectory, close } = await setUp(`${proxy.host}/app:latest`);
    expect(await isRight(0, count)).toBe(true);
    await close();
    const { length } = proxy.requests(ofBlob);
    expect(readdirSync(join(cacheDirectory, 'v2/pages'))).toEqual([unverifiedFolder(digest)]);
    const again = await setUp(`${proxy.host}/app:latest`, { cacheDirectory });
    expect(await again.isRight(0, count)).toBe(true);
    expect(proxy.requests(ofBlob).length).toBe(length);
    expect(again.counters.fetched).toBe(0);
  });

  it('is fetched again where the cache is damaged, with one warning', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { isRight, cacheDirectory, close } = await setUp(`${proxy.host}/app:latest`);
    expect(await isRight(0, count)).toBe(true);
    await close();
    const folder = join(cacheDirectory, 'v2/pages', unverifiedFolder(digest));
    for (const page of ['1', '20']) {
      const damaged = readFileSync(join(folder, page));
      damaged[1000]! ^= 1;
      writeFileSync(join(folder, page), damaged);
    }
    const again = await setUp(`${proxy.host}/app:latest`, { cacheDirectory });
    expect(await again.isRight(0, count)).toBe(true);
    expect(again.logged).toEqual([
      expect.stringMatching(/^warn: chunk 0 of sha256:\S+, at 0: .*: wrong bytes came, fetching them again$/),
    ]);
    await again.close();
    const last = await setUp(`${proxy.host}/app:latest`, { cacheDirectory });
    const { length } = proxy.requests(ofBlob);
    expect(await last.isRight(0, count)).toBe(true);
    expect(proxy.requests(ofBlob).length).toBe(length);
  });

  it('is read where the wrong bytes came once, and DIGEST_MISMATCH where they come twice', async () => {
    const proxy = await sessions.proxy(registry.url);
    proxy.rules.push({ method: 'GET', path: ofBlob, nth: [1, 3, 4], fault: corruptAt(100_000) });
    const { isRight, logged } = await setUp(`${proxy.host}/app:latest`);
    expect(await isRight(20)).toBe(true);
    expect(rangesOf(proxy)[1]).toBe(rangesOf(proxy)[0]);
    expect(logged.length).toBe(1);
    await expect(isRight(200)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringMatching(/^chunk 1 of sha256:\S+, at \d+: wrong bytes, twice/),
    });
    expect(await isRight(200)).toBe(true);
  });

  it('is read by other digests too: neither reader takes the bytes of the other', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { fetching, image, opened, isRight, logged } = await setUp(`${proxy.host}/app:latest`);
    expect(await isRight(0)).toBe(true);
    const digests = blockDigestsOf(bytes.blob);
    await fetching.setVerification(image, opened.digest, { kind: 'blocks', digests });
    const { port1, port2 } = new MessageChannel();
    fetching.attach(port2);
    const peer = new ThreadPeer<BlobMethods>(port1);
    const read = { blob: opened.blob, offset: 5, length: 100_000 };
    const { length } = proxy.requests(ofBlob);
    for (const unverified of [undefined, true] as const) {
      const got = await peer.call('read', { ...read, ...(unverified && { unverified }) });
      expect(same(got, bytes.blob.subarray(5, 100_005))).toBe(true);
    }
    expect(proxy.requests(ofBlob).length).toBe(length + 1);
    expect(logged).toEqual([]);
    port1.close();
  });
});

describe('a blob that is no layer', () => {
  const table = noise(300_000, 9);

  it.each([
    ['the image’s repository', 'app', undefined],
    ['another repository', 'team/indexes', 'team/indexes'],
  ])('is read by its descriptor, in %s', async (_, repository, named) => {
    const proxy = await sessions.proxy(registry.url);
    await pushBlob(registry, repository, table);
    const { fetching, image } = await setUp(`${proxy.host}/app:latest`);
    const described = { mediaType: 'application/octet-stream', digest: sha256(table), size: table.length };
    const descriptor = described as Parameters<Fetching['openDescribed']>[1];
    const blob = await fetching.openDescribed(image, descriptor, named && `${proxy.host}/${named}`);
    expect(await fetching.openDescribed(image, descriptor, named && `${proxy.host}/${named}`)).toBe(blob);
    const { port1, port2 } = new MessageChannel();
    fetching.attach(port2);
    const peer = new ThreadPeer<BlobMethods>(port1);
    const got = await peer.call('read', { blob, offset: 70_000, length: 5000, unverified: true });
    expect(same(got, table.subarray(70_000, 75_000))).toBe(true);
    const verified = peer.call('read', { blob, offset: 0, length: 10 });
    await expect(verified).rejects.toMatchObject({ code: 'INTERNAL' });
    const paths = proxy.requests(/blobs/).filter(({ path }) => path.includes(described.digest));
    expect(paths.map(({ path }) => path)).toEqual([`/v2/${repository}/blobs/${described.digest}`]);
    port1.close();
  });
});

describe('a layer with a table, on this machine', () => {
  it('is read from its file, and DIGEST_MISMATCH where that was changed', async () => {
    const scratch = sessions.scratch();
    const directory = join(scratch, 'layout');
    writeFileSync(join(scratch, 'layer'), bytes.blob);
    const { mediaType, diffId } = layer;
    await writeLayout(directory, 'latest', [{ path: join(scratch, 'layer'), mediaType, diffId }]);
    const { isRight, cacheDirectory, counters, logged } = await setUp(`oci:${directory}`);
    expect(await isRight(0, 100)).toBe(true);
    const path = join(directory, 'blobs/sha256', digest.slice(7));
    const changed = readFileSync(path);
    changed[bytes.chunks.inOffsets[1]! + 1000]! ^= 1;
    writeFileSync(path, changed);
    await expect(isRight(200)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(await isRight(count - 1)).toBe(true);
    expect(counters.fetched).toBe(0);
    expect(logged).toEqual([]);
    await sleep(150); // for writes to the cache
    expect(existsSync(join(cacheDirectory, 'v2/pages'))).toBe(false);
  });
});
