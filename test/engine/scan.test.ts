import { readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LayerObserver } from '#src/engine/layer-observer.js';
import { defaultPlatform } from '#src/oci/platform.js';
import { noise, PAGE, same } from '../blob/bytes.js';
import { corruptAt, drip, ignoreRange } from '../support/fault-proxy.js';
import { pushImage, sha256, startRegistry, type TestRegistry } from '../support/registry.js';
import { file, tarOf } from '../support/tar.js';
import { expectFiles, indexPath, Sessions, sentFor, someFiles, tarOfFiles } from './sessions.js';

const KIB = 1024;
const files = someFiles(7, 6_000_000);
const tar = tarOfFiles(files);
const blob = gzipSync(tar, { level: 1 });
/** Incompressible, so that places in tar and blob are nearly the same. */
const spread = tarOf(...Array.from({ length: 64 }, (_, i) => file(`f${i}`, noise(64 * KIB, i))));
const spreadBlob = gzipSync(spread, { level: 1 });
const manyBlob = gzipSync(tarOf(...Array.from({ length: 300 }, (_, i) => file(`n${i}`, noise(KIB, i)))));
/** About 100 KiB. */
const pagesBlob = gzipSync(tarOf(...Array.from({ length: 100 }, (_, i) => file(`n${i}`, noise(KIB, i)))));
const smallBlob = gzipSync(tarOf(file('s0'), file('s1')));
const noTar = gzipSync(Buffer.alloc(300_000, 'no tar at all '), { level: 1 });

const sessions = new Sessions();
let registry: TestRegistry;

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'walk:latest', {
    layers: [blob, spreadBlob, noTar, manyBlob, smallBlob, pagesBlob],
  });
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

async function walking(options: Parameters<Sessions['start']>[0] = {}) {
  const proxy = await sessions.proxy(registry.url);
  const { session, ...rest } = sessions.start(options);
  const image = await session.resolve(`${proxy.host}/walk:latest`, defaultPlatform());
  const digests = image.manifest.layers.map(({ digest }) => digest);
  return { proxy, session, image, digests, ...rest };
}

/** Sees everything; `enough` is asked with each path. */
class Seen implements LayerObserver {
  readonly paths: string[] = [];
  readonly rows: number[] = [];
  readonly parts: Buffer[] = [];
  rowsSoFar = 0;
  #hasEnough = false;

  constructor(private readonly enough: (path: string) => boolean = () => false) {}

  restarts = 0;

  onRestart(): void {
    this.restarts++;
    for (const seen of [this.paths, this.rows, this.parts]) seen.length = 0;
  }

