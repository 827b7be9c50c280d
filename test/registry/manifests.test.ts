/** Rules R17 to R22, and how an image of one platform is found. */
import { beforeAll, describe, expect, test } from 'vitest';
import { parsePlatform } from '#src/oci/platform.js';
import { type FaultRule, replaceBody, setHeaders, status } from '../support/fault-proxy.js';
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_INDEX,
  OCI_MANIFEST,
  type PushedImage,
  pushImage,
  pushIndex,
  pushManifest,
  sha256,
} from '../support/registry.js';
import { LAYER, MapKept, REPOSITORY, useRegistry, withCode } from './harness.js';

const { rig, registry, image } = useRegistry();
const AMD64 = parsePlatform('linux/amd64');
const ARM64 = parsePlatform('linux/arm64');
const onManifest = (fault: FaultRule['fault'], method = 'GET'): FaultRule => ({
  method,
  path: /manifests/,
  fault,
});
const methods = (seen: { method: string; path: string }[]) =>
  seen.map(({ method, path }) => `${method} ${path.split('/')[4] === 'manifests' ? 'manifest' : 'blob'}`);

describe('row: omit Docker-Content-Digest, or send a wrong one', () => {
  test('missing on HEAD: the tag is read by GET, its digest computed', async () => {
    const missing = setHeaders({ 'docker-content-digest': undefined });
    const { resolve, proxy } = await rig({ rules: [onManifest(missing, 'HEAD'), onManifest(missing)] });
    expect((await resolve()).digest).toBe(image().digest);
    expect(methods(proxy.seen)).toEqual(['HEAD manifest', 'GET manifest', 'GET blob']);
  });

  test('not the body’s: DIGEST_MISMATCH after another try', async () => {
    const wrong = setHeaders({ 'docker-content-digest': sha256('x') });
    const byTag = await rig({ rules: [onManifest(status(405), 'HEAD'), onManifest(wrong)] });
    await expect(byTag.resolve()).rejects.toMatchObject(withCode('DIGEST_MISMATCH'));
    const byDigest = await rig({ rules: [onManifest(wrong)] });
    await expect(byDigest.resolve()).rejects.toMatchObject(withCode('DIGEST_MISMATCH'));
  });

  test('a HEAD that names a digest that is not there: the tag is read by GET', async () => {
    const wrong = setHeaders({ 'docker-content-digest': sha256('x') });
    const { resolve, proxy } = await rig({ rules: [onManifest(wrong, 'HEAD')] });
    expect((await resolve()).digest).toBe(image().digest);
    expect(methods(proxy.seen)).toEqual(['HEAD manifest', 'GET manifest', 'GET manifest', 'GET blob']);
    const always = await rig({ rules: [{ path: /manifests/, fault: wrong }] });
    await expect(always.resolve()).rejects.toMatchObject(withCode('DIGEST_MISMATCH'));
  });
});

describe('row: text/plain, or a lying media type', () => {
  test.each([
    'text/plain; charset=utf-8',
    'application/octet-stream',
    'application/json',
    DOCKER_MANIFEST,
    undefined,
  ])('Content-Type %s: the body decides', async (type) => {
    const { resolve } = await rig({ rules: [onManifest(setHeaders({ 'content-type': type }))] });
    expect((await resolve()).digest).toBe(image().digest);
  });

  test.each([OCI_INDEX, DOCKER_LIST])('Content-Type %s for a manifest: refused', async (type) => {
    const { resolve } = await rig({ rules: [onManifest(setHeaders({ 'content-type': type }))] });
    await expect(resolve()).rejects.toMatchObject(withCode('UNSUPPORTED'));
  });

  test('a body that is both index and manifest: refused (CVE-2021-41190)', async () => {
    const both = JSON.stringify({ ...image().manifest, manifests: [] });
    const { resolve } = await rig({
      rules: [
        onManifest(status(405), 'HEAD'),
        onManifest(replaceBody(both, { 'docker-content-digest': undefined })),
      ],
    });
    await expect(resolve()).rejects.toThrow('CVE-2021-41190');
  });
});

test.each([
  ['body', '{"schemaVersion":1,"fsLayers":[]}', 'application/json'],
  ['Content-Type', '{"schemaVersion":1}', 'application/vnd.docker.distribution.manifest.v1+prettyjws'],
])('row: serve schema 1, said by its %s: UNSUPPORTED, named', async (_, body, type) => {
  const fault = replaceBody(body, { 'docker-content-digest': undefined, 'content-type': type });
  const { resolve } = await rig({ rules: [onManifest(status(405), 'HEAD'), onManifest(fault)] });
  await expect(resolve()).rejects.toMatchObject(withCode('UNSUPPORTED'));
  await expect(resolve()).rejects.toThrow('schema 1');
});

