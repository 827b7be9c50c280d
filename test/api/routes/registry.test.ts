import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { z } from '@hono/zod-openapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TREE_PAGE } from '#src/api/schemas/entry.js';
import { REFERRERS, TAGS } from '#src/api/schemas/results.js';
import type { Digest } from '#src/oci/digest.js';
import { fallbackTag } from '#src/registry/registry-client.js';
import { FaultProxy, status } from '../../support/fault-proxy.js';
import {
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
  type PushedImage,
  type PushedManifest,
  pushBlob,
  pushImage,
  pushIndex,
  pushManifest,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../../support/registry.js';
import { file, tarOf } from '../../support/tar.js';
import { type QueryValues, Served } from '../served.js';

const SBOM = 'application/spdx+json';
const SIGNATURE = 'application/vnd.example.signature';
const EMPTY = Buffer.from('{}');

/** Not compressible, so that a part of it lies inside. */
const LARGE = gzipSync(tarOf(file('large', randomBytes(1_500_000))));
const SMALL = gzipSync(tarOf(file('small', 'small')));
const OTHER = gzipSync(tarOf(file('other', 'other')));

let registry: TestRegistry;
let proxy: FaultProxy;
let served: Served;
let amd: PushedImage;
let index: PushedManifest;
let sbom: PushedManifest;
let signature: PushedManifest;
const app = (tag = '1') => `${proxy.host}/team/app:${tag}`;

beforeAll(async () => {
  registry = await startRegistry();
  proxy = await FaultProxy.start({ target: registry.url });
  amd = await pushImage(registry, 'team/app:amd', { layers: [LARGE, SMALL] });
  const arm = await pushImage(registry, 'team/app:arm', {
    layers: [OTHER],
    config: { architecture: 'arm64', variant: 'v8' },
  });
  index = await pushIndex(registry, 'team/app:1', [
    { image: amd, platform: { os: 'linux', architecture: 'amd64' } },
    { image: arm, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
  ]);
  await pushImage(registry, 'team/other:1', { layers: [OTHER, SMALL] });
  sbom = await attach(amd, SBOM, { 'org.example.about': 'amd64' });
  signature = await attach(index, SIGNATURE);
  served = await Served.start({}, { registries: [proxy.host] });
});
afterAll(async () => {
  await served?.close();
  await proxy?.stop();
  await registry?.stop();
});

/** Attaches an artifact, as clients do where a registry has no referrers API. */
async function attach(
  subject: PushedManifest,
  artifactType: string,
  annotations?: Record<string, string>,
): Promise<PushedManifest> {
  const { mediaType, digest, size } = subject;
  const blob = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    ...(await pushBlob(registry, 'team/app', EMPTY)),
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType,
    config: { ...blob, mediaType: OCI_CONFIG },
    layers: [blob],
    subject: { mediaType, digest, size },
    ...(annotations && { annotations }),
  };
  const pushed = await pushManifest(registry, 'team/app', undefined, manifest, OCI_MANIFEST);
  const list = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [descriptorOf(pushed, artifactType, annotations)],
  };
  await pushManifest(registry, 'team/app', fallbackTag(digest as Digest), list, OCI_INDEX);
  return pushed;
}

const descriptorOf = (
  { mediaType, digest, size }: PushedManifest,
  artifactType: string,
  annotations?: Record<string, string>,
) => ({ mediaType, digest, size, artifactType, ...(annotations && { annotations }) });

/** Returns an answer of JSON: exactly what its schema has. */
async function exactly<S extends z.ZodType>(
  path: string,
  query: QueryValues,
  schema: S,
): Promise<z.output<S>> {
  const parsed = await served.json(path, query, schema);
  expect(await (await served.get(path, query)).json()).toEqual(parsed);
  return parsed;
}

const referrers = (image: string, query: QueryValues = {}) =>
  exactly('/api/v1/referrers', { image, ...query }, REFERRERS);

describe('/referrers of an image in a registry', () => {
  const ofImage = () => ({
    subject: amd.digest,
    ...descriptorOf(sbom, SBOM, { 'org.example.about': 'amd64' }),
  });
  const ofIndex = () => ({ subject: index.digest, ...descriptorOf(signature, SIGNATURE) });

  it('lists what is attached to it, and to the image index that it is in', async () => {
    expect(await referrers(app())).toEqual([ofImage(), ofIndex()]);
    expect(await referrers(app('amd'))).toEqual([ofImage()]);
    expect(await referrers(`${proxy.host}/team/app@${amd.digest}`)).toEqual([ofImage()]);
    expect(await referrers(app(), { platform: 'linux/arm64' })).toEqual([ofIndex()]);
    expect(await referrers(`${proxy.host}/team/other:1`)).toEqual([]);
  });

  it('lists those of one type', async () => {
    expect(await referrers(app(), { artifactType: SBOM })).toEqual([ofImage()]);
    expect(await referrers(app(), { artifactType: 'application/none' })).toEqual([]);
  });

  it('asks a registry that has a list of its own', async () => {
    const found = descriptorOf(sbom, 'application/by-api');
    const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [found] });
    const path = new RegExp(`/referrers/${amd.digest}`);
    proxy.rules.push({ path, fault: status(200, { 'content-type': OCI_INDEX }, body) });
    try {
      expect(await referrers(app('amd'))).toEqual([{ subject: amd.digest, ...found }]);
    } finally {
      proxy.rules.pop();
    }
  });

  it.each([
    [{ image: 'none:1' }, /^404 NOT_FOUND/],
    [{ image: 'team/app:1', platform: 'linux/s390x' }, /^422 NO_MATCHING_PLATFORM/],
    [{ image: 'team/app:1', artifactType: '' }, /^400 INVALID_ARGUMENT/],
  ])('refuses %j', async ({ image, ...query }, expected) => {
    expect(await served.fault('/api/v1/referrers', { image: `${proxy.host}/${image}`, ...query })).toMatch(
      expected,
    );
  });
});

