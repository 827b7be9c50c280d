import type { Descriptor } from './descriptor.js';
import type { Manifest } from './manifest.js';
import { compressionHint, MEDIA_TYPES } from './media-type.js';

const LAYER = 'application/vnd.oci.image.layer.v1.tar';
const DOCKER_LAYER = /^application\/vnd\.docker\.image\.rootfs\.(foreign\.)?diff\.tar/;

/**
 * Returns a manifest in OCI's terms. docker's manifests (schema 2) differ only in their media
 * types, which umoci does not know. Their config and layers stay byte for byte; the manifest is
 * rewritten. An OCI manifest is unchanged, and so is its digest.
 * @param bytes of the manifest
 */
export function ociManifest(manifest: Manifest, bytes: Uint8Array): { mediaType: string; bytes: Uint8Array } {
  if (manifest.mediaType !== MEDIA_TYPES.dockerManifest) return { mediaType: manifest.mediaType, bytes };
  const mediaType = MEDIA_TYPES.ociManifest;
  const config = bare({ ...manifest.config, mediaType: ociConfigType(manifest.config.mediaType) });
  const layers = manifest.layers.map((layer) => bare({ ...layer, mediaType: ociLayerType(layer.mediaType) }));
  const { annotations } = manifest;
  const document = { schemaVersion: 2, mediaType, config, layers, ...(annotations && { annotations }) };
  return { mediaType, bytes: Buffer.from(JSON.stringify(document)) };
}

function bare({ mediaType, digest, size, annotations }: Descriptor): object {
  return { ...(mediaType && { mediaType }), digest, size, ...(annotations && { annotations }) };
}

function ociConfigType(mediaType: string): string {
  return mediaType === MEDIA_TYPES.dockerConfig ? MEDIA_TYPES.ociConfig : mediaType;
}

/** Foreign layers become ordinary ones: a saved layer need not be fetched from its urls. */
function ociLayerType(mediaType: string): string {
  if (!DOCKER_LAYER.test(mediaType)) return mediaType;
  // docker writes `.tar.gzip`, where OCI has `.tar+gzip`.
  const hint = compressionHint(mediaType);
  return hint === undefined || hint === 'none' ? LAYER : `${LAYER}+${hint}`;
}