describe('row: count a manifest GET as a pull', () => {
  test('a tag costs one HEAD when what it stands for is kept, a digest nothing', async () => {
    const kept = new MapKept();
    const { proxy, source, another, reference, resolve } = await rig({ client: { kept } });
    const first = await resolve();
    expect(methods(proxy.seen)).toEqual(['HEAD manifest', 'GET manifest', 'GET blob']);
    proxy.seen.length = 0;
    expect(await another().resolve(reference, AMD64)).toEqual(first);
    expect(methods(proxy.seen)).toEqual(['HEAD manifest']);
    proxy.seen.length = 0;
    const byDigest = await source.resolve(`${proxy.host}/${REPOSITORY}@${first.digest}`, AMD64);
    expect(byDigest.manifest).toEqual(first.manifest);
    expect(proxy.seen).toHaveLength(0);
  });

  test('a cached manifest that was damaged is fetched again', async () => {
    const kept = new MapKept();
    const { proxy, resolve } = await rig({ client: { kept } });
    const { digest } = await resolve();
    kept.blobs.set(digest, Buffer.from('{}'));
    proxy.seen.length = 0;
    expect((await resolve()).digest).toBe(digest);
    expect(methods(proxy.seen)).toEqual(['HEAD manifest', 'GET manifest']);
    expect(kept.blobs.get(digest)?.length).toBeGreaterThan(2);
  });
});

describe('an image index', () => {
  let amd64: PushedImage;
  let arm64: PushedImage;
  let attestation: PushedImage;
  const platform = (architecture: string, os = 'linux') => ({ os, architecture });

  beforeAll(async () => {
    const push = (architecture: string) =>
      pushImage(registry(), REPOSITORY, { layers: [LAYER], config: platform(architecture) });
    [amd64, arm64] = await Promise.all([push('amd64'), push('arm64')]);
    attestation = await pushImage(registry(), REPOSITORY, {
      layers: [{ bytes: Buffer.from('{"a":1}'), mediaType: 'application/vnd.in-toto+json' }],
      config: platform('unknown', 'unknown'),
    });
  });

  const resolveIndex = async (
    entries: Parameters<typeof pushIndex>[2],
    wanted = ARM64,
    options?: Parameters<typeof pushIndex>[3],
  ) => {
    await pushIndex(registry(), `${REPOSITORY}:index`, entries, options);
    const { source, proxy } = await rig();
    return source.resolve(`${proxy.host}/${REPOSITORY}:index`, wanted);
  };

  test.each([false, true])('gives the image of the platform (docker’s list: %s)', async (docker) => {
    const entries = [
      { image: attestation, platform: platform('unknown', 'unknown') },
      { image: amd64, platform: platform('amd64') },
      { image: arm64, platform: { ...platform('arm64'), variant: 'v8' } },
    ];
    const found = await resolveIndex(entries, ARM64, { docker });
    expect(found.digest).toBe(arm64.digest);
    expect(found.platform).toEqual(ARM64);
  });

  test('row: attestations first, by platform or by annotation: skipped', async () => {
    const entries = [
      { image: attestation, platform: platform('unknown', 'unknown') },
      {
        image: attestation,
        platform: platform('arm64'),
        annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
      },
      { image: arm64, platform: platform('arm64') },
    ];
    expect((await resolveIndex(entries)).digest).toBe(arm64.digest);
    await expect(resolveIndex(entries.slice(0, 2))).rejects.toThrow('only: none that is known');
  });

  test('row: omit the platform: the config knows', async () => {
    expect((await resolveIndex([{ image: amd64 }, { image: arm64 }])).digest).toBe(arm64.digest);
    await expect(resolveIndex([{ image: amd64 }])).rejects.toThrow(
      'no image for linux/arm64, only: linux/amd64',
    );
  });

  test('row: nest an index in an index: followed to depth 4', async () => {
    const nest = async (levels: number) => {
      let inner = await pushIndex(registry(), REPOSITORY, [{ image: arm64, platform: platform('arm64') }]);
      for (let level = 2; level < levels; level++)
        inner = await pushIndex(registry(), REPOSITORY, [{ image: inner }]);
      return resolveIndex([{ image: inner }]);
    };
    expect((await nest(4)).digest).toBe(arm64.digest);
    await expect(nest(5)).rejects.toThrow('nested deeper than 4');
  });

  test('without the platform says what there is', async () => {
    const entries = [amd64, arm64].map((one, at) => ({
      image: one,
      platform: platform(['amd64', 'arm64'][at]!),
    }));
    const failing = resolveIndex(entries, parsePlatform('linux/s390x'));
    await expect(failing).rejects.toMatchObject(withCode('NO_MATCHING_PLATFORM'));
    await expect(failing).rejects.toThrow('no image for linux/s390x, only: linux/amd64, linux/arm64');
  });

  test('lists its images, without attestations', async () => {
    const entries = [
      { image: attestation, platform: platform('unknown', 'unknown') },
      { image: amd64, platform: platform('amd64') },
      { image: arm64 },
    ];
    const { digest } = await pushIndex(registry(), `${REPOSITORY}:index`, entries);
    const { source, proxy } = await rig();
    const images = [
      { platform: AMD64, digest: amd64.digest, size: amd64.size },
      { platform: ARM64, digest: arm64.digest, size: arm64.size },
    ];
    const reference = `${proxy.host}/${REPOSITORY}`;
    expect(await source.listImages(`${reference}:index`)).toEqual({ digest, isIndex: true, images });
    expect(await source.listImages(`${reference}@${amd64.digest}`)).toEqual({
      digest: amd64.digest,
      isIndex: false,
      images: images.slice(0, 1),
    });
  });

  test('gives its documents byte for byte', async () => {
    await pushIndex(registry(), `${REPOSITORY}:index`, [{ image: amd64, platform: platform('amd64') }]);
    const { source, proxy } = await rig();
    const image = await source.resolve(`${proxy.host}/${REPOSITORY}:index`, AMD64);
    const { manifest, config } = await source.documents(image);
    expect([sha256(manifest), sha256(config)]).toEqual([amd64.digest, image.manifest.config.digest]);
  });

  test('whose entry says another media type or size than the manifest: refused', async () => {
    for (const wrong of [{ mediaType: DOCKER_MANIFEST }, { size: arm64.size + 1 }]) {
      const entry = {
        mediaType: OCI_MANIFEST,
        digest: arm64.digest,
        size: arm64.size,
        platform: platform('arm64'),
      };
      const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ ...entry, ...wrong }] };
      await pushManifest(registry(), REPOSITORY, 'liar', index, OCI_INDEX);
      const { source, proxy } = await rig();
      const failing = source.resolve(`${proxy.host}/${REPOSITORY}:liar`, ARM64);
      await expect(failing).rejects.toMatchObject(withCode(wrong.size ? 'DIGEST_MISMATCH' : 'UNSUPPORTED'));
    }
  });

  test('row: inline data in a descriptor is used', async () => {
    const entry = {
      mediaType: OCI_MANIFEST,
      digest: arm64.digest,
      size: arm64.size,
      platform: platform('arm64'),
    };
    const index = {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ ...entry, data: arm64.bytes.toString('base64') }],
    };
    await pushManifest(registry(), REPOSITORY, 'inline', index, OCI_INDEX);
    const { source, proxy } = await rig();
    expect((await source.resolve(`${proxy.host}/${REPOSITORY}:inline`, ARM64)).digest).toBe(arm64.digest);
    expect(methods(proxy.seen)).toEqual(['HEAD manifest', 'GET manifest', 'GET blob']);
  });

  test('a single manifest of another platform: refused by tag, taken by digest', async () => {
    await pushManifest(registry(), REPOSITORY, 'single', arm64.bytes, OCI_MANIFEST);
    const { source, proxy } = await rig();
    const failing = source.resolve(`${proxy.host}/${REPOSITORY}:single`, AMD64);
    await expect(failing).rejects.toThrow('no image for linux/amd64, only: linux/arm64');
    const taken = await source.resolve(`${proxy.host}/${REPOSITORY}@${arm64.digest}`, AMD64);
    expect(taken.platform).toEqual(ARM64);
  });
});

