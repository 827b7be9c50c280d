/** Layer indexes in registries: a real one, which has no referrers API, and one that has. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { logTo, SILENT_LOG } from '#src/base/log.js';
import { BLOCK_SIZE } from '#src/blob/page.js';
import { ContentStore } from '#src/cache/content-store.js';
import { LAYER_INDEX_VERSION } from '#src/index/entry-table.js';
import { decodeLayerIndex } from '#src/index/file/decode-index.js';
import { encodeLayerIndex } from '#src/index/file/encode-index.js';
import { LAYER_LIMITS } from '#src/index/layer-limits.js';
import { CheckpointBuilder } from '#src/index/pass/checkpoint-builder.js';
import { EntryColumnsBuilder } from '#src/index/pass/entry-columns-builder.js';
import type { Digest } from '#src/oci/digest.js';
import { ARTIFACT_TYPE, INDEX_MEDIA_TYPE, layerTag } from '#src/publish/artifact.js';
import type { PublishedIndex } from '#src/publish/publication.js';
import { type PublishableImage, PublishedIndexes } from '#src/publish/published-indexes.js';
import { RegistryClient } from '#src/registry/registry-client.js';
import {
  corruptAt,
  FaultProxy,
  type FaultRule,
  lostAnswer,
  replaceBody,
  type SeenRequest,
  status,
} from '../support/fault-proxy.js';
import {
  OCI_INDEX,
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  pushManifest,
  sha256,
  startRegistry,
  type TestRegistry,
} from '../support/registry.js';

const REFERRER = { kind: 'referrer' } as const;
const never = () => new AbortController().signal;

let registry: TestRegistry;
const cleanups: (() => unknown)[] = [];
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.stop());
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

let images = 0;
/** An image of its own for each test, of layers that no other has. */
async function newImage(layers = [randomBytes(100), randomBytes(200)], repository = `app-${images++}`) {
  const pushed = await pushImage(registry, `${repository}:v1`, { layers });
  return {
    repository,
    digest: pushed.digest as Digest,
    layers: pushed.manifest.layers.map((one) => one.digest as Digest),
  };
}
type NewImage = Awaited<ReturnType<typeof newImage>>;

/** Bytes of a layer, as its index says. */
const BLOB_SIZE = 1234;

/** An index file of `size` bytes: those after the last section are not read. */
async function indexFile(
  layer: Digest,
  size = 3000,
  stateSizes: readonly number[] = [],
  warningLength = 0,
): Promise<Buffer> {
  const builder = new CheckpointBuilder({}, LAYER_LIMITS.stateBytes);
  for (const [i, length] of stateSizes.entries())
    builder.add({ inOffset: i, outOffset: i, state: randomBytes(length) });
  const { checkpoints, states } = await builder.finish();
  const encoded = await encodeLayerIndex(
    {
      digest: layer,
      codec: 'plain',
      blobSize: BLOB_SIZE,
      tarSize: BLOB_SIZE,
      entries: new EntryColumnsBuilder(LAYER_LIMITS).finish(),
      checkpoints,
      verification: { kind: 'blocks', blockSize: BLOCK_SIZE, digests: randomBytes(32) },
      warnings: warningLength > 0 ? [randomBytes(warningLength).toString('base64')] : [],
    },
    states,
  );
  return Buffer.concat([encoded, randomBytes(size - encoded.length)]);
}

const decode = (bytes: Uint8Array) =>
  decodeLayerIndex((offset, length) => bytes.subarray(offset, offset + length));

interface Rig {
  proxy: FaultProxy;
  indexes: PublishedIndexes;
  logged: string[];
  /** Keeps an index file of the layer, as an own pass would. */
  make(layer: Digest, stateSizes?: readonly number[]): Promise<Buffer>;
  of(image: NewImage): PublishableImage;
  shelf: { kind: 'repository'; repository: string };
  document(
    repository: string,
    name: string,
  ): Promise<{ [field: string]: unknown; manifests: Record<string, unknown>[] }>;
}

