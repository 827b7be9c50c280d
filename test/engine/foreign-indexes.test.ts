import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Layer } from '#src/engine/layer.js';
import type { IndexTrust } from '#src/index/cached-indexes.js';
import { defaultPlatform } from '#src/oci/platform.js';
import { noise, same } from '../blob/bytes.js';
import { plain } from '../codec/gzip/plain.js';
import { estargz } from '../support/estargz.js';
import { type Fault, noAnswer } from '../support/fault-proxy.js';
import {
  type LayerToPush,
  OCI_INDEX,
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  pushManifest,
  startRegistry,
  type TestRegistry,
} from '../support/registry.js';
import { dir, file, tarOf } from '../support/tar.js';
import { descriptorOf, sample } from '../tables/samples.js';
import { contentOf, indexPath, rowOf, Sessions, sentFor, sha256 } from './sessions.js';

const CONTENT = noise(400_000, 5);
const ENTRIES = [
  { path: 'd/' },
  { path: 'd/noise', content: CONTENT },
  { path: 'd/small', content: 'small' },
  { path: 'link', target: 'd/small' },
];
/** The tar has seconds with fractions, which the table rounds down. */
const HONEST = estargz(ENTRIES, { mtime: '1500000000.25' });
const LYING = estargz([...ENTRIES, { path: 'who', content: 'liar' }], {
  lie: (toc) => toc.map((entry) => (entry.name === 'who' ? { ...entry, name: 'evil' } : entry)),
});
/** A file begins a byte later than in the tar. The digest is right for that. */
const SHIFTED = sha256(Buffer.from('ight\0'));
const CHANGED = estargz(
  [
    { path: 'a', content: 'right' },
    { path: 'b', content: 'other' },
  ],
  {
    lie: ([a, b]) => [{ ...a!, innerOffset: 1, digest: SHIFTED, chunkDigest: SHIFTED }, b!],
  },
);

/** A chunk begins behind the layer. */
const IMPOSSIBLE = estargz(ENTRIES, {
  lie: (toc) => toc.map((entry) => (entry.offset ? { ...entry, offset: 2 ** 40 } : entry)),
});

let registry: TestRegistry;
const sessions = new Sessions();
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

let count = 0;
async function push(...layers: LayerToPush[]) {
  const name = `tables/app:${count++}`;
  const { manifest } = await pushImage(registry, name, { layers });
  return { name, digests: manifest.layers.map(({ digest }) => digest) };
}

async function start(name: string, indexTrust?: IndexTrust, cacheDirectory?: string) {
  const proxy = await sessions.proxy(registry.url);
  const started = sessions.start({ indexTrust, ...(cacheDirectory && { cacheDirectory }) });
  const reference = `${proxy.host}/${name}`;
  const image = await started.session.resolve(reference, defaultPlatform());
  started.session.record(reference, defaultPlatform(), image, Date.now());
  const layers = () => started.session.openLayers(image, started.operation);
  return { ...started, proxy, image, layers, reference };
}

const refuted = (directory: string) => {
  const folder = join(directory, 'v2/refuted');
  return existsSync(folder) ? readdirSync(folder, { recursive: true }) : [];
};

const isContent = (bytes: Uint8Array) => same(bytes, CONTENT);

const numbered = (layers: Layer[]) => layers.map((layer, i) => ({ layer, number: i + 1 }));

