import { LayerslayerError, unsupported } from '../base/errors.js';
import { type Digest, digestOf, isDigest, shortDigest } from './digest.js';
import { isJsonObject, type JsonObject, ownField, stringField, stringList, stringMap } from './json.js';
import type { Platform } from './platform.js';

/** OCI image-spec, descriptor.md. */
export interface Descriptor {
  mediaType: string; // empty if missing
  digest: Digest;
  size: number; // bytes, 0 to 2^53-1
  platform?: Platform; // only in an image index
  urls?: string[]; // other locations of the content (foreign layers), as written; never empty
  annotations?: Record<string, string>;
  artifactType?: string; // of the manifest that it names
  data?: Uint8Array; // inlined content, already checked against digest and size
}

/**
 * @param where names the descriptor in messages, as `layer 3 of manifest sha256:ab…`
 * @throws LayerslayerError UNSUPPORTED for values that are no descriptor; DIGEST_MISMATCH for
 *   inlined data with another digest
 */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  const refuse = (why: string) => unsupported(`${where}: ${why}`);
  if (!isJsonObject(value)) throw refuse('is not a descriptor');
  const mediaType = stringField(value, 'mediaType') ?? '';
  const digest = ownField(value, 'digest');
  const size = ownField(value, 'size');
  if (digest === undefined) throw refuse('has no digest');
  if (!isDigest(digest))
    throw refuse(`its digest is not sha256 or sha512: ${JSON.stringify(digest)?.slice(0, 100)}`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw refuse('its size is not a number of bytes');

  const descriptor: Descriptor = { mediaType, digest, size };
  const platform = parseDescriptorPlatform(ownField(value, 'platform'));
  if (platform) descriptor.platform = platform;
  const urls = stringList(value, 'urls')?.filter((url) => url !== '');
  if (urls?.length) descriptor.urls = urls;
  const annotations = stringMap(value, 'annotations');
  if (annotations) descriptor.annotations = annotations;
  const artifactType = stringField(value, 'artifactType');
  if (artifactType !== undefined) descriptor.artifactType = artifactType;
  const data = parseData(value, descriptor, where);
  if (data) descriptor.data = data;
  return descriptor;
}

/**
 * Returns whether the content may be outside the image's registry. Licences forbid uploading some
 * layers: docker calls them foreign, OCI nondistributable.
 */
export function isForeign({ mediaType, urls }: Pick<Descriptor, 'mediaType' | 'urls'>): boolean {
  return urls !== undefined || /\.(foreign\.diff|nondistributable)\./.test(mediaType);
}

/** Returns undefined if os or architecture is missing. Then only the config has the platform. */
function parseDescriptorPlatform(value: unknown): Platform | undefined {
  if (!isJsonObject(value)) return undefined;
  const os = stringField(value, 'os');
  const architecture = stringField(value, 'architecture');
  if (os === undefined || architecture === undefined) return undefined;
  const variant = stringField(value, 'variant');
  const osVersion = stringField(value, 'os.version');
  return { os, architecture, ...(variant && { variant }), ...(osVersion && { osVersion }) };
}

function parseData(value: JsonObject, { digest, size }: Descriptor, where: string): Uint8Array | undefined {
  const text = stringField(value, 'data');
  if (text === undefined) return undefined;
  const data = new Uint8Array(Buffer.from(text, 'base64'));
  if (data.length === size && digestOf(data, digest) === digest) return data;
  const got = `its inlined data (${data.length} bytes)`;
  throw new LayerslayerError(
    'DIGEST_MISMATCH',
    `${where}: ${got} is not ${shortDigest(digest)} (${size} bytes)`,
  );
}