describe('what is no image', () => {
  test('a chart is UNSUPPORTED, and named', async () => {
    const mediaType = 'application/vnd.cncf.helm.config.v1+json';
    const chart = await pushImage(registry(), `${REPOSITORY}:chart`, {
      layers: [LAYER],
      config: { rootfs: undefined },
    });
    const manifest = { ...chart.manifest, config: { ...chart.manifest.config, mediaType } };
    await pushManifest(registry(), REPOSITORY, 'chart', manifest, OCI_MANIFEST);
    const { source, proxy } = await rig();
    await expect(source.resolve(`${proxy.host}/${REPOSITORY}:chart`, AMD64)).rejects.toThrow('helm');
  });

  test('a tag that is not there is NOT_FOUND, a bad reference INVALID_REFERENCE, before any request', async () => {
    const { source, proxy } = await rig();
    const missing = source.resolve(`${proxy.host}/${REPOSITORY}:nope`, AMD64);
    await expect(missing).rejects.toMatchObject(withCode('NOT_FOUND'));
    await expect(missing).rejects.toThrow(
      /^no such tag: reading manifest .*: got 404 from 127.0.0.1:\d+, want 200: MANIFEST_UNKNOWN/,
    );
    proxy.seen.length = 0;
    await expect(source.resolve('No/Such', AMD64)).rejects.toMatchObject(withCode('INVALID_REFERENCE'));
    expect(proxy.seen).toHaveLength(0);
  });

  test('a manifest over 4 MiB and a config over 8 MiB are refused by their limits', async () => {
    const large = await rig({ rules: [onManifest(replaceBody(Buffer.alloc(4 * 2 ** 20 + 1, ' ')))] });
    await expect(large.resolve()).rejects.toThrow('the limit is 4194304');
    const manifest = {
      ...image().manifest,
      config: { ...image().manifest.config, size: 8 * 2 ** 20 + 1 },
    };
    const fault = replaceBody(JSON.stringify(manifest), { 'docker-content-digest': undefined });
    const config = await rig({ rules: [onManifest(status(405), 'HEAD'), onManifest(fault)] });
    await expect(config.resolve()).rejects.toThrow('the limit is 8388608');
  });
});

test('skopeo’s docker:// is removed, and the canonical reference returned', async () => {
  const { resolve, reference } = await rig();
  expect((await resolve(`docker://${reference}`)).reference).toBe(reference);
});
