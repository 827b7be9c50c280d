import { LayerslayerError, unsupported } from '../base/errors.js';
import { formatReference, parseReference, type Reference } from './reference.js';

/**
 * IMAGE as every command takes it: a registry's reference, or a location on this machine in
 * skopeo's spelling (containers-transports(5)).
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
   * The name of one image of several. In a layout its `org.opencontainers.image.ref.name`; in a
   * docker-archive a reference in canonical form.
   */
  tag?: string;
  /** The image's position in the list, from 0 (`@N`), for images without a name. */
  position?: number;
}

export type LocalPlace = 'oci' | 'oci-archive' | 'docker-archive';

const REGISTRY_PREFIX = 'docker://';
const LOCAL_PREFIX = /^(oci|oci-archive|docker-archive):/;
/** skopeo's locations that would parse as an image of Docker Hub with a tag. */
const UNSUPPORTED_PREFIX = /^(docker-daemon|containers-storage):/;

/** Characters: `PATH_MAX` of Linux. No image has a longer name. */
const TEXT_LENGTH_MAX = 4096;

/**
 * Chooses the existing path: file names may contain colons.
 * @param paths the text before each colon, shortest first, then the whole text; at least one
 * @returns the index in `paths`; -1 if none exists
 */
export type ChoosePath = (place: LocalPlace, paths: readonly string[]) => number;

/** @throws LayerslayerError INVALID_REFERENCE; UNSUPPORTED for locations that we can't read */
export function parseImageLocation(text: string, choosePath: ChoosePath): ImageLocation {
  const foreign = UNSUPPORTED_PREFIX.exec(text);
  if (foreign) {
    const advice = `save the image first: skopeo copy ${shown(text)} oci:DIR`;
    throw unsupported(`${shown(text)}: ${foreign[1]} is not supported; ${advice}`);
  }
  const local = LOCAL_PREFIX.exec(text);
  if (local) return parseLocal(text, local[1] as LocalPlace, choosePath);
  return { place: 'registry', reference: parseRegistryReference(text) };
}

/**
 * Returns the reference of an image in a registry. Of one on this machine returns undefined: its
 * path may contain colons, and only the files that are there say where it ends.
 * @throws as `parseImageLocation`
 */
export function registryReference(text: string): Reference | undefined {
  if (LOCAL_PREFIX.test(text)) return undefined;
  const location = parseImageLocation(text, () => 0);
  return location.place === 'registry' ? location.reference : undefined;
}

/** Parses a registry's reference, with skopeo's `docker://` or without. Throws as `parseReference`. */
export function parseRegistryReference(text: string): Reference {
  return parseReference(text.startsWith(REGISTRY_PREFIX) ? text.slice(REGISTRY_PREFIX.length) : text);
}

/** `parseImageLocation` is its inverse, with the same choice of paths. */
export function formatImageLocation(location: ImageLocation): string {
  if (location.place === 'registry') return formatReference(location.reference);
  const { place, path, tag, position } = location;
  const which = tag ?? (position === undefined ? undefined : `@${position}`);
  return which === undefined ? `${place}:${path}` : `${place}:${path}:${which}`;
}

/** Returns the same image with an absolute path. */
export function withAbsolutePath(
  location: ImageLocation,
  toAbsolute: (path: string) => string,
): ImageLocation {
  if (location.place === 'registry') return location;
  return { ...location, path: toAbsolute(location.path) };
}

function parseLocal(text: string, place: LocalPlace, choosePath: ChoosePath): LocalLocation {
  const refuse = (why: string) => new LayerslayerError('INVALID_REFERENCE', `${shown(text)}: ${why}`);
  if (text.length > TEXT_LENGTH_MAX) throw refuse(`longer than ${TEXT_LENGTH_MAX} characters`);
  const rest = text.slice(place.length + 1);
  if (rest === '' || rest.startsWith(':'))
    throw refuse(place === 'oci' ? 'the directory is missing' : 'the file is missing');
  if (rest.includes('\0')) throw refuse('its path contains a NUL');
  const paths = pathsIn(rest);
  const path = paths.length === 1 ? rest : (paths[choosePath(place, paths)] ?? paths[0]!);
  const which = path.length === rest.length ? undefined : rest.slice(path.length + 1);
  if (which === undefined) return { place, path };
  if (which === '') throw refuse('nothing follows the last colon');
  if (which.startsWith('@')) {
    if (!/^@\d{1,6}$/.test(which)) throw refuse(`${shown(which)} is no place in a list (@0 is the first)`);
    return { place, path, position: Number(which.slice(1)) };
  }
  return { place, path, tag: place === 'docker-archive' ? canonicalName(which, refuse) : which };
}

/** Returns all possible paths in `path:tag`. */
function pathsIn(text: string): string[] {
  return [...Array.from(text.matchAll(/:/g), ({ index }) => text.slice(0, index)), text];
}

/**
 * Returns a docker-archive's name for comparison. Names are references: `busybox` is
 * `docker.io/library/busybox:latest`.
 */
function canonicalName(name: string, refuse: (why: string) => Error): string {
  const reference = parseReference(name);
  if (reference.digest !== undefined) throw refuse('a docker-archive knows no digests');
  return formatReference(reference);
}

/** Returns at most 200 characters of the user's text. */
function shown(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