async function newRig(rules: FaultRule[] = []): Promise<Rig> {
  const proxy = await FaultProxy.start({ target: registry.url, rules });
  const directory = await mkdtemp(join(tmpdir(), 'layerslayer-publish-'));
  const store = await ContentStore.open({ directory, capBytes: 1e9, log: SILENT_LOG });
  const client = new RegistryClient(proxy.host, { insecure: false, environment: {} });
  const logged: string[] = [];
  const log = logTo((level, message) => logged.push(`${level}: ${message}`));
  cleanups.push(
    () => proxy.stop(),
    () => rm(directory, { recursive: true }),
    () => store.close(),
    () => client.close(),
  );
  return {
    proxy,
    logged,
    indexes: new PublishedIndexes({ client: () => client, store, log, settleMs: 150 }),
    async make(layer, stateSizes = []) {
      const bytes = await indexFile(layer, 3000, stateSizes);
      await store.write('index', `${LAYER_INDEX_VERSION}/${layer}`, bytes);
      return bytes;
    },
    of: ({ repository, digest, layers }) => ({
      reference: `${proxy.host}/${repository}:v1`,
      digest,
      manifest: { layers: layers.map((one) => ({ digest: one })) },
    }),
    shelf: { kind: 'repository', repository: `${proxy.host}/indexes/shelf-${images}` },
    async document(repository, name) {
      const { bytes } = await client.getManifest(repository, name);
      return JSON.parse(Buffer.from(bytes).toString());
    },
  };
}

/** Makes the proxy a registry with a referrers API (distribution-spec 1.1). */
function referrersApi(proxy: FaultProxy): void {
  const manifests = () =>
    proxy.seen.filter(
      ({ method, path, status: code }) => method === 'PUT' && /manifests/.test(path) && code === 201,
    );
  const deleted = () =>
    proxy.seen
      .filter(({ method, status: code }) => method === 'DELETE' && code === 202)
      .map(({ path }) => path);
  const list = ({ path }: SeenRequest) => {
    const subject = /referrers\/([^?]*)/.exec(path)![1];
    const entries = manifests()
      .filter(({ body }) => JSON.parse(body).subject?.digest === subject)
      .filter(({ path: put }) => !deleted().includes(put))
      .map(({ body }) => ({
        mediaType: OCI_MANIFEST,
        digest: sha256(body),
        size: body.length,
        artifactType: JSON.parse(body).artifactType,
      }));
    return { schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries };
  };
  proxy.rules.push(
    {
      path: /\/referrers\//,
      fault: {
        instead: (seen) => ({
          status: 200,
          headers: { 'content-type': OCI_INDEX },
          body: Buffer.from(JSON.stringify(list(seen))),
        }),
      },
    },
    {
      method: 'PUT',
      path: /manifests/,
      fault: {
        change: (answer, seen) => ({
          ...answer,
          headers: { ...answer.headers, 'oci-subject': JSON.parse(seen.body).subject?.digest },
        }),
      },
    },
  );
}

const asked = (proxy: FaultProxy, method: string, path = /./) =>
  proxy.seen.filter((seen) => seen.method === method && path.test(seen.path));
const layersOf = (found: readonly PublishedIndex[]) => found.map(({ layer }) => layer);
/** Makes and publishes the indexes of all layers. */
async function publish(
  rig: Rig,
  image: NewImage,
  place: Parameters<PublishedIndexes['publish']>[1] = REFERRER,
) {
  const bytes: Buffer[] = [];
  for (const layer of image.layers) bytes.push(await rig.make(layer));
  return { bytes, ...(await rig.indexes.publish(rig.of(image), place, never())) };
}

