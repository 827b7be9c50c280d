import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from '#src/oci/digest.js';
import { LAYERS_MAX, MANIFEST_SIZE_MAX, parseManifest } from '#src/oci/manifest.js';
import { compressionHint, MEDIA_TYPES } from '#src/oci/media-type.js';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const CONFIG = { mediaType: MEDIA_TYPES.ociConfig, digest: DIGEST, size: 2 };
const LAYER = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: DIGEST, size: 3 };
const manifest = (more: object = {}) => ({ schemaVersion: 2, config: CONFIG, layers: [LAYER], ...more });
const index = (more: object = {}) => ({
  schemaVersion: 2,
  manifests: [{ mediaType: MEDIA_TYPES.ociManifest, digest: DIGEST, size: 4 }],
  ...more,
});
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));
const parse = (value: unknown, claims = {}) => parseManifest(bytesOf(value), 'manifest X', claims);

describe('a manifest', () => {
  test.each([
    ['OCI manifest', manifest({ mediaType: MEDIA_TYPES.ociManifest }), 'manifest'],
    ['OCI manifest without mediaType', manifest(), 'manifest'],
    ['docker manifest', manifest({ mediaType: MEDIA_TYPES.dockerManifest }), 'manifest'],
    ['without layers', manifest({ layers: undefined }), 'manifest'],
    ['OCI index', index({ mediaType: MEDIA_TYPES.ociIndex }), 'index'],
    ['docker list', index({ mediaType: MEDIA_TYPES.dockerList }), 'index'],
    ['index without mediaType', index(), 'index'],
    ['index with layers: null, as Go writes it', index({ layers: null }), 'index'],
  ])('%s is read', (_, body, kind) => {
    expect(parse(body).kind).toBe(kind);
    for (const contentType of [
      'text/plain',
      'application/octet-stream',
      'application/json; charset=utf-8',
      undefined,
    ]) {
      expect(parse(body, { contentType }).kind).toBe(kind);
    }
  });

  describe.each([
    ['null', null],
    ['empty', ''],
  ])('%s counts as absent', (_, nothing) => {
    const EMPTY = {
      mediaType: nothing,
      annotations: nothing,
      subject: nothing,
      artifactType: nothing,
      fsLayers: nothing,
    };
    const emptyParts = { annotations: nothing, platform: nothing, data: nothing, urls: nothing };

    test('in a manifest and its descriptors', () => {
      const body = { ...EMPTY, config: { ...CONFIG, ...emptyParts }, layers: [{ ...LAYER, ...emptyParts }] };
      expect(parse(manifest({ ...body, manifests: nothing }))).toEqual(parse(manifest()));
      expect(parse(manifest({ layers: nothing }))).toEqual(parse(manifest({ layers: undefined })));
      const untyped = manifest({ layers: [{ ...LAYER, mediaType: nothing }] });
      expect(parse(untyped)).toEqual(parse(manifest({ layers: [{ ...LAYER, mediaType: undefined }] })));
    });

    test('in an index and its descriptors', () => {
      const [entry] = index().manifests;
      const platform = { os: 'linux', architecture: 'arm', variant: nothing, 'os.version': nothing };
      const body = { ...EMPTY, layers: nothing, config: nothing };
      const manifests = [{ ...entry, ...emptyParts, platform: { ...platform, 'os.features': nothing } }];
      expect(parse(index({ ...body, manifests }))).toEqual(
        parse(index({ manifests: [{ ...entry, platform: { os: 'linux', architecture: 'arm' } }] })),
      );
      const nowhere = [{ ...entry, platform: { os: nothing, architecture: 'arm' } }];
      expect(parse(index({ manifests: nowhere }))).toEqual(parse(index()));
    });

    test('in a required field', () => {
      const wanting = { ...LAYER, digest: nothing };
      expect(() => parse(manifest({ layers: [wanting] }))).toThrow('layer 1 of manifest X: has no digest');
      expect(() => parse({ schemaVersion: 2, config: nothing, layers: nothing, manifests: nothing })).toThrow(
        'neither',
      );
    });

    test('in the Content-Type and the descriptor', () => {
      const claims = { contentType: nothing ?? undefined, descriptorType: nothing ?? undefined };
      expect(parse(manifest({ mediaType: MEDIA_TYPES.ociManifest }), claims).kind).toBe('manifest');
    });
  });

  test('its parts are plain data', () => {
    const found = parse(manifest({ annotations: { a: 'b', __proto__x: 'y' } }));
    expect(structuredClone(found)).toEqual(found);
    expect(found).toMatchObject({
      manifest: {
        mediaType: MEDIA_TYPES.ociManifest,
        config: CONFIG,
        layers: [LAYER],
        annotations: { a: 'b' },
      },
    });
  });

  test.each([
    ['both kinds (CVE-2021-41190)', { ...manifest(), ...index() }, 'CVE-2021-41190'],
    ['both kinds, by config', { ...index(), config: CONFIG }, 'CVE-2021-41190'],
    ['schema 1', { schemaVersion: 1, fsLayers: [] }, 'schema 1'],
    ['schema 1 by its layers', { fsLayers: [{ blobSum: DIGEST }] }, 'schema 1'],
    ['neither kind', { schemaVersion: 2 }, 'neither'],
    ['a list', [], 'not a JSON object'],
    ['a manifest that says it is an index', manifest({ mediaType: MEDIA_TYPES.ociIndex }), 'mediaType'],
    ['an index that says it is a manifest', index({ mediaType: MEDIA_TYPES.dockerManifest }), 'mediaType'],
    ['an artifact’s own type', manifest({ mediaType: 'application/vnd.example+json' }), 'mediaType'],
    ['a layer without digest', manifest({ layers: [{ ...LAYER, digest: undefined }] }), 'layer 1'],
    [
      'a digest that would leave its directory',
      manifest({ layers: [{ ...LAYER, digest: 'sha256:../../x' }] }),
      'digest',
    ],
    ['a size that is no size', manifest({ layers: [LAYER, { ...LAYER, size: -1 }] }), 'layer 2'],
    ['a fractional size', manifest({ config: { ...CONFIG, size: 1.5 } }), 'config'],
    ['a size of 2^53', manifest({ config: { ...CONFIG, size: 2 ** 53 } }), 'config'],
    ['layers that are no list', manifest({ layers: {} }), 'not a list'],
    [
      'too many layers',
      manifest({ layers: Array.from({ length: LAYERS_MAX + 1 }, () => LAYER) }),
      `limit of ${LAYERS_MAX}`,
    ],
  ])('%s is refused', (_, body, why) => {
    expect(() => parse(body)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    expect(() => parse(body)).toThrow(why);
  });

  test.each([
    ['Content-Type of an index', manifest(), { contentType: MEDIA_TYPES.ociIndex }],
    [
      'Content-Type of docker’s list',
      manifest(),
      { contentType: `${MEDIA_TYPES.dockerList}; charset=utf-8` },
    ],
    ['Content-Type of a manifest', index(), { contentType: MEDIA_TYPES.ociManifest }],
    [
      'Content-Type of schema 1',
      manifest(),
      { contentType: 'application/vnd.docker.distribution.manifest.v1+prettyjws' },
    ],
    ['descriptor of an index', manifest(), { descriptorType: MEDIA_TYPES.ociIndex }],
    [
      'descriptor of docker’s manifest',
      manifest({ mediaType: MEDIA_TYPES.ociManifest }),
      { descriptorType: MEDIA_TYPES.dockerManifest },
    ],
  ])('a %s that is not what it is: refused', (_, body, claims) => {
    expect(() => parse(body, claims)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });

  test('limits are named: 4 MiB and a byte', () => {
    const large = Buffer.alloc(MANIFEST_SIZE_MAX + 1, ' ');
    expect(() => parseManifest(large, 'manifest X')).toThrow(`limit of ${MANIFEST_SIZE_MAX}`);
  });

  test('inlined data is used when it is the descriptor’s, else DIGEST_MISMATCH', () => {
    const data = Buffer.from('{}');
    const config = { ...CONFIG, digest: digestOf(data), size: 2, data: data.toString('base64') };
    expect(parse(manifest({ config }))).toMatchObject({
      manifest: { config: { data: new Uint8Array(data) } },
    });
    for (const wrong of [{ digest: DIGEST }, { size: 3 }, { data: 'bm8=' }]) {
      expect(() => parse(manifest({ config: { ...config, ...wrong } }))).toThrow(
        expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
      );
    }
  });

  test('any bytes are read or refused with UNSUPPORTED, never anything else', () => {
    const deep = Buffer.from('['.repeat(200_000));
    const keys = [
      'schemaVersion',
      'mediaType',
      'config',
      'layers',
      'manifests',
      'fsLayers',
      '__proto__',
      'digest',
      'size',
    ];
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()).map((value) => bytesOf(value)),
      fc.constant(deep),
    );
    fc.assert(
      fc.property(hostile, (bytes) => {
        try {
          parseManifest(bytes, 'manifest X');
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(UNSUPPORTED|DIGEST_MISMATCH)$/) });
        }
      }),
    );
  });
});

test.each([
  ['application/vnd.oci.image.layer.v1.tar', 'none'],
  ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip'],
  ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'gzip'],
  ['application/octet-stream', undefined],
])('media type %s hints at %s', (mediaType, hint) => {
  expect(compressionHint(mediaType)).toBe(hint);
});
