import { type LayerslayerError, unsupported } from '../base/errors.js';
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

/** An index lists images of several platforms (OCI image-index.md, docker's manifest list). */
export type ManifestOrIndex =
  | { kind: 'manifest'; manifest: Manifest }
  | { kind: 'index'; manifests: Descriptor[] };

/** Bytes. distribution-spec, "Pushing Manifests": registries should take at least 4 MiB. */
export const MANIFEST_SIZE_MAX = 4 * 1024 * 1024;
/** Eight times as many as overlay2 can mount (128). A merged tree has room for 2^16. (rule L1) */
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
  const contentType = baseMediaType(claims.contentType);
  if (isSchema1Type(contentType)) throw schema1(what);
  const body = parseJsonObject(bytes, what, MANIFEST_SIZE_MAX);
  const kind = kindOf(body, what);
  checkClaims(body, kind, what, contentType, claims.descriptorType);

  if (kind === 'index') return { kind, manifests: descriptorList(body, 'manifests', 'manifest', what) };
  const config = parseDescriptor(ownField(body, 'config'), `config of ${what}`);
  const layers = descriptorList(body, 'layers', 'layer', what, LAYERS_MAX);
  const mediaType = stringField(body, 'mediaType') ?? MEDIA_TYPES.ociManifest;
  const annotations = stringMap(body, 'annotations');
  return { kind, manifest: { mediaType, config, layers, ...(annotations && { annotations }) } };
}

function kindOf(body: JsonObject, what: string): 'manifest' | 'index' {
  if (ownField(body, 'schemaVersion') === 1 || ownField(body, 'fsLayers') !== undefined) throw schema1(what);
  const isIndex = ownField(body, 'manifests') !== undefined;
  const isManifest = ownField(body, 'layers') !== undefined || ownField(body, 'config') !== undefined;
  if (isIndex && isManifest) {
    throw unsupported(`${what} is both a manifest and an image index: refused (CVE-2021-41190)`);
  }
  if (isIndex) return 'index';
  if (isManifest) return 'manifest';
  const mediaType = stringField(body, 'mediaType') ?? 'no mediaType';
  throw unsupported(`${what} is neither a manifest nor an image index (${mediaType.slice(0, 100)})`);
}

function checkClaims(
  body: JsonObject,
  kind: 'manifest' | 'index',
  what: string,
  contentType: string,
  descriptorType: string | undefined,
): void {
  const [isRight, isWrong] = kind === 'index' ? [isIndexType, isManifestType] : [isManifestType, isIndexType];
  const refuse = (claim: string, type: string) => {
    const content = kind === 'index' ? 'an image index' : 'a manifest';
    return unsupported(`${what}: ${claim} says ${type.slice(0, 100)}, its content is ${content}`);
  };
  const bodyType = stringField(body, 'mediaType');
  if (isWrong(contentType)) throw refuse('Content-Type', contentType);
  if (bodyType !== undefined && !isRight(bodyType)) throw refuse('mediaType', bodyType);
  if (!descriptorType) return;
  if (isWrong(descriptorType)) throw refuse('its descriptor', descriptorType);
  if (bodyType !== undefined && bodyType !== descriptorType) {
    throw unsupported(`${what}: its descriptor says ${descriptorType.slice(0, 100)}, it says ${bodyType}`);
  }
}

/** @param one names an item in messages */
function descriptorList(
  body: JsonObject,
  key: string,
  one: string,
  what: string,
  countMax = Number.POSITIVE_INFINITY,
): Descriptor[] {
  const list = ownField(body, key) ?? [];
  if (!Array.isArray(list)) throw unsupported(`${one} 1 of ${what}: ${key} is not a list`);
  if (list.length > countMax) {
    throw unsupported(`${what} has ${list.length} ${key}, over the limit of ${countMax}`);
  }
  return list.map((item, number) => parseDescriptor(item, `${one} ${number + 1} of ${what}`));
}

function schema1(what: string): LayerslayerError {
  return unsupported(
    `${what} is a docker image manifest of schema 1, obsolete since 2017: push the image again`,
  );
}