describe('indexes that refer to an image', () => {
  const registries: [string, (rig: Rig) => void][] = [
    ['without a referrers API', () => {}],
    ['with a referrers API', ({ proxy }) => referrersApi(proxy)],
  ];
  test.each(registries)('are published, found and removed in a registry %s', async (_, prepare) => {
    const [rig, image] = [await newRig(), await newImage()];
    prepare(rig);
    const { indexes, of } = rig;
    const { bytes, artifacts, uploaded, uploadedBytes } = await publish(rig, image);
    expect({ uploaded, uploadedBytes }).toEqual({ uploaded: 2, uploadedBytes: 6000 });
    expect(artifacts.map(({ indexes: of }) => layersOf(of))).toEqual([image.layers]);

    const found = await indexes.find(of(image), REFERRER, never());
    expect(layersOf(found)).toEqual(image.layers);
    for (const [i, one] of found.entries())
      expect(Buffer.from(await indexes.read(one, BLOB_SIZE, never())).equals(bytes[i]!)).toBe(true);

    expect(await indexes.list(of(image), REFERRER, never())).toEqual(artifacts);
    expect(await indexes.remove(of(image), REFERRER, never())).toEqual(artifacts);
    expect(await indexes.list(of(image), REFERRER, never())).toEqual([]);
    expect(await indexes.remove(of(image), REFERRER, never())).toEqual([]);
  });

  test('are a manifest of the type, with the image’s as its subject', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const { artifacts } = await publish(rig, image);
    const manifest = await rig.document(image.repository, artifacts[0]!.digest);
    expect(manifest).toMatchObject({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: ARTIFACT_TYPE,
      config: { mediaType: 'application/vnd.oci.empty.v1+json', size: 2, data: 'e30=' },
      subject: { mediaType: OCI_MANIFEST, digest: image.digest },
      layers: image.layers.map((layer) => ({
        mediaType: INDEX_MEDIA_TYPE,
        size: 3000,
        annotations: { 'vnd.layerslayer.layer.digest': layer, 'vnd.layerslayer.layer-index.version': '3' },
      })),
    });
    const list = await rig.document(image.repository, image.digest.replace(':', '-'));
    expect(list.manifests).toEqual([
      {
        mediaType: OCI_MANIFEST,
        digest: artifacts[0]!.digest,
        size: Buffer.byteLength(JSON.stringify(manifest)),
        artifactType: ARTIFACT_TYPE,
      },
    ]);
  });

  test('come with the offset of their states, which are read later', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const files = [await rig.make(image.layers[0]!, [300, 400]), await rig.make(image.layers[1]!)];
    await rig.indexes.publish(rig.of(image), REFERRER, never());
    const found = await rig.indexes.find(rig.of(image), REFERRER, never());
    expect(found.map(({ statesOffset }) => statesOffset)).toEqual([
      decode(files[0]!).states.offset,
      undefined,
    ]);
  });

  test.each(registries)('are not published twice in a registry %s', async (_, prepare) => {
    const [rig, image] = [await newRig(), await newImage()];
    prepare(rig);
    const { artifacts } = await publish(rig, image);
    const before = rig.proxy.seen.length;
    // Another machine's pass may make other bytes.
    for (const layer of image.layers) await rig.make(layer);
    const again = await rig.indexes.publish(rig.of(image), REFERRER, never());
    expect(again).toEqual({ artifacts, uploaded: 0, uploadedBytes: 0 });
    expect(
      rig.proxy.seen.slice(before).filter(({ method }) => method !== 'GET' && method !== 'HEAD'),
    ).toEqual([]);
  });

  test('are referred to after all of them are there', async () => {
    const [rig, image] = [
      await newRig([{ method: 'PUT', path: /uploads/, nth: [2, 3, 4, 5, 6], fault: status(403) }]),
      await newImage(),
    ];
    await expect(publish(rig, image)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringMatching(
        new RegExp(
          `needs the scope repository:${image.repository}:pull,push; or publish .* --index-repository`,
        ),
      ),
    });
    expect(asked(rig.proxy, 'PUT', /manifests/)).toEqual([]);
    // The next try sends what is missing.
    rig.proxy.rules.length = 0;
    const { uploaded } = await rig.indexes.publish(rig.of(image), REFERRER, never());
    expect(uploaded).toBe(1);
  });

  test('are mounted from another repository that got them', async () => {
    const layers = [randomBytes(100), randomBytes(200)];
    const [rig, one, two] = [await newRig(), await newImage(layers), await newImage(layers)];
    await publish(rig, one);
    const sent = asked(rig.proxy, 'PUT', /uploads/).length;
    const { uploaded } = await rig.indexes.publish(rig.of(two), REFERRER, never());
    expect(uploaded).toBe(0);
    expect(asked(rig.proxy, 'PUT', /uploads/)).toHaveLength(sent);
    expect(layersOf(await rig.indexes.find(rig.of(two), REFERRER, never()))).toEqual(two.layers);
  });

  test('need a cached index of each layer', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    await rig.make(image.layers[0]!);
    await expect(rig.indexes.publish(rig.of(image), REFERRER, never())).rejects.toMatchObject({
      code: 'IO_FAILED',
      message: expect.stringContaining('is not cached'),
    });
  });

  test('are not those of images on this machine', async () => {
    const [{ indexes }, { digest }] = [await newRig(), await newImage()];
    const local = { reference: 'oci:/srv/app:v1', digest, manifest: { layers: [] } };
    expect(await indexes.find(local, REFERRER, never())).toEqual([]);
    await expect(indexes.publish(local, REFERRER, never())).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('--index-repository'),
    });
  });
});