describe('a layer that announces a table', () => {
  it('is opened by it, without being read whole', async () => {
    const { name, digests } = await push(HONEST);
    const { layers, proxy, logged, cacheDirectory } = await start(name);
    const [layer] = await layers();
    expect(layer!.origin).toMatchObject({ kind: 'table', format: 'estargz', isExact: true });
    expect(layer!.hidesTableMarkers).toBe(true);
    // The last 16 KiB and the first bytes, without the rest of their blocks.
    expect(sentFor(proxy, digests[0]!)).toBeLessThan(16_500);
    expect(existsSync(join(cacheDirectory, 'v2/pages'))).toBe(false);
    expect(layer!.entries.mtimeNanoseconds(rowOf(layer!, 'd/small'))).toBe(0);
    expect(await contentOf(layer!, 'd/noise')).toSatisfy(isContent);
    expect(logged).toEqual([]);
  });

  it('is opened with eleven others, which all wait for the network at the same time', async () => {
    const layers = Array.from({ length: 12 }, (_, i) => estargz([{ path: 'a', content: `layer ${i}` }]));
    const { name, digests } = await push(...layers);
    const { session, image, proxy } = await start(name);
    proxy.rules.push({ path: /\/blobs\//, fault: noAnswer() });
    const stop = new AbortController();
    const opening = session.openLayers(image, { signal: stop.signal });
    opening.catch(() => {});
    const asked = () => digests.filter((digest) => proxy.requests(new RegExp(digest)).length > 0);
    await expect.poll(() => asked().length, { timeout: 20_000 }).toBe(12);
    stop.abort();
    await expect(opening).rejects.toThrow();
  });

  it.each<[IndexTrust | undefined, string]>([
    [undefined, 'table'],
    ['none', 'own'],
    ['exact', 'table'],
    ['image', 'table'],
    ['any', 'table'],
  ])('with --index=%s is opened by: %s', async (trust, kind) => {
    const { name } = await push(HONEST);
    const [layer] = await (await start(name, trust)).layers();
    expect(layer!.origin.kind).toBe(kind);
  });

  it('is opened by the cached table in another process, and preloaded', async () => {
    const { name, digests } = await push(HONEST);
    const first = await start(name);
    await first.layers();
    await first.session.close();
    const again = await start(name, 'exact', first.cacheDirectory);
    again.session.preload(again.reference, defaultPlatform());
    const [layer] = await again.layers();
    expect(layer!.origin.kind).toBe('table');
    expect(sentFor(again.proxy, digests[0]!)).toBe(0);
    expect(await again.session.openCached(again.image, 1)).toBeDefined();
    expect(await again.session.openCached(again.image, 1, { indexTrust: 'none' })).toBeUndefined();
  });

  it('is read whole with --index=none, which proves the table that an earlier mount cached', async () => {
    const { name, digests } = await push(HONEST);
    const first = await start(name);
    await first.layers();
    const second = await start(name, 'none', first.cacheDirectory);
    const [layer] = await second.layers();
    expect(layer!.origin.kind).toBe('own');
    expect(layer!.entries.mtimeNanoseconds(rowOf(layer!, 'd/small'))).toBe(250_000_000);
    expect(second.logged).toEqual([]);
    expect(readdirSync(join(first.cacheDirectory, 'v2/index/3'))).toEqual(digests);
  });

  it.each([
    ['names', LYING],
    ['contents', CHANGED],
  ])('is read whole with --index=none, which refutes a table with other %s', async (_, layer) => {
    const { name } = await push(layer);
    const first = await start(name);
    expect((await first.layers())[0]!.origin.kind).toBe('table');
    const second = await start(name, 'none', first.cacheDirectory);
    await second.layers();
    expect(second.logged).toEqual([expect.stringContaining('it is not used any more')]);
    expect(refuted(first.cacheDirectory)).toHaveLength(1);
    const third = await start(name, 'any', first.cacheDirectory);
    expect((await third.layers())[0]!.origin.kind).toBe('own');
  });

  it('is read whole if its table contradicts itself, which is said once', async () => {
    const { name, digests } = await push(IMPOSSIBLE);
    const first = await start(name);
    expect((await first.layers())[0]!.origin.kind).toBe('own');
    expect(first.logged).toEqual([
      expect.stringMatching(/^warn: layer .* its table is not used: reading the estargz/),
    ]);
    rmSync(indexPath(first.cacheDirectory, digests[0]!));
    const second = await start(name, 'exact', first.cacheDirectory);
    expect((await second.layers())[0]!.origin.kind).toBe('own');
    expect(second.logged).toEqual([]);
  });

  it('is read whole if its table came damaged twice, and the table is asked for again', async () => {
    const { name, digests } = await push(HONEST);
    const first = await start(name);
    const fault: Fault = {
      change({ body, ...answer }, { headers }) {
        if (!headers.range || headers.range.startsWith('bytes=0-')) return { ...answer, body }; // the pass
        const at = body.length - 15; // in the footer's magic
        return { ...answer, body: Buffer.from(body).fill(0, at, at + 1) };
      },
    };
    const path = new RegExp(`/blobs/${digests[0]}`);
    first.proxy.rules.push({ method: 'GET', path, fault });
    expect((await first.layers())[0]!.origin.kind).toBe('own');
    expect(first.logged).toContainEqual(expect.stringMatching(/^warn: layer .* its table is not used/));
    expect(refuted(first.cacheDirectory)).toEqual([]);
    rmSync(indexPath(first.cacheDirectory, digests[0]!));
    const second = await start(name, 'exact', first.cacheDirectory);
    expect((await second.layers())[0]!.origin.kind).toBe('table');
    expect(second.logged).toEqual([]);
  });

  it('is opened by both indexes in one session', async () => {
    const { name } = await push(HONEST);
    const { session, image } = await start(name);
    const [byTable] = await session.openLayers(image);
    const [byPass] = await session.openLayers(image, { indexTrust: 'none' });
    expect([byTable!.origin.kind, byPass!.origin.kind]).toEqual(['table', 'own']);
    for (const layer of [byTable!, byPass!, byTable!]) {
      expect(await contentOf(layer, 'd/noise')).toSatisfy(isContent);
      expect((await contentOf(layer, 'd/small')).toString()).toBe('small');
    }
  });
});

describe('comparing a layer later', () => {
  it('replaces the index by that of an own pass, from the next opening on', async () => {
    const { name } = await push(HONEST);
    const { session, image, layers, logged, cacheDirectory } = await start(name);
    const opened = await layers();
    expect(await session.compareLayers(image, numbered(opened))).toBe('done');
    expect(logged).toEqual([]);
    expect(await contentOf(opened[0]!, 'd/noise')).toSatisfy(isContent);
    const [next] = await (await start(name, 'exact', cacheDirectory)).layers();
    expect(next!.origin.kind).toBe('own');
  });

  it('knows what a pass of another process has refuted', async () => {
    const { name } = await push(CHANGED);
    const { session, image, layers, cacheDirectory } = await start(name);
    const opened = await layers();
    expect(opened[0]!.origin.kind).toBe('table');
    await (await start(name, 'none', cacheDirectory)).layers();
    expect(await session.compareLayers(image, numbered(opened))).toBe('refuted');
  });

  it.each([
    ['names', LYING, 2 ** 30],
    ['contents', CHANGED, 2 ** 30],
    ['names, without a cache', LYING, 0],
    ['contents, without a cache', CHANGED, 0],
  ])('refutes a table with other %s: reads fail at once', async (_, lying, capBytes) => {
    const { name } = await push(lying, HONEST);
    const { session, logged, cacheDirectory } = sessions.start({ capBytes });
    const image = await session.resolve(`${registry.host}/${name}`, defaultPlatform());
    const [liar, honest] = await session.openLayers(image);
    const read = async (layer: Layer, row: number) => layer.read(row, 0, 1);
    const row = lying === LYING ? rowOf(liar!, 'evil') : rowOf(liar!, 'a');
    await read(liar!, row);
    expect(await session.compareLayers(image, numbered([liar!, honest!]))).toBe('refuted');
    await expect(read(liar!, row)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await read(honest!, rowOf(honest!, 'd/small'));
    expect(logged).toContainEqual(expect.stringMatching(/^error: the eStargz table .*reads of layer 1 fail/));
    if (capBytes === 0) return;
    const [next, other] = await (await start(name, 'exact', cacheDirectory)).layers();
    expect([next!.origin.kind, other!.origin.kind]).toEqual(['own', 'own']);
  });
});

describe('a published index', () => {
  const PLAIN = gzipSync(
    tarOf(dir('d/'), file('d/text', plain('letters', 900_000, 4)), file('d/small', 'small')),
  );

  it.each<[IndexTrust, string]>([
    ['none', 'own'],
    ['exact', 'own'],
    ['trusted', 'repository'],
    ['any', 'referrer'],
  ])('with --index=%s in an index repository or a referrer: %s, and is compared', async (trust, kind) => {
    const { name } = await push({ bytes: PLAIN });
    const repository = `${registry.host}/indexes/shared`;
    const first = sessions.start({ indexTrust: 'none' });
    const own = await first.session.resolve(`${registry.host}/${name}`, defaultPlatform());
    await first.session.openLayers(own);
    const place =
      trust === 'any' ? { kind: 'referrer' as const } : { kind: 'repository' as const, repository };
    await first.session.published.publish(own, place);
    const second = sessions.start({
      indexTrust: trust,
      ...(trust === 'trusted' && { indexRepository: repository }),
    });
    const image = await second.session.resolve(`${registry.host}/${name}`, defaultPlatform());
    const opened = await second.session.openLayers(image);
    expect(opened[0]!.origin.kind).toBe(kind);
    expect((await contentOf(opened[0]!, 'd/small')).toString()).toBe('small');
    expect(await second.session.compareLayers(image, numbered(opened))).toBe('done');
    expect(second.logged).toEqual([]);
  });
});

describe('a layer of another tool', () => {
  it.each(['estargz-inner-2', 'zstdchunked-new-2'])(
    '%s has a table that agrees with an own pass',
    async (name) => {
      const { annotations = {}, mediaType } = descriptorOf(name);
      const pushed = await push({ bytes: sample(name), mediaType, annotations });
      const { session, image, layers, logged } = await start(pushed.name, 'image');
      const opened = await layers();
      expect([opened[0]!.origin.kind, logged]).toEqual(['table', []]);
      expect(await session.compareLayers(image, numbered(opened))).toBe('done');
      expect(logged).toEqual([]);
    },
  );
});

describe('a SOCI index', () => {
  const LAYER = sample('soci-2');
  const ZTOC = gunzipSync(sample('soci-2.ztoc.gz'));
  /** Its second checkpoint says another place in the tar. The digests of its spans are right. */
  const OTHER = movedCheckpoint(ZTOC);
  const SOCI_TYPE = 'application/vnd.amazon.soci.index.v1+json';

  /** Pushes the image and its SOCI index: named by the image (v2), or referring to it. */
  async function pushSoci(version: 'v1' | 'v2', ztoc: Buffer = ZTOC) {
    const name = `soci/app:${count++}`;
    const repository = 'soci/app';
    const config = await pushBlob(registry, repository, Buffer.from('{}'));
    const layer = {
      mediaType: 'application/octet-stream',
      annotations: { 'com.amazon.soci.image-layer-digest': sha256(LAYER) },
      ...(await pushBlob(registry, repository, ztoc)),
    };
    const index = { schemaVersion: 2, config: { mediaType: SOCI_TYPE, ...config }, layers: [layer] };
    const put = (tag: string | undefined, manifest: object) =>
      pushManifest(registry, repository, tag, { mediaType: OCI_MANIFEST, ...manifest }, OCI_MANIFEST);
    if (version === 'v2') {
      const { digest } = await put(undefined, index);
      const annotations = { 'com.amazon.soci.index-digest': digest };
      await pushImage(registry, name, { layers: [LAYER], manifest: { annotations } });
      return name;
    }
    const { digest, size } = await pushImage(registry, name, { layers: [LAYER] });
    const subject = { mediaType: OCI_MANIFEST, digest, size };
    const referrer = await put(undefined, { ...index, artifactType: SOCI_TYPE, subject });
    const descriptor = {
      mediaType: OCI_MANIFEST,
      artifactType: SOCI_TYPE,
      digest: referrer.digest,
      size: referrer.size,
    };
    const list = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptor] };
    await pushManifest(registry, repository, digest.replace(':', '-'), list, OCI_INDEX);
    return name;
  }

  const tar = gunzipSync(LAYER);
  async function expectAllFiles({ entries, ...layer }: Layer, read: Layer['read']): Promise<void> {
    let files = 0;
    for (let row = 0; row < entries.length; row++) {
      const size = entries.size(row);
      if (entries.kind(row) !== 'file' || size === 0) continue;
      const at = entries.dataOffset(row);
      expect(same(await read(row, 0, size), tar.subarray(at, at + size)), layer.digest).toBe(true);
      files++;
    }
    expect(files).toBeGreaterThan(0);
  }

  it.each<['v1' | 'v2', IndexTrust, string]>([
    ['v2', 'none', 'own'],
    ['v2', 'exact', 'table'],
    ['v1', 'exact', 'own'],
    ['v1', 'image', 'own'],
    ['v1', 'trusted', 'own'],
    ['v1', 'any', 'referrer'],
  ])('%s with --index=%s: %s', async (version, trust, kind) => {
    const { layers, logged, session, image } = await start(await pushSoci(version), trust);
    const opened = await layers();
    const [layer] = opened;
    expect([layer!.origin.kind, logged]).toEqual([kind, []]);
    await expectAllFiles(layer!, layer!.read.bind(layer));
    expect(await session.compareLayers(image, numbered(opened))).toBe('done');
    expect(logged).toEqual([]);
  });

  it('with a checkpoint that leads elsewhere is refuted', async () => {
    const { layers, logged, session, image } = await start(await pushSoci('v2', OTHER));
    const opened = await layers();
    expect(opened[0]!.origin.kind).toBe('table');
    expect(await session.compareLayers(image, numbered(opened))).toBe('refuted');
    expect(logged).toContainEqual(expect.stringMatching(/what is decompressed from checkpoint [01] on/));
  });

  it('with digests that no bytes have is used once: then the layer is read whole', async () => {
    const { layers, logged, cacheDirectory, name } = await startSoci(withOtherDigests(ZTOC));
    const [byTable] = await layers();
    expect(byTable!.origin.kind).toBe('table');
    const read = async (row: number) => byTable!.read(row, 0, 1);
    const row = Array.from({ length: byTable!.entries.length }, (_, i) => i).find(
      (one) => byTable!.entries.kind(one) === 'file' && byTable!.entries.size(one) > 0,
    )!;
    for (let i = 0; i < 2; i++) await expect(read(row)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(logged.filter((line) => line.includes('the next time the layer is read whole'))).toHaveLength(1);
    await sessions.close();
    expect(refuted(cacheDirectory)).toHaveLength(1);
    const [next] = await (await start(name, 'exact', cacheDirectory)).layers();
    expect(next!.origin.kind).toBe('own');
    await expectAllFiles(next!, next!.read.bind(next));
  });

  it('that is damaged is named, and the layer read whole', async () => {
    const { layers, logged } = await start(await pushSoci('v2', ZTOC.subarray(0, -40_000)));
    expect((await layers())[0]!.origin.kind).toBe('own');
    expect(logged).toEqual([expect.stringMatching(/^warn: layer .* its table is not used: /)]);
  });

  async function startSoci(ztoc: Buffer) {
    const name = await pushSoci('v2', ztoc);
    return { name, ...(await start(name)) };
  }

  /** Another hexadecimal digit at the end of each span's digest. */
  function withOtherDigests(ztoc: Buffer): Buffer {
    const text = ztoc.toString('latin1');
    const other = (_: string, start: string, digit: string) => start + (digit === '0' ? '1' : '0');
    const changed = text.replace(/(sha256:[0-9a-f]{63})([0-9a-f])/g, other);
    expect(changed).not.toBe(text);
    return Buffer.from(changed, 'latin1');
  }

  function movedCheckpoint(ztoc: Buffer): Buffer {
    const changed = Buffer.from(ztoc);
    const tar = gunzipSync(LAYER);
    for (let end = 33_000; end < tar.length; end++) {
      const at = ztoc.indexOf(tar.subarray(end - 32_768, end));
      if (at < 0) continue;
      // Before the window: in (i64), out (i64), bits (u8).
      expect(ztoc.readBigInt64LE(at - 9)).toBe(BigInt(end));
      changed.writeBigInt64LE(BigInt(end - 512), at - 9);
      return changed;
    }
    throw new Error('no window');
  }
});
