import { LayerslayerError, unsupported } from '../base/errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { ownField } from '../oci/json.js';
import { isImageEntryType, isIndexType } from '../oci/media-type.js';
import { formatPlatform, normalizePlatform, type Platform, platformDistance } from '../oci/platform.js';

/** Returns what an image index offers, without fetching anything. */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform) {
  const entries = manifests.filter((entry) => !isAttestation(entry));
  const images = entries.filter(({ mediaType }) => isImageEntryType(mediaType));
  return {
    best: nearest(images, ({ platform }) => platform && platformDistance(wanted, platform)),
    /** Images and indexes without a platform. A manifest is cheaper to read than an index. */
    unclear: images
      .filter(({ platform }) => platform === undefined)
      .sort((a, b) => Number(isIndexType(a.mediaType)) - Number(isIndexType(b.mediaType))),
    offered: images.flatMap(({ platform }) => platform ?? []),
    unknownTypes: entries.map(({ mediaType }) => mediaType).filter((type) => !isImageEntryType(type)),
  };
}

/** Returns the item of the smallest distance; of equals the first, as containerd does. */
export function nearest<T>(items: readonly T[], distanceOf: (item: T) => number | undefined): T | undefined {
  let best: T | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const distance = distanceOf(item);
    if (distance === undefined || distance >= bestDistance) continue;
    best = item;
    bestDistance = distance;
  }
  return best;
}

/** Unknown types are not images (OCI image-spec, image-index.md). */
export function isImageEntry(descriptor: Descriptor): boolean {
  return !isAttestation(descriptor) && isImageEntryType(descriptor.mediaType);
}

/** Maximum entries named in a message. */
const TYPES_SHOWN_MAX = 5;

/** @param where names the index, or the reference to it */
export function onlyUnknownTypes(where: string, types: readonly string[]): LayerslayerError {
  const distinct = [...new Set(types)];
  const shown = distinct.slice(0, TYPES_SHOWN_MAX).map((type) => type.slice(0, 100));
  const more = distinct.length > shown.length ? ` and ${distinct.length - shown.length} more` : '';
  return unsupported(`${where} has no image, only ${shown.join(', ')}${more}`);
}

/** buildkit lists attestations as unknown/unknown or with an annotation, some registries first. */
export function isAttestation({ platform, annotations }: Descriptor): boolean {
  if (annotations && ownField(annotations, 'vnd.docker.reference.type') !== undefined) return true;
  return platform?.os === 'unknown' && platform.architecture === 'unknown';
}

/** @param offered platforms of the images that there are */
export function noMatchingPlatform(
  reference: string,
  wanted: Platform,
  offered: readonly Platform[],
): LayerslayerError {
  const shown = (platform: Platform) => formatPlatform(normalizePlatform(platform));
  const known = [...new Set(offered.map(shown))].join(', ') || 'none that is known';
  const message = `${reference} has no image for ${shown(wanted)}, only: ${known}`;
  return new LayerslayerError('NO_MATCHING_PLATFORM', message);
}
