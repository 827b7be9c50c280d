import { LayerslayerError } from '../base/errors.js';
import { formatImageLocation, type LocalLocation } from '../oci/image-location.js';

/** Names told at most: an archive may hold thousands. */
const TOLD_MAX = 20;

/** An image as it can be asked for: by name, else by its place in the list. */
export interface NamedImage {
  name: string | undefined;
  position: number; // from 0
}

/** Returns the error of a reference that fits several images. */
export function severalImages(location: LocalLocation, images: readonly NamedImage[]): LayerslayerError {
  return new LayerslayerError(
    'INVALID_REFERENCE',
    `${formatImageLocation(location)} names several images: choose one of ${list(location, images)}`,
  );
}

/** @param images those that there are */
export function noSuchImage(location: LocalLocation, images: readonly NamedImage[]): LayerslayerError {
  const only = images.length === 0 ? 'it has none' : `only ${list(location, images)}`;
  return new LayerslayerError('NOT_FOUND', `no image ${formatImageLocation(location)}: ${only}`);
}

function list({ place, path }: LocalLocation, images: readonly NamedImage[]): string {
  const told = images.slice(0, TOLD_MAX).map(({ name, position }) => {
    return formatImageLocation({ place, path, ...(name === undefined ? { position } : { tag: name }) });
  });
  const more = images.length > TOLD_MAX ? ` and ${images.length - TOLD_MAX} more` : '';
  return [...new Set(told)].join(', ') + more;
}
