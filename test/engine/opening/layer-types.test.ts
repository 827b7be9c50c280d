import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultPlatform } from '#src/oci/platform.js';
import { noise } from '../../blob/bytes.js';
import {
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  pushManifest,
  startRegistry,
  type TestRegistry,
} from '../../support/registry.js';
import { file, tarOf } from '../../support/tar.js';
import { contentOf, Sessions, sentFor } from '../sessions.js';

const sessions = new Sessions();
let registry: TestRegistry;
let count = 0;

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry?.stop());
afterEach(() => sessions.cleanUp());

const SIGNATURE = 'application/vnd.dev.cosign.simplesigning.v1+json';
const UNKNOWN = 'application/vnd.example.thing.v1';
const FINE = gzipSync(tarOf(file('a', 'content')));
const HEAD = 64 * 1024;
const watcher = { onEntry: () => false, onRestart: () => {} };
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** An image of these layers, behind a proxy that counts requests. */
async function pushed(...layers: { bytes: Uint8Array; mediaType: string }[]) {
  const name = `types:t${count++}`;
  const diffId = `sha256:${'0'.repeat(64)}`;
  await pushImage(registry, name, { layers: layers.map((layer) => ({ ...layer, diffId })) });
  const proxy = await sessions.proxy(registry.url);
  const { session } = sessions.start();
  const image = await session.resolve(`${proxy.host}/${name}`, defaultPlatform());
  return { session, image, sent: (bytes: Uint8Array) => sentFor(proxy, digestOf(bytes)) };
}
const unsupported = (message: RegExp) =>
  expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringMatching(message) });
const corrupt = (message: RegExp) =>
  expect.objectContaining({ code: 'CORRUPT_LAYER', message: expect.stringMatching(message) });

describe('a layer whose type is not a tar', () => {
  const other = { bytes: Buffer.from('{"critical":{}}'), mediaType: SIGNATURE };

  it('is rejected before a byte of any layer is fetched', async () => {
    const large = gzipSync(tarOf(file('large', noise(300_000, 1))));
    const { session, image, sent } = await pushed({ bytes: large, mediaType: UNKNOWN }, other);
    await expect(session.openLayers(image)).rejects.toEqual(
      unsupported(/^layer 2 is not a tar archive \(.*simplesigning\.v1\+json\)/),
    );
    expect([sent(large), sent(other.bytes)]).toEqual([0, 0]);
  });

  it('is rejected when scanned, and never read from the cache', async () => {
    const odd = { bytes: FINE, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted' };
    const { session, image, sent } = await pushed(odd, { bytes: FINE, mediaType: UNKNOWN });
    await session.openLayers(image, { only: [2] });
    const before = sent(FINE);
    expect(await session.openCached(image, 1)).toBeUndefined();
    expect(await session.openCached(image, 2)).toBeDefined();
    await expect(session.scanLayer(image, 1, watcher)).rejects.toEqual(unsupported(/layer 1 is encrypted/));
    await expect(session.scanLayer(image, 1, watcher, { headBytes: 5 })).rejects.toEqual(
      unsupported(/tar\+gzip\+encrypted/),
    );
    expect(sent(FINE)).toBe(before);
  });
});

it('an artifact with an empty config is named by the types of its layers', async () => {
  const config = await pushBlob(registry, 'types', Buffer.from('{}'));
  const layer = await pushBlob(registry, 'types', Buffer.from('{"critical":{}}'));
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { ...config, mediaType: 'application/vnd.oci.empty.v1+json' },
    layers: [{ ...layer, mediaType: SIGNATURE }],
  };
  await pushManifest(registry, 'types', 'empty', manifest, OCI_MANIFEST);
  await expect(sessions.start().open(`${registry.host}/types:empty`)).rejects.toEqual(
    unsupported(/config is application.vnd.oci.empty.v1.json, its layers are application.*simplesigning/),
  );
});

describe('a layer of unknown type', () => {
  it.each([
    ['gzip', FINE],
    ['a plain tar', tarOf(file('a', 'content'))],
    ['an empty archive', Buffer.alloc(10_240)],
    ['an empty archive of more than 64 KiB', Buffer.alloc(100_000)],
    ['nothing', Buffer.alloc(0)],
  ])('is read when it is %s', async (_name, bytes) => {
    const { session, image } = await pushed({ bytes, mediaType: UNKNOWN });
    const [layer] = await session.openLayers(image);
    if (layer!.entries.length > 0) expect(String(await contentOf(layer!, 'a'))).toBe('content');
  });

  it.each([
    [
      'noise',
      noise(300_000, 2),
      unsupported(/^layer 1: neither a tar nor a gzip or zstd stream \(.*example/),
    ],
    ['text', Buffer.from('text'), unsupported(/neither a tar nor a gzip or zstd stream/)],
    [
      'bzip2',
      Buffer.concat([Buffer.from('BZh91AY&SY'), noise(300_000, 3)]),
      unsupported(/compressed with bzip2/),
    ],
    [
      'lz4',
      Buffer.concat([Buffer.from('04224d18', 'hex'), noise(300_000, 4)]),
      unsupported(/compressed with lz4/),
    ],
    [
      'zeros, then data',
      Buffer.concat([Buffer.alloc(1024), noise(300_000, 5)]),
      corrupt(/data after leading zeros/),
    ],
  ])('is rejected after its first 64 KiB when it is %s', async (_name, bytes, refusal) => {
    const { session, image, sent } = await pushed({ bytes, mediaType: UNKNOWN });
    await expect(session.openLayers(image)).rejects.toEqual(refusal);
    await expect(session.scanLayer(image, 1, watcher)).rejects.toEqual(refusal);
    await expect(session.scanLayer(image, 1, watcher, { headBytes: 1000 })).rejects.toEqual(refusal);
    expect(sent(bytes)).toBe(3 * Math.min(bytes.length, HEAD));
  });
});

describe('a layer of a tar’s type that begins with zeros', () => {
  const mediaType = 'application/vnd.oci.image.layer.v1.tar';

  it('is empty when nothing else follows', async () => {
    const { session, image } = await pushed({ bytes: Buffer.alloc(300_000), mediaType });
    expect((await session.openLayers(image))[0]!.entries.length).toBe(0);
  });

  it.each([
    ['an image of a file system', Buffer.concat([Buffer.alloc(1024), noise(5000, 6)])],
    ['a byte at its very end', Buffer.concat([Buffer.alloc(700_000), Buffer.from('x')])],
    ['a file behind two blocks of zeros', Buffer.concat([Buffer.alloc(1024), tarOf(file('a', 'a'))])],
    ['the same, compressed', gzipSync(Buffer.concat([Buffer.alloc(1024), tarOf(file('a', 'a'))]))],
  ])('is corrupt with %s', async (_name, bytes) => {
    const { session, image } = await pushed({ bytes, mediaType });
    const refusal = corrupt(/^layer 1: .*data after leading zero blocks/);
    await expect(session.openLayers(image)).rejects.toEqual(refusal);
    await expect(session.scanLayer(image, 1, watcher)).rejects.toEqual(refusal);
  });
});
