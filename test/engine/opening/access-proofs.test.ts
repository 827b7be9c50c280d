/** Cached layers and manifests of private images, asked for by repositories that lack them. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SessionOptions } from '#src/engine/image-session.js';
import { defaultPlatform } from '#src/oci/platform.js';
import { status } from '../../support/fault-proxy.js';
import {
  type PushedImage,
  pushImage,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../../support/registry.js';
import { file, tarOf } from '../../support/tar.js';
import { expectFiles, indexPath, Sessions } from '../sessions.js';

const content = randomBytes(500_000);
const LAYER = gzipSync(tarOf(file('secret', content)));
const DIGEST = sha256(LAYER);

let registry: TestRegistry;
let image: PushedImage;
const sessions = new Sessions();
beforeAll(async () => {
  registry = await startRegistry();
  image = await pushImage(registry, 'private/app:latest', { layers: [LAYER] });
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

/** Caches the image, as a mount with credentials does. */
async function cached(): Promise<string> {
  const { open, cacheDirectory } = sessions.start();
  await open(`${registry.host}/private/app:latest`);
  await sessions.close();
  return cacheDirectory;
}

/** A server's session: other processes of the user share its cache. */
function server(cacheDirectory: string, options: Partial<SessionOptions> = {}) {
  return sessions.start({ cacheDirectory, registry: { insecure: false, provesAccess: true }, ...options });
}

/** A registry of a client: it has the manifest, and claims to have the layer. */
async function lyingRegistry(blob: Buffer) {
  const proxy = await sessions.proxy(registry.url);
  proxy.rules.push({
    path: new RegExp(`/blobs/${DIGEST}`),
    fault: {
      instead: ({ headers }) => {
        const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
        if (first === undefined) return { status: 200, headers: {}, body: blob };
        const range = `bytes ${first}-${last}/${blob.length}`;
        const body = blob.subarray(Number(first), Number(last) + 1);
        return { status: 206, headers: { 'content-range': range }, body };
      },
    },
  });
  return proxy;
}

describe('a cached layer', () => {
  it('is used after its repository has delivered one block of it', async () => {
    const cacheDirectory = await cached();
    const proxy = await sessions.proxy(registry.url);
    const { open, progress } = server(cacheDirectory);
    const [layer] = await open(`${proxy.host}/private/app:latest`);
    expect(progress.at(-1)).toMatchObject({ state: 'done', cached: true });
    const asked = proxy.requests(new RegExp(`/blobs/${DIGEST}`));
    expect(asked).toHaveLength(1);
    expect(asked[0]!.headers.range).toMatch(/^bytes=\d+-\d+$/);
    await expectFiles(layer, { secret: content });
  });

  it('is refused to a registry that has no access to it', async () => {
    const cacheDirectory = await cached();
    const proxy = await sessions.proxy(registry.url);
    proxy.rules.push({ path: new RegExp(`/blobs/${DIGEST}`), fault: status(404) });
    const { open } = server(cacheDirectory);
    await expect(open(`${proxy.host}/private/app:latest`)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is refused to a registry that claims to have it', async () => {
    const cacheDirectory = await cached();
    const proxy = await lyingRegistry(randomBytes(LAYER.length));
    const { open, session } = server(cacheDirectory);
    const reference = `${proxy.host}/private/app:latest`;
    for (let i = 0; i < 2; i++)
      await expect(open(reference)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    const resolved = await session.resolve(reference, defaultPlatform());
    expect(await session.openCached(resolved, 1)).toBe(undefined);
  });

  it('is not in sight before, and is not another repository’s', async () => {
    const cacheDirectory = await cached();
    await pushImage(registry, 'other/app:latest', { layers: [LAYER] });
    const { session } = server(cacheDirectory);
    const [own, other] = await Promise.all(
      ['private', 'other'].map((name) =>
        session.resolve(`${registry.host}/${name}/app:latest`, defaultPlatform()),
      ),
    );
    expect(await session.openCached(own!, 1)).toBe(undefined);
    await session.openLayers(own!);
    expect(await session.openCached(own!, 1)).toBeDefined();
    expect(await session.openCached(other!, 1)).toBe(undefined);
  });

  it('does not poison another repository’s reads when a registry lacks it', async () => {
    const cacheDirectory = await cached();
    const proxy = await lyingRegistry(randomBytes(LAYER.length));
    const { open } = server(cacheDirectory);
    await expect(open(`${proxy.host}/private/app:latest`)).rejects.toThrow();
    const [layer] = await open(`${registry.host}/private/app:latest`);
    await expectFiles(layer, { secret: content });
  });
});

it('pages of a pass that another process left are no proof', async () => {
  const cacheDirectory = await cached();
  // As if that process had been stopped before its index was written.
  rmSync(indexPath(cacheDirectory, DIGEST));
  const proxy = await sessions.proxy(registry.url);
  proxy.rules.push({ path: new RegExp(`/blobs/${DIGEST}`), fault: status(404) });
  const reference = `${proxy.host}/private/app:latest`;
  await expect(server(cacheDirectory).open(reference)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const usual = sessions.start({ cacheDirectory });
  await expect(usual.open(reference)).resolves.toHaveLength(1);
});

describe('a cached manifest', () => {
  it('is asked for again, by tag and by digest', async () => {
    const cacheDirectory = await cached();
    const proxy = await sessions.proxy(registry.url);
    proxy.rules.push({ path: /\/manifests\//, fault: status(404) });
    const byDigest = `${proxy.host}/private/app@${image.digest}`;
    const usual = sessions.start({ cacheDirectory });
    expect((await usual.session.resolve(byDigest, defaultPlatform())).digest).toBe(image.digest);
    const { session } = server(cacheDirectory);
    for (const reference of [byDigest, `${proxy.host}/private/app:latest`]) {
      const resolving = session.resolve(reference, defaultPlatform());
      await expect(resolving).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(session.readNamed(reference)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(session.listImages(reference)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
  });

  it('is asked for with its config', async () => {
    const cacheDirectory = await cached();
    const proxy = await sessions.proxy(registry.url);
    proxy.rules.push({ path: new RegExp(`/blobs/${image.manifest.config.digest}`), fault: status(404) });
    const { session } = server(cacheDirectory);
    const resolving = session.resolve(`${proxy.host}/private/app@${image.digest}`, defaultPlatform());
    await expect(resolving).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a layer over the limit', () => {
  const reference = () => `${registry.host}/private/app:latest`;
  const message = expect.stringContaining('--max-layer-size');

  it('is not read, and the error names the option', async () => {
    const { open } = sessions.start({ maxLayerBytes: LAYER.length - 1 });
    await expect(open(reference())).rejects.toMatchObject({ code: 'UNSUPPORTED', message });
    const { open: openAll } = sessions.start({ maxLayerBytes: LAYER.length });
    await expect(openAll(reference())).resolves.toHaveLength(1);
  });

  it('is not searched', async () => {
    const { session } = sessions.start({ maxLayerBytes: 1000 });
    const resolved = await session.resolve(reference(), defaultPlatform());
    const observer = { entries: () => false } as never;
    for (const headBytes of [100, undefined]) {
      const scan = session.scanLayer(resolved, 1, observer, { headBytes });
      await expect(scan).rejects.toMatchObject({ code: 'UNSUPPORTED', message });
    }
  });
});
