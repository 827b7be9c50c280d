/** OCI image-spec, media-types.md; docker's image manifest v2, schema 2. */
export const MEDIA_TYPES = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
} as const;

/** Types that requests accept, best first. Not schema 1: registries must convert nothing. */
export const MANIFEST_ACCEPT = [
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.dockerList,
  MEDIA_TYPES.dockerManifest,
].join(', ');

export function isManifestType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.ociManifest || mediaType === MEDIA_TYPES.dockerManifest;
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.ociIndex || mediaType === MEDIA_TYPES.dockerList;
}

/** Returns whether an index entry of this type can be an image or an index. A missing type can. */
export function isImageEntryType(mediaType: string): boolean {
  return mediaType === '' || isManifestType(mediaType) || isIndexType(mediaType);
}

export function isSchema1Type(mediaType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/.test(mediaType);
}

/** Returns whether the config can be an image's. A missing type can. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === '' || mediaType === MEDIA_TYPES.ociConfig || mediaType === MEDIA_TYPES.dockerConfig;
}

/** Returns the type in lower case, without parameters; empty if there is none. */
export function baseMediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

/**
 * Returns the compression that a layer's media type states; undefined if it states none. Only a
 * hint: the bytes decide.
 */
export function compressionHint(mediaType: string): 'none' | 'gzip' | 'zstd' | undefined {
  if (/[.+]zstd$/.test(mediaType)) return 'zstd';
  if (/[.+]gzip$/.test(mediaType)) return 'gzip';
  if (/\.tar$/.test(mediaType)) return 'none';
  return undefined;
}