  onEntry: LayerObserver['onEntry'] = (entry, row, soFar) => {
    this.paths.push(Buffer.from(entry.path).toString());
    this.rows.push(row);
    this.#hasEnough ||= this.enough(this.paths.at(-1)!);
    if (this.#hasEnough) this.rowsSoFar = soFar().length;
    return this.#hasEnough;
  };
  onBytes: NonNullable<LayerObserver['onBytes']> = (bytes, offset) => {
    expect(offset).toBe(this.parts.reduce((sum, { length }) => sum + length, 0));
    this.parts.push(Buffer.from(bytes));
    return this.#hasEnough;
  };
}

describe('a walk along a layer', () => {
  it('shows every entry and every byte in order, fetches each byte once, and keeps the index', async () => {
    const { proxy, session, image, digests } = await walking();
    const seen = new Seen();
    const end = await session.scanLayer(image, 1, seen);
    if (!('layer' in end)) throw new Error('it stopped');
    expect(end.isScanned).toBe(true);
    expect(seen.paths).toEqual(['d/', ...Object.keys(files)]);
    expect(seen.rows).toEqual(seen.paths.map((_, i) => i));
    expect(same(Buffer.concat(seen.parts), tar)).toBe(true);
    expect(sentFor(proxy, digests[0]!)).toBe(blob.length);
    const again = await session.scanLayer(image, 1, new Seen(() => expect.fail('not asked again')));
    expect(again).toMatchObject({ isScanned: false });
    expect((await session.openCached(image, 1))?.entries.length).toBe(6);
    expect(sentFor(proxy, digests[0]!)).toBe(blob.length);
    await expectFiles(end.layer, files); // fetched by ranges: a walk keeps no pages
  });

  it('stops where enough was seen, with nothing fetched ahead of the first 128 KiB, and keeps no index', async () => {
    for (const [path, most] of [
      ['f0', 64],
      ['f1', 128],
    ] as const) {
      const { proxy, session, image, digests } = await walking();
      const seen = new Seen((one) => one === path);
      const end = await session.scanLayer(image, 2, seen);
      if (!('readBytes' in end)) throw new Error('it did not stop');
      expect(end.readBytes).toBeLessThanOrEqual(most * KIB);
      expect(end.readBytes).toBeGreaterThan((most - 64) * KIB);
      expect(seen.paths.at(-1)).toBe(path);
      expect(seen.rowsSoFar).toBe(seen.paths.length);
      expect(sentFor(proxy, digests[1]!)).toBe(most * KIB);
      expect(await session.openCached(image, 2)).toBeUndefined();
      await session.close();
    }
  });

  it('shows all of the 64 KiB in which it has enough, in pieces of any size', async () => {
    const { proxy, session, image, digests } = await walking();
    proxy.rules.push({ path: new RegExp(digests[3]!), fault: drip(10 * KIB, 1) });
    const seen = new Seen((path) => path === 'n0');
    const end = await session.scanLayer(image, 4, seen);
    if (!('readBytes' in end)) throw new Error('it did not stop');
    expect(end.readBytes).toBe(64 * KIB);
    expect(sentFor(proxy, digests[3]!)).toBe(64 * KIB);
    expect(seen.paths.length).toBeGreaterThan(40);
  });

  it('continues when the watcher needs more again', async () => {
    const { session, image } = await walking();
    const seen = new Seen((path) => path === 'f0');
    const onEntry: LayerObserver['onEntry'] = (entry, row, soFar) =>
      seen.onEntry(entry, row, soFar) && row > 2;
    const end = await session.scanLayer(image, 2, { onEntry, onRestart: () => {} });
    if (!('readBytes' in end)) throw new Error('it did not stop');
    expect(end.readBytes).toBeGreaterThanOrEqual(256 * KIB);
    expect(seen.paths).toContain('f3');
  });

  it('is an index pass when its last bytes arrived before it had enough', async () => {
    const { session, image } = await walking();
    const seen = new Seen((path) => path === 's0');
    expect(await session.scanLayer(image, 5, seen)).toMatchObject({ isScanned: true });
    expect(seen.paths).toEqual(['s0', 's1']);
    expect((await session.openCached(image, 5))?.entries.length).toBe(2);
  });

  it('reads a blob to its end when at most 64 KiB are left', async () => {
    const { session, image } = await walking();
    const seen = new Seen((path) => path === 'n0');
    const end = await session.scanLayer(image, 6, seen);
    expect(end).toMatchObject({ isScanned: true });
    expect(seen.paths.length).toBe(100);
  });

  it('never asks for more than twice what it has read, and goes through ranges that grow', async () => {
    const { proxy, session, image, digests } = await walking();
    const end = await session.scanLayer(image, 2, new Seen((path) => path === 'f40'));
    // The rest may have been fetched before f40 passed.
    const readBytes = 'readBytes' in end ? end.readBytes : spreadBlob.length;
    expect(readBytes).toBeGreaterThan(40 * 64 * KIB);
    expect(sentFor(proxy, digests[1]!)).toBeLessThanOrEqual(2 * readBytes);
    expect(proxy.requests(/blobs/).length).toBeLessThan(14);
  });

  it('reads no more than the first bytes when asked', async () => {
    const heads = [0, 1, 100 * KIB, 256 * KIB];
    for (const headBytes of heads) {
      const { proxy, session, image, digests } = await walking();
      const seen = new Seen();
      expect(await session.scanLayer(image, 2, seen, { headBytes })).toEqual({ readBytes: headBytes });
      expect(sentFor(proxy, digests[1]!)).toBe(headBytes);
      expect(seen.paths.length).toBe([0, 0, 2, 4][heads.indexOf(headBytes)]);
      expect(await session.openCached(image, 2)).toBeUndefined();
      await session.close();
    }
  });

  it('is an index pass when the first bytes are all', async () => {
    const { session, image } = await walking();
    const end = await session.scanLayer(image, 2, new Seen(), { headBytes: spreadBlob.length });
    expect(end).toMatchObject({ isScanned: true });
  });

  it('takes whole answers where ranges are not served', async () => {
    const { proxy, session, image, digests } = await walking();
    proxy.rules.push({ path: new RegExp(digests[0]!), fault: ignoreRange() });
    const seen = new Seen();
    await session.scanLayer(image, 1, seen);
    expect(same(Buffer.concat(seen.parts), tar)).toBe(true);
    expect(proxy.requests(new RegExp(digests[0]!)).length).toBe(2);
  });

  it('tells bytes that were changed on the way from a layer that is no tar', async () => {
    const { proxy, session, image, digests } = await walking();
    await expect(session.scanLayer(image, 3, new Seen())).rejects.toMatchObject({
      code: 'CORRUPT_LAYER',
      message: expect.stringMatching(/^layer 3: reading layer .* no tar header/),
    });
    proxy.rules.push({ path: new RegExp(digests[0]!), fault: corruptAt(1000) });
    await expect(session.scanLayer(image, 1, new Seen())).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(await session.openCached(image, 1)).toBeUndefined();
    proxy.rules.splice(0);
    expect(await session.scanLayer(image, 1, new Seen())).toMatchObject({ isScanned: true });
  });

  it.each([
    ['the first', 1, 100],
    ['a later', 4, 1000],
  ])('survives wrong bytes in %s range: all comes again, and is right', async (_, nth, at) => {
    const { proxy, session, image, digests, logged } = await walking();
    proxy.rules.push({ path: new RegExp(digests[0]!), nth, fault: corruptAt(at) });
    const seen = new Seen();
    const end = await session.scanLayer(image, 1, seen);
    expect(end).toMatchObject({ isScanned: true });
    expect(seen.restarts).toBe(1);
    expect(seen.paths).toEqual(['d/', ...Object.keys(files)]);
    expect(same(Buffer.concat(seen.parts), tar)).toBe(true);
    expect(logged).toEqual([
      expect.stringMatching(/^warn: (?:reading sha256:\S+: )?content is .* trying once more$/),
    ]);
    expect((await session.openCached(image, 1))?.entries.length).toBe(6);
  });

  it('does not look behind the place where it stopped', async () => {
    const { proxy, session, image, digests } = await walking();
    proxy.rules.push({ path: new RegExp(digests[1]!), nth: 1, fault: corruptAt(40 * KIB) });
    const end = await session.scanLayer(image, 2, new Seen(() => true));
    expect(end).toMatchObject({ readBytes: expect.any(Number) });
  });

  it('ends with what its watcher throws, and when it is aborted', async () => {
    const { proxy, session, image, digests } = await walking();
    const full = new Error('disk full');
    const throwing = new Seen(() => {
      throw full;
    });
    await expect(session.scanLayer(image, 2, throwing)).rejects.toMatchObject({
      message: expect.stringMatching(/disk full/),
    });
    expect(sentFor(proxy, digests[1]!)).toBe(64 * KIB);

    const stop = new AbortController();
    const aborting = new Seen(() => {
      stop.abort(new Error('not wanted'));
      return false;
    });
    const walk = session.scanLayer(image, 1, aborting, { signal: stop.signal });
    await expect(walk).rejects.toMatchObject({ code: 'INTERNAL', message: 'not wanted' });
  });

  it('waits for its watcher, and for another process that makes the index', async () => {
    const cacheDirectory = sessions.scratch();
    const first = await walking({ cacheDirectory });
    const second = await walking({ cacheDirectory });
    let goOn = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const started = new Promise<void>((resolve) => {
      const seen = new Seen(() => {
        resolve();
        return false;
      });
      void first.session.scanLayer(first.image, 1, Object.assign(seen, { settled: () => gate }));
    });
    await started;
    const late = new Seen();
    const waiting = second.session.scanLayer(second.image, 1, late, second.operation);
    while (!second.progress.some(({ state }) => state === 'waiting')) await new Promise(setImmediate);
    expect(sentFor(first.proxy, first.digests[0]!)).toBe(64 * KIB); // its first bytes are not used up
    goOn();
    expect(await waiting).toMatchObject({ isScanned: false });
    expect(late.paths).toEqual([]);
    expect(sentFor(second.proxy, second.digests[0]!)).toBe(0);
  });

  it('begins with what an interrupted index pass left on disk', async () => {
    const { session, image, digests, cacheDirectory } = await walking();
    await session.openLayers(image, { only: [2] });
    await session.close();
    const pages = join(cacheDirectory, 'v2/pages', sha256(spreadBlob));
    truncateSync(join(pages, readdirSync(pages)[0]!), 8 * PAGE + 1000);
    rmSync(indexPath(cacheDirectory, digests[1]!));

    const later = await walking({ cacheDirectory });
    const seen = new Seen();
    expect(await later.session.scanLayer(later.image, 2, seen)).toMatchObject({ isScanned: true });
    expect(same(Buffer.concat(seen.parts), spread)).toBe(true);
    // The run after it is whole.
    expect(sentFor(later.proxy, digests[1]!)).toBe(8 * PAGE);
  });
});
