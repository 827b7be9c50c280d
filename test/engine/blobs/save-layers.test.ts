import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import type { Digest } from '#src/oci/digest.js';
import { defaultPlatform } from '#src/oci/platform.js';
import type { SaveOutcome, SaveTarget } from '#src/save/saved-blob.js';
import { noise, PAGE, same } from '../../blob/bytes.js';
import { stallAfter } from '../../support/fault-proxy.js';
import { until } from '../../support/mounts.js';
import { pushImage, sha256, startRegistry, type TestRegistry } from '../../support/registry.js';
import { file, tarOf } from '../../support/tar.js';
import { Sessions } from '../sessions.js';

const ZSTD = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3);
const XZ = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 9);
const TEXT = Buffer.from('not a tar at all');
/** 14 pages: one run on disk. */
const LARGE = gzipSync(tarOf(file('noise', noise(14 * PAGE - 5000, 3))), { level: 1 });

let registry: TestRegistry;
const sessions = new Sessions();

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry, 'odd:latest', { layers: [ZSTD, XZ, TEXT] });
  await pushImage(registry, 'large:latest', { layers: [LARGE] });
  const many = Array.from({ length: 8 }, (_, i) => gzipSync(tarOf(file('noise', noise(100_000, i)))));
  await pushImage(registry, 'many:latest', { layers: many });
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

/** Saves into a directory of its own. */
function into(directory = sessions.scratch()) {
  const target = (digest: Digest): SaveTarget => {
    const stem = join(directory, digest.slice('sha256:'.length));
    return { partial: `${stem}.partial`, stem, suffixed: true };
  };
  return { directory, target, files: () => readdirSync(directory).sort() };
}

const pathOf = ({ result }: SaveOutcome) => {
  if (result instanceof LayerslayerError) throw result;
  return result.path;
};

describe('saveLayers', () => {
  it('names files by what their bytes are, and tells base first', async () => {
    const { session } = sessions.start();
    const image = await session.resolve(`${registry.host}/odd:latest`, defaultPlatform());
    const { target, directory } = into();
    const told: SaveOutcome[] = [];
    const outcomes = await session.saveLayers(image, target, { onEnded: (one) => told.push(one) });
    const stem = (bytes: Uint8Array) => join(directory, sha256(bytes).slice('sha256:'.length));
    expect(outcomes.map(pathOf)).toEqual([
      `${stem(ZSTD)}.tar.zst`,
      `${stem(XZ)}.tar.xz`,
      `${stem(TEXT)}.tar`,
    ]);
    expect(told).toHaveLength(3);
    expect(told).toEqual(expect.arrayContaining(outcomes));
    await expect(session.saveLayers(image, target, { only: [4] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('fetches only the pages that are not on disk', async () => {
    const proxy = await sessions.proxy(registry.url);
    const { session, open, cacheDirectory } = sessions.start();
    await open(`${proxy.host}/large:latest`);
    const pages = join(cacheDirectory, 'v2/pages', sha256(LARGE));
    const [run] = readdirSync(pages);
    expect(statSync(join(pages, run!)).size).toBe(LARGE.length);
    // As of a pass that was interrupted: four pages, and a part of the fifth.
    truncateSync(join(pages, run!), 4 * PAGE + 1000);
    const before = proxy.blobBytes;
    const image = await session.resolve(`${proxy.host}/large:latest`, defaultPlatform());
    const [outcome] = await session.saveLayers(image, into().target);
    expect(same(readFileSync(pathOf(outcome!)), LARGE)).toBe(true);
    expect(proxy.blobBytes - before).toBe(LARGE.length - 4 * PAGE);
  });

  it('tells how far it is, and that nothing was left to do', async () => {
    const { session, operation, progress } = sessions.start({ capBytes: 0 });
    const image = await session.resolve(`${registry.host}/large:latest`, defaultPlatform());
    const { target } = into();
    await session.saveLayers(image, target, operation);
    const end = { layer: 1, state: 'done', doneBytes: LARGE.length, totalBytes: LARGE.length };
    expect(progress.at(-1)).toEqual({ ...end, cached: false });
    await session.saveLayers(image, target, operation);
    expect(progress.at(-1)).toEqual({ ...end, cached: true });
    for (const { doneBytes } of progress) expect(doneBytes).toBeLessThanOrEqual(LARGE.length);
  });

  it('asks for a few blobs at once, and ends with its signal or its session', async () => {
    const proxy = await sessions.proxy(registry.url);
    proxy.rules.push({ path: /blobs\//, method: 'GET', fault: stallAfter(1000) });
    const { session } = sessions.start({ capBytes: 0 });
    const image = await session.resolve(`${registry.host}/many:latest`, defaultPlatform());
    const there = { ...image, reference: `${proxy.host}/many:latest` };
    const stop = new AbortController();
    const { target, files } = into();
    const stopped = session.saveLayers(there, target, { signal: stop.signal });
    stopped.catch(() => {});
    await until(
      () => files().filter((name) => name.endsWith('.partial')).length === 3,
      10_000,
      () => `${files()}`,
    );
    await until(
      () => proxy.requests(/blobs\//).length === 3,
      10_000,
      () => `${proxy.requests(/blobs\//).length} requests`,
    );
    stop.abort(new LayerslayerError('ABORTED', 'enough'));
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED', message: 'enough' });
    expect(proxy.requests(/blobs\//)).toHaveLength(3);
    // Less than a page had come of each: nothing to go on with.
    await until(
      () => files().length === 0,
      10_000,
      () => `${files()}`,
    );

    const closed = session.saveLayers(there, target);
    closed.catch(() => {});
    await until(
      () => proxy.requests(/blobs\//).length === 6,
      10_000,
      () => `${proxy.requests(/blobs\//).length} requests`,
    );
    await session.close();
    await expect(closed).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('leaves no partial file behind that no later save would find, where there are no locks', async () => {
    const proxy = await sessions.proxy(registry.url);
    proxy.rules.push({ path: /blobs\//, method: 'GET', fault: stallAfter(3 * PAGE) });
    const { session } = sessions.start({ capBytes: 0 });
    const image = await session.resolve(`${registry.host}/large:latest`, defaultPlatform());
    const there = { ...image, reference: `${proxy.host}/large:latest` };
    const stop = new AbortController();
    const { directory, target, files } = into();
    // A directory in the lock's place.
    const lock = `.${sha256(LARGE).slice('sha256:'.length).slice(0, 32)}.lock`;
    mkdirSync(join(directory, lock));
    const stopped = session.saveLayers(there, target, { signal: stop.signal });
    stopped.catch(() => {});
    const partial = () => files().find((name) => /\.partial\.[0-9a-f]{8}$/.test(name));
    await until(
      () => partial() !== undefined && statSync(join(directory, partial()!)).size >= PAGE,
      10_000,
      () => `${files()}`,
    );
    stop.abort(new LayerslayerError('ABORTED', 'enough'));
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
    await until(
      () => files().join() === lock,
      10_000,
      () => `${files()}`,
    );
  });
});
