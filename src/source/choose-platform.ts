import { LayerslayerError, unsupported } from '../base/errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { ownField } from '../oci/json.js';
import { isImageEntryType, isIndexType } from '../oci/media-type.js';
import { formatPlatform, type Platform, platformDistance } from '../oci/platform.js';

/** The entries of an image index, sorted without fetching any. */
interface PlatformChoice {
  best: Descriptor | undefined; // declares a platform that fits
  unclear: Descriptor[]; // declare none: manifests, or an index within the index
  offered: Platform[]; // declared by images
  unknownTypes: string[]; // media types of entries that are not images
}

/**
 * Returns the descriptor that fits `wanted` best; of equals the first, as containerd does.
 * Attestations are not images: buildkit lists them as unknown/unknown, and some registries first.
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
  return unsupported(`${where} has no image, only ${shown.join(', ')}${more}`);
}

/** buildkit's attestation storage: `vnd.docker.reference.type`. */
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
  const known = [...new Set(offered.map(formatPlatform))].join(', ') || 'none that is known';
  const message = `${reference} has no image for ${formatPlatform(wanted)}, only: ${known}`;
  return new LayerslayerError('NO_MATCHING_PLATFORM', message);
}
