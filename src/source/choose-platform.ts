import { LayerslayerError } from '../base/errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { ownField } from '../oci/json.js';
import { isImageEntryType, isIndexType } from '../oci/media-type.js';
import { formatPlatform, type Platform, platformDistance } from '../oci/platform.js';

/** What an image index offers, sorted by what can be said of it without fetching anything. */
export interface PlatformChoice {
  best: Descriptor | undefined; // declares a platform that serves
  unclear: Descriptor[]; // declare none: manifests, or an index within the index
  offered: Platform[]; // declared by images
  unknownTypes: string[]; // media types of entries that are not images
}

/**
 * The descriptor that serves `wanted` best; of equals the first, as containerd does.
 * Attestations are no images (buildkit lists them as unknown/unknown, and some registries first).
 */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): PlatformChoice {
  const choice: PlatformChoice = { best: undefined, unclear: [], offered: [], unknownTypes: [] };
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const descriptor of manifests) {
    if (isAttestation(descriptor)) continue;
    if (!isImageEntryType(descriptor.mediaType)) {
      choice.unknownTypes.push(descriptor.mediaType);
      continue;
    }
    if (descriptor.platform === undefined) {
      choice.unclear.push(descriptor);
      continue;
    }
    choice.offered.push(descriptor.platform);
    const distance = platformDistance(wanted, descriptor.platform);
    if (distance !== undefined && distance < bestDistance) {
      bestDistance = distance;
      choice.best = descriptor;
    }
  }
  // A manifest is cheaper to look into than an index.
  choice.unclear.sort((a, b) => Number(isIndexType(a.mediaType)) - Number(isIndexType(b.mediaType)));
  return choice;
}

/**
 * Returns whether an index entry can be an image. Unknown types are not (OCI image-spec,
 * image-index.md).
 */
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
  return new LayerslayerError('UNSUPPORTED', `${where} has no image, only ${shown.join(', ')}${more}`);
}

/** buildkit's attestation storage: `vnd.docker.reference.type`. */
export function isAttestation({ platform, annotations }: Descriptor): boolean {
  if (annotations && ownField(annotations, 'vnd.docker.reference.type') !== undefined) return true;
  return platform?.os === 'unknown' && platform.architecture === 'unknown';
}

/** `linux/amd64, linux/arm64`, each once. */
export function listPlatforms(platforms: readonly Platform[]): string {
  return [...new Set(platforms.map(formatPlatform))].join(', ');
}