describe('/layers/{digest} of an image in a registry', () => {
  const layer = (bytes: Uint8Array, init: RequestInit = {}, image = app()) =>
    served.get(`/api/v1/layers/${sha256(bytes)}`, { image }, init);
  const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());

  it('is whole before the layer has an index, whatever is asked for', async () => {
    const answer = await layer(SMALL, { headers: { Range: 'bytes=0-9' } });
    expect([answer.status, answer.headers.get('accept-ranges')]).toEqual([200, 'none']);
    expect(await bytesOf(answer)).toEqual(SMALL);
  });

  it('is the bytes of the registry, whole and in parts', async () => {
    await served.json('/api/v1/tree', { image: app() }, TREE_PAGE);
    const whole = await layer(LARGE);
    expect(whole.status).toBe(200);
    expect((await bytesOf(whole)).equals(LARGE)).toBe(true);
    expect(whole.headers.get('docker-content-digest')).toBe(sha256(LARGE));
    expect(whole.headers.get('content-disposition')).toBe('attachment');
    for (const [range, from, end] of [
      ['bytes=0-0', 0, 1],
      ['bytes=100000-1100000', 100_000, 1_100_001],
      ['bytes=-7', LARGE.length - 7, LARGE.length],
      [`bytes=${LARGE.length - 3}-`, LARGE.length - 3, LARGE.length],
    ] as const) {
      const part = await layer(LARGE, { headers: { Range: range } });
      expect([part.status, part.headers.get('content-range')]).toEqual([
        206,
        `bytes ${from}-${end - 1}/${LARGE.length}`,
      ]);
      expect((await bytesOf(part)).equals(LARGE.subarray(from, end))).toBe(true);
    }
    const past = await layer(LARGE, { headers: { Range: `bytes=${LARGE.length}-` } });
    expect([past.status, past.headers.get('content-range')]).toEqual([416, `bytes */${LARGE.length}`]);
  });

  it('has a head, and is not sent twice to a cache', async () => {
    const head = await layer(LARGE, { method: 'HEAD', headers: { Range: 'bytes=0-9' } });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(LARGE.length)]);
    expect(await bytesOf(head)).toHaveLength(0);
    const etag = head.headers.get('etag')!;
    const again = await layer(LARGE, { headers: { 'If-None-Match': etag } });
    expect([again.status, await bytesOf(again)]).toEqual([304, Buffer.alloc(0)]);
  });

  it('is one of the image and platform: others of the repository are not there', async () => {
    const image = app();
    const path = (bytes: Uint8Array) => `/api/v1/layers/${sha256(bytes)}`;
    expect(await served.fault(path(OTHER), { image })).toMatch(/^404 NOT_FOUND the image has no layer/);
    expect(await served.fault(path(LARGE), { image: `${proxy.host}/team/other:1` })).toMatch(
      /^404 NOT_FOUND/,
    );
    expect(await served.fault(path(Buffer.from('none')), { image })).toMatch(/^404 NOT_FOUND/);
    const { config } = amd.manifest;
    expect(await served.fault(`/api/v1/layers/${config.digest}`, { image })).toMatch(/^404 NOT_FOUND/);
    const arm = await served.get(path(OTHER), { image, platform: 'linux/arm64' });
    expect([arm.status, await bytesOf(arm)]).toEqual([200, OTHER]);
  });
});

describe('/tags of a repository', () => {
  it('lists them, with or without a tag in the reference', async () => {
    const tags = ['1', 'amd', 'arm', fallbackTag(amd.digest as Digest), fallbackTag(index.digest as Digest)];
    for (const image of [app(), `${proxy.host}/team/app`, app('no-such-tag')])
      expect((await exactly('/api/v1/tags', { image }, TAGS)).toSorted()).toEqual(tags.toSorted());
    expect(await exactly('/api/v1/tags', { image: `${proxy.host}/team/other` }, TAGS)).toEqual(['1']);
  });

  it('refuses a repository that is not there, and a registry that is not allowed', async () => {
    expect(await served.fault('/api/v1/tags', { image: `${proxy.host}/no/such` })).toMatch(/^404 NOT_FOUND/);
    expect(await served.fault('/api/v1/tags', { image: `${registry.host}/team/app` })).toMatch(
      /^403 FORBIDDEN/,
    );
  });
});
