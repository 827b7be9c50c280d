import type { Descriptor } from './descriptor.js';
import type { Manifest } from './manifest.js';
import { compressionHint, MEDIA_TYPES } from './media-type.js';

const LAYER = 'application/vnd.oci.image.layer.v1.tar';
const DOCKER_LAYER = /^application\/vnd\.docker\.image\.rootfs\.(foreign\.)?diff\.tar/;

/**
 * Rewrites a docker manifest (schema 2) with the media types of OCI: umoci knows no others. The
 * config and layers stay byte for byte. An OCI manifest is unchanged, and so is its digest.
 * @param bytes of the manifest
 */
export function ociManifest(manifest: Manifest, bytes: Uint8Array): { mediaType: string; bytes: Uint8Array } {
  if (manifest.mediaType !== MEDIA_TYPES.dockerManifest) return { mediaType: manifest.mediaType, bytes };
  const mediaType = MEDIA_TYPES.ociManifest;
  const config = ociDescriptor(manifest.config);
  const layers = manifest.layers.map(ociDescriptor);
  const { annotations } = manifest;
  const document = { schemaVersion: 2, mediaType, config, layers, ...(annotations && { annotations }) };
  return { mediaType, bytes: Buffer.from(JSON.stringify(document)) };
}

function ociDescriptor({ mediaType, digest, size, annotations }: Descriptor): object {
  const type = ociType(mediaType);
  return { ...(type && { mediaType: type }), digest, size, ...(annotations && { annotations }) };
}

/** Foreign layers become ordinary ones: a saved layer need not be fetched from its urls. */
function ociType(mediaType: string): string {
  if (mediaType === MEDIA_TYPES.dockerConfig) return MEDIA_TYPES.ociConfig;
  if (!DOCKER_LAYER.test(mediaType)) return mediaType;
  // docker writes `.tar.gzip`, where OCI has `.tar+gzip`.
  const hint = compressionHint(mediaType);
  return hint === undefined || hint === 'none' ? LAYER : `${LAYER}+${hint}`;
}