describe('the list under the fallback tag', () => {
  const other = (name: string) => ({
    mediaType: OCI_MANIFEST,
    digest: sha256(name),
    size: 7,
    artifactType: 'application/spdx+json',
    annotations: { 'org.example.name': name },
    'x-unknown': { kept: true },
  });
  /** Puts a manifest of another tool, and returns its entry. */
  async function sbom(image: NewImage, name: string): Promise<ReturnType<typeof other>> {
    const config = {
      mediaType: 'application/vnd.oci.empty.v1+json',
      ...(await pushBlob(registry, image.repository, Buffer.from('{}'))),
    };
    const document = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [], annotations: { name } };
    const { digest, size } = await pushManifest(
      registry,
      image.repository,
      undefined,
      document,
      OCI_MANIFEST,
    );
    return { ...other(name), digest, size };
  }
  const tagOf = ({ digest }: NewImage) => digest.replace(':', '-');
  const setList = (image: NewImage, ...manifests: object[]) =>
    pushManifest(
      registry,
      image.repository,
      tagOf(image),
      { schemaVersion: 2, mediaType: OCI_INDEX, manifests },
      OCI_INDEX,
    );

  test('keeps the entries of other tools as they are, on adding and removing', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const entry = await sbom(image, 'sbom');
    await setList(image, entry);
    const { artifacts } = await publish(rig, image);
    const list = await rig.document(image.repository, tagOf(image));
    expect(list.manifests).toEqual([entry, expect.objectContaining({ digest: artifacts[0]!.digest })]);
    await rig.indexes.remove(rig.of(image), REFERRER, never());
    expect((await rig.document(image.repository, tagOf(image))).manifests).toEqual([entry]);
  });

  test('is not removed with an entry that another client has just written', async () => {
    const image = await newImage();
    await publish(await newRig(), image);
    const ours = await (await newRig()).document(image.repository, tagOf(image));
    const before = await setList(image, ...ours.manifests);
    const body = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: ours.manifests }),
    );
    expect(sha256(body)).toBe(before.digest);
    const entry = await sbom(image, 'late');
    await setList(image, ...ours.manifests, entry);
    // Read as it was before: listing comes first, then the read of the removal.
    const headers = { 'docker-content-digest': before.digest };
    const fault = replaceBody(body, headers);
    const rig = await newRig([{ method: 'GET', path: /manifests\/sha256-/, nth: 2, fault }]);
    expect(await rig.indexes.remove(rig.of(image), REFERRER, never())).toHaveLength(1);
    expect((await rig.document(image.repository, tagOf(image))).manifests).toEqual([entry]);
  });

  test('gets an entry again that another client’s write lost', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const entry = await sbom(image, 'late');
    const written = () => asked(rig.proxy, 'PUT', /manifests\/sha256-/).length;
    // Another client that read the list before our write has written it by our next look.
    const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] }));
    rig.proxy.rules.push({
      method: 'GET',
      path: /manifests\/sha256-/,
      fault: {
        change: (answer) =>
          written() === 1 ? { ...answer, headers: { 'content-type': OCI_INDEX }, body } : answer,
      },
    });
    const { artifacts } = await publish(rig, image);
    expect(written()).toBe(2);
    expect((await rig.document(image.repository, tagOf(image))).manifests).toEqual([
      entry,
      expect.objectContaining({ digest: artifacts[0]!.digest }),
    ]);
  });

  test('is given up after five rewrites', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const entry = await sbom(image, 'rude');
    await setList(image, entry);
    const rude: FaultRule = {
      method: 'PUT',
      path: /manifests\/sha256-/,
      fault: { instead: () => ({ status: 201, headers: {}, body: Buffer.alloc(0) }) },
    };
    rig.proxy.rules.push(rude);
    await expect(publish(rig, image)).rejects.toMatchObject({
      code: 'REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('other clients wrote it 5 times'),
    });
    expect(asked(rig.proxy, 'PUT', /manifests\/sha256-/)).toHaveLength(6);
  });

  test('drops entries whose manifest is gone, if the registry refuses them', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const entry = await sbom(image, 'here');
    const gone = await sbom(image, 'gone');
    await setList(image, gone, entry);
    await fetch(`${registry.url}/v2/${image.repository}/manifests/${gone.digest}`, { method: 'DELETE' });
    await publish(rig, image);
    const { manifests } = await rig.document(image.repository, tagOf(image));
    expect(manifests.map(({ digest }) => digest)).toContain(entry.digest);
    expect(layersOf(await rig.indexes.find(rig.of(image), REFERRER, never()))).toEqual(image.layers);
  });

  test('that is no list is an error, and stays', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const { bytes } = await pushImage(registry, `${image.repository}:${tagOf(image)}`, { layers: [] });
    await expect(publish(rig, image)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect(await rig.document(image.repository, tagOf(image))).toEqual(JSON.parse(bytes.toString()));
  });

  test('has both entries after two clients published at once', async () => {
    const image = await newImage();
    const rigs = await Promise.all([newRig(), newRig(), newRig()]);
    const published = await Promise.all(rigs.map((rig) => publish(rig, image)));
    const digests = published.map(({ artifacts }) => artifacts[0]!.digest);
    expect(new Set(digests).size).toBe(3);
    const { manifests } = await rigs[0]!.document(image.repository, tagOf(image));
    expect(manifests.map(({ digest }) => digest).sort()).toEqual(digests.sort());
  });
});

