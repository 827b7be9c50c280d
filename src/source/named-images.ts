import { LayerslayerError } from '../base/errors.js';
import { formatImageLocation, type LocalLocation } from '../oci/image-location.js';

/** Maximum images in a message: an archive may hold thousands. */
const SHOWN_MAX = 20;

/** An image as a location names it: by one of its names, or by its position. */
export interface NamedImage {
  names: readonly string[];
  position: number; // in the layout or archive, from 0
}

/**
 * Returns the images that a location names.
 * @returns at least one; several if they share the name, or if the location has no name
 * @throws LayerslayerError NOT_FOUND
 */
export function namedImages<T extends NamedImage>(location: LocalLocation, images: readonly T[]): T[] {
  const { tag, position } = location;
  const matching = images.filter((image) =>
    position === undefined ? tag === undefined || image.names.includes(tag) : image.position === position,
  );
  if (matching.length > 0) return matching;
  const only = images.length === 0 ? 'it has none' : `only ${list(location, images)}`;
  throw new LayerslayerError('NOT_FOUND', `no image ${formatImageLocation(location)}: ${only}`);
}

/** Returns the error for a location that names several images. */
export function severalImages(location: LocalLocation, images: readonly NamedImage[]): LayerslayerError {
  const message = `${formatImageLocation(location)} names several images: choose one of ${list(location, images)}`;
  return new LayerslayerError('INVALID_REFERENCE', message);
}

/** Returns the lists of images that have the same key, first image first. */
export function groupImages<T>(images: readonly T[], keyOf: (image: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const image of images) {
    const key = keyOf(image);
    const group = groups.get(key);
    if (group) group.push(image);
    else groups.set(key, [image]);
  }
  return [...groups.values()];
}

function list({ place, path }: LocalLocation, images: readonly NamedImage[]): string {
  const shown = images.slice(0, SHOWN_MAX).map(({ names: [tag], position }) => {
    return formatImageLocation({ place, path, ...(tag === undefined ? { position } : { tag }) });
  });
  const more = images.length > SHOWN_MAX ? ` and ${images.length - SHOWN_MAX} more` : '';
  return [...new Set(shown)].join(', ') + more;
}
