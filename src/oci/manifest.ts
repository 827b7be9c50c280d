import { LayerslayerError } from '../base/errors.js';
import { type Descriptor, parseDescriptor } from './descriptor.js';
import { type JsonObject, ownField, parseJsonObject, stringField, stringMap } from './json.js';
import { baseMediaType, isIndexType, isManifestType, isSchema1Type, MEDIA_TYPES } from './media-type.js';

/** One image: OCI image-spec manifest.md, or docker's schema 2. Plain data. */
export interface Manifest {
  mediaType: string;
  config: Descriptor;
  layers: Descriptor[]; // base first
  annotations?: Record<string, string>;
}

/** Images of several platforms: OCI image-spec image-index.md, or docker's manifest list. */
export interface ImageIndex {
  mediaType: string;
  manifests: Descriptor[];
  annotations?: Record<string, string>;
}

export type ManifestOrIndex = { kind: 'manifest'; manifest: Manifest } | { kind: 'index'; index: ImageIndex };

/** Bytes. distribution-spec, "Pushing Manifests": registries should take at least 4 MiB. */
export const MANIFEST_SIZE_MAX = 4 * 1024 * 1024;
/** Eight times as many as overlay2 can mount (128). */
export const LAYERS_MAX = 1024;

/** What the sender said about the bytes. */
export interface ManifestClaims {
  contentType?: string | undefined; // of the HTTP response, parameters are ignored
  descriptorType?: string | undefined; // mediaType of the descriptor that names the bytes
}

/**
 * Parses a manifest or image index. The body decides which it is, and the claims must not
 * contradict it. A body that could be read as either is rejected, so that two tools never see two
 * images under one digest (CVE-2021-41190).
 * @param what names it in messages, as `manifest sha256:ab…`
 * @throws LayerslayerError UNSUPPORTED
 */
export function parseManifest(bytes: Uint8Array, what: string, claims: ManifestClaims = {}): ManifestOrIndex {
  if (bytes.length > MANIFEST_SIZE_MAX) {
    throw new LayerslayerError(
      'UNSUPPORTED',
      `${what} has ${bytes.length} bytes, over the limit of ${MANIFEST_SIZE_MAX}`,
    );
  }
  const contentType = baseMediaType(claims.contentType);
  if (isSchema1Type(contentType)) throw schema1(what);
  const body = parseJsonObject(bytes, what);
  const kind = kindOf(body, what);
  checkClaims(body, kind, what, contentType, claims.descriptorType);

  const annotations = stringMap(body, 'annotations');
  if (kind === 'index') {
    const manifests = descriptorList(body, 'manifests', `manifest %N of ${what}`);
    const mediaType = stringField(body, 'mediaType') ?? MEDIA_TYPES.ociIndex;
    return { kind, index: { mediaType, manifests, ...(annotations && { annotations }) } };
  }
  const config = parseDescriptor(ownField(body, 'config'), `config of ${what}`);
  const count = (ownField(body, 'layers') as unknown[] | undefined)?.length ?? 0;
  if (count > LAYERS_MAX) {
    throw new LayerslayerError('UNSUPPORTED', `${what} has ${count} layers, over the limit of ${LAYERS_MAX}`);
  }
  const layers = descriptorList(body, 'layers', `layer %N of ${what}`);
  const mediaType = stringField(body, 'mediaType') ?? MEDIA_TYPES.ociManifest;
  return { kind, manifest: { mediaType, config, layers, ...(annotations && { annotations }) } };
}

function kindOf(body: JsonObject, what: string): 'manifest' | 'index' {
  if (ownField(body, 'schemaVersion') === 1 || ownField(body, 'fsLayers') !== undefined) throw schema1(what);
  const isIndex = ownField(body, 'manifests') !== undefined;
  const isManifest = ownField(body, 'layers') !== undefined || ownField(body, 'config') !== undefined;
  if (isIndex && isManifest) {
    throw new LayerslayerError(
      'UNSUPPORTED',
      `${what} is both a manifest and an image index: refused (CVE-2021-41190)`,
    );
  }
  if (isIndex) return 'index';
  if (isManifest) return 'manifest';
  const mediaType = stringField(body, 'mediaType') ?? 'no mediaType';
  throw new LayerslayerError(
    'UNSUPPORTED',
    `${what} is neither a manifest nor an image index (${mediaType.slice(0, 100)})`,
  );
}

function checkClaims(
  body: JsonObject,
  kind: 'manifest' | 'index',
  what: string,
  contentType: string,
  descriptorType: string | undefined,
): void {
  const bodyType = stringField(body, 'mediaType');
  const contradicts = (type: string) => (kind === 'index' ? isManifestType(type) : isIndexType(type));
  const refuse = (claim: string, type: string) =>
    new LayerslayerError(
      'UNSUPPORTED',
      `${what}: ${claim} says ${type.slice(0, 100)}, its content is ${kindName(kind)}`,
    );
  if (contradicts(contentType)) throw refuse('Content-Type', contentType);
  if (bodyType !== undefined) {
    const right = kind === 'index' ? isIndexType(bodyType) : isManifestType(bodyType);
    if (!right) throw refuse('mediaType', bodyType);
  }
  if (!descriptorType) return;
  if (contradicts(descriptorType)) throw refuse('its descriptor', descriptorType);
  if (bodyType !== undefined && bodyType !== descriptorType) {
    throw new LayerslayerError(
      'UNSUPPORTED',
      `${what}: its descriptor says ${descriptorType.slice(0, 100)}, it says ${bodyType}`,
    );
  }
}

function kindName(kind: 'manifest' | 'index'): string {
  return kind === 'index' ? 'an image index' : 'a manifest';
}

function descriptorList(body: JsonObject, key: string, where: string): Descriptor[] {
  const list = ownField(body, key) ?? [];
  if (!Array.isArray(list))
    throw new LayerslayerError('UNSUPPORTED', `${where.replace('%N', '1')}: ${key} is not a list`);
  return list.map((item, number) => parseDescriptor(item, where.replace('%N', String(number + 1))));
}

function schema1(what: string): LayerslayerError {
  return new LayerslayerError(
    'UNSUPPORTED',
    `${what} is a docker image manifest of schema 1, obsolete since 2017: push the image again`,
  );
}