describe('what others publish', () => {
  /** Puts an artifact for the image, whatever it says, and lists it. */
  async function plant(
    image: NewImage,
    change: (document: Record<string, unknown>) => object,
    { entry = {}, bytes }: { entry?: object; bytes?: Buffer } = {},
  ) {
    const blob = await pushBlob(registry, image.repository, bytes ?? (await indexFile(image.layers[0]!)));
    const config = {
      mediaType: 'application/vnd.oci.empty.v1+json',
      ...(await pushBlob(registry, image.repository, Buffer.from('{}'))),
    };
    const annotations = {
      'vnd.layerslayer.layer.digest': image.layers[0],
      'vnd.layerslayer.layer-index.version': '3',
    };
    const document = change({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: ARTIFACT_TYPE,
      config,
      layers: [{ mediaType: INDEX_MEDIA_TYPE, ...blob, annotations }],
      subject: { mediaType: OCI_MANIFEST, digest: image.digest, size: 1 },
    });
    const { digest, size } = await pushManifest(
      registry,
      image.repository,
      undefined,
      document,
      OCI_MANIFEST,
    );
    const manifests = [{ mediaType: OCI_MANIFEST, digest, size, artifactType: ARTIFACT_TYPE, ...entry }];
    const tag = image.digest.replace(':', '-');
    await pushManifest(
      registry,
      image.repository,
      tag,
      { schemaVersion: 2, mediaType: OCI_INDEX, manifests },
      OCI_INDEX,
    );
    return digest;
  }
  const layer = (document: Record<string, unknown>, change: object) => {
    const [first] = document.layers as { annotations: object }[];
    return { ...document, layers: [{ ...first, ...change }] };
  };

  test('is found', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    await plant(image, (document) => document);
    expect(layersOf(await rig.indexes.find(rig.of(image), REFERRER, never()))).toEqual([image.layers[0]]);
  });

  const ignored: [string, (document: Record<string, unknown>) => object][] = [
    ['of another artifact type', (document) => ({ ...document, artifactType: 'application/spdx+json' })],
    [
      'of another image',
      (document) => ({ ...document, subject: { digest: sha256('other'), size: 1, mediaType: OCI_MANIFEST } }),
    ],
    ['without a subject', ({ subject: _, ...document }) => document],
    [
      'of a layer that the image has not',
      (document) => layer(document, { annotations: { 'vnd.layerslayer.layer.digest': sha256('other') } }),
    ],
    [
      'of a layer without a digest',
      (document) => layer(document, { annotations: { 'vnd.layerslayer.layer.digest': '../../x' } }),
    ],
    ['without annotations', (document) => layer(document, { annotations: undefined })],
    ['of another media type', (document) => layer(document, { mediaType: 'application/octet-stream' })],
    [
      'of an older format',
      (document) =>
        layer(document, {
          annotations: {
            ...(document.layers as { annotations: object }[])[0]!.annotations,
            'vnd.layerslayer.layer-index.version': '2',
          },
        }),
    ],
  ];
  test.each(ignored)('is ignored when it is %s', async (_, change) => {
    const [rig, image] = [await newRig(), await newImage()];
    await plant(image, change);
    expect(await rig.indexes.find(rig.of(image), REFERRER, never())).toEqual([]);
    expect(rig.logged).toEqual([]);
  });

  test('of a newer format is ignored, said once', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const annotations = {
      'vnd.layerslayer.layer.digest': image.layers[0],
      'vnd.layerslayer.layer-index.version': '4',
    };
    await plant(image, (document) => layer(document, { annotations }));
    for (let i = 0; i < 2; i++) expect(await rig.indexes.find(rig.of(image), REFERRER, never())).toEqual([]);
    expect(rig.logged).toEqual([
      expect.stringMatching(/^warn: .* has format 4, this version reads 3: ignored$/),
    ]);
  });

  test('is removed only if it is of our type', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const digest = await plant(image, (document) => ({ ...document, artifactType: 'application/spdx+json' }));
    expect(await rig.indexes.remove(rig.of(image), REFERRER, never())).toEqual([]);
    expect(await rig.document(image.repository, digest)).toMatchObject({
      artifactType: 'application/spdx+json',
    });
  });

  test('is CORRUPT_LAYER when it is damaged, or of another layer', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const whole = await indexFile(image.layers[0]!);
    const bad: [Buffer, RegExp][] = [
      [randomBytes(50), /cut short/],
      [randomBytes(500), /magic/],
      [whole.subarray(0, 180), /cut short/],
      [await indexFile(image.layers[1]!), /another layer/],
    ];
    for (const [bytes, message] of bad) {
      await plant(image, (document) => document, { bytes });
      const [found] = await rig.indexes.find(rig.of(image), REFERRER, never());
      const reading = rig.indexes.read(found!, BLOB_SIZE, never());
      await expect(reading).rejects.toMatchObject({
        code: 'CORRUPT_LAYER',
        message: expect.stringMatching(message),
      });
    }
    await plant(image, (document) => document, { bytes: whole });
    const [found] = await rig.indexes.find(rig.of(image), REFERRER, never());
    await expect(rig.indexes.read(found!, BLOB_SIZE + 1, never())).rejects.toThrow('another layer');
    expect(await rig.indexes.read(found!, BLOB_SIZE, never())).toHaveLength(3000);
  });

  test('of less than 128 KiB is read up to its states if the manifest says where they begin', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const bytes = await indexFile(image.layers[0]!, 80_000, [30_000, 40_000]);
    const { offset } = decode(bytes).states;
    await plant(image, (document) => document, { bytes });
    const [found] = await rig.indexes.find(rig.of(image), REFERRER, never());
    const read = async (statesOffset?: number) =>
      decode(await rig.indexes.read({ ...found!, statesOffset }, BLOB_SIZE, never()));
    expect((await read(offset)).remoteStates).toMatchObject({ offset });
    expect((await read()).remoteStates).toBeUndefined();
    const sent = rig.proxy.requests(new RegExp(`blobs/${sha256(bytes)}`));
    expect(sent.map(({ bodyBytes }) => bodyBytes)).toEqual([offset, 80_000]);
  });

  describe('of more than 128 KiB', () => {
    const SIZE = 500_000;
    const planted = async (rules: FaultRule[] = [], stateSizes = [30_000, 40_000]) => {
      const [rig, image] = [await newRig(rules), await newImage()];
      const bytes = await indexFile(image.layers[0]!, SIZE, stateSizes);
      await plant(image, (document) => document, { bytes });
      const [found] = await rig.indexes.find(rig.of(image), REFERRER, never());
      const read = () => rig.indexes.read(found!, BLOB_SIZE, never());
      const sent = () => rig.proxy.requests(new RegExp(`blobs/${sha256(bytes)}`));
      return { rig, image, bytes, read, sent };
    };

    test('is read up to its states, and says where they are', async () => {
      const { rig, image, bytes, read, sent } = await planted();
      const index = decode(await read());
      const end = decode(bytes).states.offset;
      expect(index.remoteStates).toEqual({
        repository: `${rig.proxy.host}/${image.repository}`,
        digest: sha256(bytes),
        size: SIZE,
        offset: end,
      });
      expect(index.checkpoints).toEqual(decode(new Uint8Array(bytes)).checkpoints);
      expect(sent().map(({ headers }) => headers.range)).toEqual(['bytes=0-131071']);
    });

    test.each<[string, (right: number) => number, number]>([
      ['the right one', (right) => right, 1],
      ['too low', () => 100_000, 2],
      ['too high', () => 1e15, 2],
    ])('is read at once by the offset of its states in the manifest: %s', async (_, said, requests) => {
      const [rig, image] = [await newRig(), await newImage()];
      const bytes = await indexFile(image.layers[0]!, SIZE, [30_000, 40_000], 320_000);
      const { offset } = decode(bytes).states;
      await plant(image, (document) => document, { bytes });
      const [found] = await rig.indexes.find(rig.of(image), REFERRER, never());
      const index = { ...found!, statesOffset: said(offset) };
      const read = decode(await rig.indexes.read(index, BLOB_SIZE, never()));
      expect(read.remoteStates).toMatchObject({ size: SIZE, offset });
      expect(rig.proxy.requests(new RegExp(`blobs/${sha256(bytes)}`))).toHaveLength(requests);
    });

    test('is read whole when it has no states', async () => {
      const { bytes, read, sent } = await planted([], []);
      expect(Buffer.from(await read()).equals(bytes)).toBe(true);
      expect(sent()).toHaveLength(2);
    });

    test('is read whole when its head came wrong, and then checked by its digest', async () => {
      const { bytes, read, rig } = await planted();
      rig.proxy.rules.push({
        method: 'GET',
        path: new RegExp(`blobs/${sha256(bytes)}`),
        nth: 1,
        fault: corruptAt(20),
      });
      expect(Buffer.from(await read()).equals(bytes)).toBe(true);
    });
  });

  test('is DIGEST_MISMATCH when its bytes are others, twice', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    await plant(image, (document) => document);
    const [found] = await rig.indexes.find(rig.of(image), REFERRER, never());
    const blob: FaultRule = {
      method: 'GET',
      path: new RegExp(`blobs/${found!.blob.digest}`),
      nth: 1,
      fault: corruptAt(7),
    };
    rig.proxy.rules.push(blob);
    expect(await rig.indexes.read(found!, BLOB_SIZE, never())).toHaveLength(3000);
    rig.proxy.rules[0] = { ...blob, nth: [1, 2] };
    await expect(rig.indexes.read(found!, BLOB_SIZE, never())).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });
});

