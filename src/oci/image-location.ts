import { LayerslayerError } from '../base/errors.js';
import { formatReference, parseReference, type Reference } from './reference.js';

/**
 * IMAGE as every command takes it: a registry's reference, or one of skopeo's names for places on this machine
 * (containers-transports(5)).
 */
export type ImageLocation = RegistryLocation | LocalLocation;

export interface RegistryLocation {
  place: 'registry';
  reference: Reference;
}

export interface LocalLocation {
  place: LocalPlace;
  path: string; // of a directory (`oci`) or of a tar
  /**
   * Which image of several: the name that the layout gives it (`org.opencontainers.image.ref.name`), for docker-archive a
   * reference in canonical form.
   */
  tag?: string;
  /** Or its place in the list, from 0 (`@N`): for images without a name. */
  position?: number;
}

export type LocalPlace = 'oci' | 'oci-archive' | 'docker-archive';

const REGISTRY_PREFIX = 'docker://';
const LOCAL_PREFIX = /^(oci|oci-archive|docker-archive):/;
/** Places of skopeo's that would pass for an image of Docker Hub with a tag. */
const UNSUPPORTED_PREFIX = /^(docker-daemon|containers-storage):/;

/** Characters: `PATH_MAX` of Linux, and no name of an image is longer. */
const TEXT_LENGTH_MAX = 4096;

/** @throws LayerslayerError INVALID_REFERENCE; UNSUPPORTED for places that we cannot read */
export function parseImageLocation(text: string): ImageLocation {
  const unsupported = UNSUPPORTED_PREFIX.exec(text);
  if (unsupported) {
    throw new LayerslayerError(
      'UNSUPPORTED',
      `${shown(text)}: ${unsupported[1]} is not supported; save the image first: skopeo copy ${shown(text)} oci:DIR`,
    );
  }
  const local = LOCAL_PREFIX.exec(text);
  if (local) return parseLocal(text, local[1] as LocalPlace);
  const reference = text.startsWith(REGISTRY_PREFIX) ? text.slice(REGISTRY_PREFIX.length) : text;
  return { place: 'registry', reference: parseReference(reference) };
}

/** The text that `parseImageLocation` gives the same location for. */
export function formatImageLocation(location: ImageLocation): string {
  if (location.place === 'registry') return formatReference(location.reference);
  const { place, path, tag, position } = location;
  const which = tag ?? (position === undefined ? undefined : `@${position}`);
  return which === undefined ? `${place}:${path}` : `${place}:${path}:${which}`;
}

/**
 * The same image, named so that it is found from any working directory.
 * @param toAbsolute makes a path absolute
 * @throws LayerslayerError INVALID_REFERENCE when the absolute path cannot be written
 */
export function withAbsolutePath(
  location: ImageLocation,
  toAbsolute: (path: string) => string,
): ImageLocation {
  if (location.place === 'registry') return location;
  const path = toAbsolute(location.path);
  // The first colon ends the path, for skopeo too, which refuses such directories likewise.
  if (path.includes(':')) {
    throw new LayerslayerError(
      'INVALID_REFERENCE',
      `${shown(formatImageLocation(location))}: the path ${shown(path)} holds a colon, which ends a path here`,
    );
  }
  return { ...location, path };
}

function parseLocal(text: string, place: LocalPlace): LocalLocation {
  const refuse = (why: string) => new LayerslayerError('INVALID_REFERENCE', `${shown(text)}: ${why}`);
  if (text.length > TEXT_LENGTH_MAX) throw refuse(`longer than ${TEXT_LENGTH_MAX} characters`);
  const rest = text.slice(place.length + 1);
  const colon = rest.indexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const which = colon < 0 ? undefined : rest.slice(colon + 1);
  if (path === '') throw refuse(place === 'oci' ? 'the directory is missing' : 'the file is missing');
  if (path.includes('\0')) throw refuse('its path holds a NUL');
  if (which === undefined) return { place, path };
  if (which === '') throw refuse('nothing follows the last colon');
  if (which.startsWith('@')) {
    if (!/^@\d{1,6}$/.test(which)) throw refuse(`${shown(which)} is no place in a list (@0 is the first)`);
    return { place, path, position: Number(which.slice(1)) };
  }
  return { place, path, tag: place === 'docker-archive' ? canonicalName(which, refuse) : which };
}

/** Names in a docker-archive are references, and compared as such: `busybox` is `docker.io/library/busybox:latest`. */
function canonicalName(name: string, refuse: (why: string) => Error): string {
  const reference = parseReference(name);
  if (reference.digest !== undefined) throw refuse('a docker-archive knows no digests');
  return formatReference(reference);
}

/** At most 200 characters of what the user gave. */
function shown(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
