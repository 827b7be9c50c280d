import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LayerslayerError } from '#src/base/errors.js';
import { SILENT_LOG } from '#src/base/log.js';
import { ContentStore } from '#src/cache/content-store.js';
import type { FileStream } from '#src/engine/layer.js';
import { listImageRecords } from '#src/engine/records/image-records.js';
import { OpenedImages } from '#src/image/opened-images.js';
import { defaultPlatform } from '#src/oci/platform.js';
import { Sessions, sha256 } from '../engine/sessions.js';
import { estargz } from '../support/estargz.js';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.js';
import { dir, file, symlink, tarOf, whiteout } from '../support/tar.js';

const TEXT = 'content of many bytes, '.repeat(50_000);
const tars = [
  tarOf(dir('etc/'), file('etc/conf', 'old'), file('gone', 'x')),
  tarOf(file('etc/conf', 'new'), symlink('conf', 'etc/conf'), whiteout('gone')),
  tarOf(file('large', TEXT)),
];
const blobs = tars.map((tar) => gzipSync(tar));

const sessions = new Sessions();
let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
  for (const name of ['app:one', 'app:two', 'other:one']) await pushImage(registry, name, { layers: blobs });
  await pushImage(registry, 'none:latest', { layers: [] });
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

function start(options: Parameters<Sessions['start']>[0] = {}) {
  const started = sessions.start(options);
  const images = new OpenedImages(started.session);
  const open = (name: string) => images.open(`${registry.host}/${name}`, defaultPlatform());
  return { ...started, images, open };
}

