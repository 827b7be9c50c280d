import type { Descriptor } from '../oci/descriptor.js';
import { isIndexType } from '../oci/media-type.js';
import { formatPlatform, type Platform, platformDistance } from '../oci/platform.js';

/** What an image index offers, sorted by what can be said of it without fetching anything. */
export interface PlatformChoice {
  best: Descriptor | undefined; // declares a platform that serves
  unclear: Descriptor[]; // declare none: manifests, or an index within the index
  offered: Platform[]; // declared by images
}

/**
 * The descriptor that serves `wanted` best; of equals the first, as containerd does.
 * Attestations are no images (buildkit lists them as unknown/unknown, and some registries first).
 */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): PlatformChoice {
  const choice: PlatformChoice = { best: undefined, unclear: [], offered: [] };
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const descriptor of manifests) {
    if (isAttestation(descriptor)) continue;
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

/** buildkit's attestation storage: `vnd.docker.reference.type`. */
export function isAttestation({ platform, annotations }: Descriptor): boolean {
  if (annotations && Object.hasOwn(annotations, 'vnd.docker.reference.type')) return true;
  return platform?.os === 'unknown' && platform.architecture === 'unknown';
}

/** `linux/amd64, linux/arm64`, each once. */
export function listPlatforms(platforms: readonly Platform[]): string {
  return [...new Set(platforms.map(formatPlatform))].join(', ');
}
