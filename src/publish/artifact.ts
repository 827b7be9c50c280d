import type { Descriptor } from '../oci/descriptor.js';
import { type Digest, digestAlgorithm, digestHex, digestOf, isDigest } from '../oci/digest.js';
import { type Manifest, parseManifest } from '../oci/manifest.js';
import { MEDIA_TYPES } from '../oci/media-type.js';
import type { PublishedIndex } from './publication.js';

/** Type of a manifest of layer indexes. */
export const ARTIFACT_TYPE = 'application/vnd.layerslayer.index.v1';
/** Type of an index file: `index/FORMAT.md`. */
export const INDEX_MEDIA_TYPE = 'application/vnd.layerslayer.layer-index.v1';
/** Annotation: digest of the layer that an index is of. */
const LAYER_ANNOTATION = 'vnd.layerslayer.layer.digest';
/** Annotation: version of the index file's format. */
const VERSION_ANNOTATION = 'vnd.layerslayer.layer-index.version';

/** Annotation: bytes of the index file before its states. A reader fetches them by one request. */
const STATES_ANNOTATION = 'vnd.layerslayer.layer-index.states-offset';

/** Bytes of an index file. That of a layer of 10 GB has about 300 MB. */
const INDEX_SIZE_MAX = 512 * 1024 * 1024;
/** Characters of the hexadecimal digits in a tag, which has 128 at most. */
const TAG_HEX_MAX = 64;

/** The empty config (OCI image-spec manifest.md, "Guidance for an Empty Descriptor"). */
export const EMPTY_CONFIG = Buffer.from('{}');
const EMPTY_MEDIA_TYPE = 'application/vnd.oci.empty.v1+json';

/** An index file as it is in the registry. */
export interface StoredIndex {
  layer: Digest;
  version: number;
  digest: Digest; // of the file
  size: number;
  statesOffset: number | undefined; // of the states, which come last; undefined: they must be read
}

/**
 * Writes a manifest of layer indexes. The same indexes make the same bytes.
 * @param subject the image's manifest; default: the manifest stands alone, with one index
 */
export function artifactManifest(indexes: readonly StoredIndex[], subject?: Descriptor): Buffer {
  const layers = indexes.map(({ layer, version, digest, size, statesOffset }) => ({
    mediaType: INDEX_MEDIA_TYPE,
    digest,
    size,
    annotations: {
      [LAYER_ANNOTATION]: layer,
      [VERSION_ANNOTATION]: String(version),
      ...(statesOffset !== undefined && { [STATES_ANNOTATION]: String(statesOffset) }),
    },
  }));
  const config = {
    mediaType: EMPTY_MEDIA_TYPE,
    digest: digestOf(EMPTY_CONFIG),
    size: EMPTY_CONFIG.length,
    data: EMPTY_CONFIG.toString('base64'),
  };
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType: ARTIFACT_TYPE,
    config,
    layers,
    ...(subject
      ? { subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size } }
      : { annotations: { [LAYER_ANNOTATION]: indexes[0]!.layer } }),
  };
  return Buffer.from(JSON.stringify(document));
}

/**
 * Parses a manifest.
 * @param what names it in messages
 * @returns undefined unless it is one of layer indexes
 * @throws LayerslayerError UNSUPPORTED if it is no manifest
 */
export function parseArtifact(bytes: Uint8Array, what: string): Manifest | undefined {
  const parsed = parseManifest(bytes, what);
  return parsed.kind === 'manifest' && parsed.manifest.artifactType === ARTIFACT_TYPE
    ? parsed.manifest
    : undefined;
}

/** Returns the indexes that a manifest names. @param repository `host/name` that has them */
export function indexesOf(manifest: Manifest, repository: string): PublishedIndex[] {
  return manifest.layers.flatMap((blob) => {
    const layer = blob.annotations?.[LAYER_ANNOTATION];
    const isUsable = blob.mediaType === INDEX_MEDIA_TYPE && blob.size <= INDEX_SIZE_MAX;
    if (!isUsable || !isDigest(layer)) return [];
    const { mediaType, digest, size } = blob; // its urls and inlined data don't count
    const version = countIn(blob.annotations?.[VERSION_ANNOTATION]);
    const statesOffset = countIn(blob.annotations?.[STATES_ANNOTATION]);
    return [{ layer, version, repository, blob: { mediaType, digest, size }, statesOffset }];
  });
}

function countIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Returns the tag of a layer's index in a repository of indexes: `layer-sha256-<hex>`. */
export function layerTag(layer: Digest): string {
  return `layer-${digestAlgorithm(layer)}-${digestHex(layer).slice(0, TAG_HEX_MAX)}`;
}