async function textOf(stream: FileStream): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('an opened image', () => {
  it('has config, build steps, layers, a tree and its files', async () => {
    const { open, operation, progress } = start();
    const image = await open('app:one');
    expect(image.resolved.config.history).toHaveLength(3);
    expect(image.steps.map(({ layer, createdBy }) => [layer, createdBy])).toEqual(
      [1, 2, 3].map((n) => [n, `RUN step-${n}`]),
    );
    expect(progress).toEqual([]); // nothing is read yet
    const view = await image.view(operation);
    expect(view.layers.map(({ number, layer }) => [number, layer.digest])).toEqual(
      blobs.map((blob, i) => [i + 1, sha256(blob)]),
    );
    expect(new Set(progress.map(({ layer }) => layer))).toEqual(new Set([1, 2, 3]));
    const files = await view.files();
    expect(files.readdir('/').entries.map(({ name }) => String(name))).toEqual(['etc', 'conf', 'large']);
    expect(await textOf(files.open('/conf'))).toBe('new');
    expect(await textOf(files.open('/large', { offset: 1_000_000, length: 300 }))).toBe(
      TEXT.slice(1_000_000, 1_000_300),
    );
    expect(files.provenance('/conf')).toMatchObject({ layer: 2, createdBy: 'RUN step-2' });
    const [first] = files.versions('/etc/conf');
    expect(await textOf(files.open(first!.stat!))).toBe('old');
    expect(files.versions('/gone').map(({ change }) => change)).toEqual(['added', 'removed']);
  });

  it('has views of some layers', async () => {
    const { open, operation, progress } = start();
    const image = await open('app:one');
    const view = await image.view({ only: [1], ...operation });
    const files = await view.files();
    expect(await textOf(files.open('/etc/conf'))).toBe('old');
    expect(files.stat('/gone').layer).toBe(1);
    expect(new Set(progress.map(({ layer }) => layer))).toEqual(new Set([1]));
    expect(() => files.stat('/large')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    await expect(image.view({ only: [4] })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('has a tree for each origin of an index', async () => {
    const layers = [estargz([{ path: 'b', content: 'b' }])];
    await pushImage(registry, 'app:table', { layers });
    const { images, session, cacheDirectory } = start();
    const reference = `${registry.host}/app:table`;
    const byTable = await images.open(reference, defaultPlatform());
    const byPass = await images.open(reference, defaultPlatform(), { indexTrust: 'none' });
    const views = [await byTable.view(), await byPass.view(), await byTable.view()];
    expect(views.map(({ layers }) => layers[0]!.layer.origin.kind)).toEqual(['table', 'own', 'table']);
    expect(views[2]).toBe(views[0]);
    for (const view of views) {
      const files = await view.files();
      // The pass has the table as an entry too.
      expect(files.readdir('/').entries.map(({ name }) => String(name))).toEqual(['b']);
      expect(await textOf(files.open('/b'))).toBe('b');
    }
    await session.close();
    const store = await ContentStore.open({ directory: cacheDirectory, capBytes: 2 ** 30, log: SILENT_LOG });
    expect((await store.entries()).filter(({ kind }) => kind === 'tree')).toHaveLength(2);
    await store.close();
  });

  it('scans a layer for an observer, and finds layers whose index is cached', async () => {
    const { open } = start();
    const image = await open('app:one');
    expect(await image.cachedLayer(1)).toBeUndefined();
    const paths: string[] = [];
    const observer = {
      onEntry({ path }: { path: Uint8Array }) {
        paths.push(Buffer.from(path).toString());
        return false;
      },
      onRestart() {},
    };
    const end = await image.scanLayer(1, observer);
    expect(paths).toEqual(['etc/', 'etc/conf', 'gone']);
    expect(end).toMatchObject({ isScanned: true, layer: { digest: sha256(blobs[0]!) } });
    expect(await image.cachedLayer(1)).toMatchObject({ number: 1, entries: { length: 3 } });
    const [second] = await image.layers({ only: [2] });
    expect((await image.cachedLayer(2))?.layer).toBe(second!.layer);
    image.close();
    await expect(image.cachedLayer(1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(image.scanLayer(1, observer)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('may have no layers', async () => {
    const image = await start().open('none:latest');
    const view = await image.view();
    expect([view.layers, (await view.files()).readdir('/').entries]).toEqual([[], []]);
  });

  it('is resolved by the caller, or by the session', async () => {
    const { images, open } = start();
    const { resolved } = await open('app:one');
    const given = { resolved: Promise.resolve({ ...resolved, reference: 'by/the:caller' }) };
    const image = await images.open('nowhere', defaultPlatform(), given);
    expect(image.resolved.reference).toBe('by/the:caller');
    await expect(open('app:missing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const reason = new LayerslayerError('ABORTED', 'stopped');
    const never = { resolved: new Promise<never>(() => {}), signal: AbortSignal.abort(reason) };
    await expect(images.open('nowhere', defaultPlatform(), never)).rejects.toBe(reason);
  });

  it('is recorded in the cache', async () => {
    const { open, session, cacheDirectory } = start();
    const before = Date.now();
    const image = await open('app:one');
    await session.close();
    const store = await ContentStore.open({ directory: cacheDirectory, capBytes: 2 ** 30, log: SILENT_LOG });
    const [record, ...others] = await listImageRecords(store);
    expect(others).toEqual([]);
    expect(record).toEqual({
      reference: image.resolved.reference,
      digest: image.resolved.digest,
      platform: image.resolved.platform,
      layers: blobs.map((blob) => ({ digest: sha256(blob), size: blob.length })),
      answeredMs: expect.any(Number),
    });
    expect(record!.answeredMs).toBeGreaterThanOrEqual(before);
  });
});

describe('images of the same manifest', () => {
  it('share layers and trees, with references of their own', async () => {
    const { open, progress, operation } = start();
    const images = await Promise.all(['app:one', 'app:two', 'other:one'].map(open));
    expect(new Set(images.map(({ resolved }) => resolved.reference)).size).toBe(3);
    const first = await images[0]!.view(operation);
    const told = progress.length;
    for (const image of images) expect(await image.view(operation)).toBe(first);
    const some = await images[1]!.view({ only: [2], ...operation });
    expect(some.layers[0]!.layer).toBe(first.layers[1]!.layer);
    expect(progress).toHaveLength(told);
  });

  it('are opened at once, each with its own signal', async () => {
    const { open } = start();
    const stop = new AbortController();
    const reason = new LayerslayerError('ABORTED', 'stopped');
    const [one, two] = await Promise.all([open('app:one'), open('app:two')]);
    const stopped = one.view({ signal: stop.signal });
    const other = two.view();
    stop.abort(reason);
    await expect(stopped).rejects.toBe(reason);
    expect((await other).tree.inodeCount).toBeGreaterThan(1);
  });

  it('are released by the last user', async () => {
    const { open } = start();
    const one = await open('app:one');
    const two = await open('app:two');
    const view = await one.view();
    one.close();
    one.close(); // counts once
    await expect(one.view()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await two.view()).toBe(view);
    const three = await open('app:one');
    two.close();
    expect(await three.view()).toBe(view);
    three.close();
    const again = await (await open('app:one')).view();
    expect(again).not.toBe(view);
    expect(await textOf((await view.files()).open('/conf'))).toBe('new'); // the view still works
  });
});