describe('a repository of indexes', () => {
  test('has a manifest for each layer, found by images that share it', async () => {
    const shared = randomBytes(100);
    const [rig, one, two] = [
      await newRig(),
      await newImage([shared, randomBytes(10)]),
      await newImage([shared]),
    ];
    const { shelf, indexes, of } = rig;
    const { artifacts, uploaded } = await publish(rig, one, shelf);
    expect(uploaded).toBe(2);
    expect(artifacts.map(({ tag }) => tag)).toEqual(one.layers.map(layerTag));
    expect(layerTag(one.layers[0]!)).toBe(`layer-${one.layers[0]!.replace(':', '-')}`);
    const manifest = await rig.document(
      shelf.repository.slice(rig.proxy.host.length + 1),
      layerTag(one.layers[0]!),
    );
    expect(manifest).toMatchObject({
      artifactType: ARTIFACT_TYPE,
      annotations: { 'vnd.layerslayer.layer.digest': one.layers[0] },
    });
    expect(manifest).not.toHaveProperty('subject');

    const found = await indexes.find(of(two), shelf, never());
    expect(found).toMatchObject([{ layer: two.layers[0], repository: shelf.repository }]);
    expect(await indexes.publish(of(two), shelf, never())).toMatchObject({ uploaded: 0 });
    expect(await indexes.list(of(one), shelf, never())).toEqual(artifacts);
    expect(await indexes.remove(of(one), shelf, never())).toEqual(artifacts);
    expect(await indexes.find(of(two), shelf, never())).toEqual([]);
  });

  test('keeps what a fault did not reach: the next try continues there', async () => {
    const [rig, image] = [
      await newRig([{ method: 'PUT', path: /manifests/, nth: 2, fault: status(403) }]),
      await newImage(),
    ];
    await expect(publish(rig, image, rig.shelf)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.not.stringContaining('--index-repository'),
    });
    expect(layersOf(await rig.indexes.find(rig.of(image), rig.shelf, never()))).toEqual([image.layers[0]]);
    expect(await rig.indexes.publish(rig.of(image), rig.shelf, never())).toMatchObject({ uploaded: 0 });
    expect(layersOf(await rig.indexes.find(rig.of(image), rig.shelf, never()))).toEqual(image.layers);
  });

  test('survives an answer that is lost', async () => {
    const [rig, image] = [
      await newRig([{ method: 'PUT', path: /manifests/, nth: 1, fault: lostAnswer() }]),
      await newImage(),
    ];
    await publish(rig, image, rig.shelf);
    expect(layersOf(await rig.indexes.find(rig.of(image), rig.shelf, never()))).toEqual(image.layers);
  });

  test('takes images of this machine', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    await rig.make(image.layers[0]!);
    const local = {
      ...rig.of(image),
      reference: 'oci:/srv/app:v1',
      manifest: { layers: [{ digest: image.layers[0]! }] },
    };
    expect(await rig.indexes.publish(local, rig.shelf, never())).toMatchObject({ uploaded: 1 });
  });

  test('is not read for another layer’s index under the tag', async () => {
    const [rig, image] = [await newRig(), await newImage()];
    const [first, second] = image.layers as [Digest, Digest];
    await publish(rig, image, rig.shelf);
    const repository = rig.shelf.repository.slice(rig.proxy.host.length + 1);
    await pushManifest(
      registry,
      repository,
      layerTag(first),
      await rig.document(repository, layerTag(second)),
      OCI_MANIFEST,
    );
    expect(layersOf(await rig.indexes.find(rig.of(image), rig.shelf, never()))).toEqual([second]);
    expect(await rig.indexes.remove(rig.of(image), rig.shelf, never())).toHaveLength(1);
  });
});
