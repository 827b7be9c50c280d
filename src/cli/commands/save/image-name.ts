import { basename } from 'node:path';
import { digestAlgorithm, digestHex } from '../../../oci/digest.js';
import { parseImageLocation } from '../../../oci/image-location.js';
import { formatReference, parseReference, type Reference } from '../../../oci/reference.js';
import { chooseLocalPath } from '../../../source/located-source.js';

/** Characters beyond the grammar of references. A layout's names of images may have any. */
const UNSAFE = /[^A-Za-z0-9._-]+/g;

/**
 * Returns the name of an image for files, `library/nginx` and `alpine`: components safe in a path.
 * @param reference in canonical form, of a registry or of this machine
 */
export function imageName(reference: string): { repository: string; tag: string } {
  const location = parseImageLocation(reference, chooseLocalPath);
  if (location.place === 'registry') return nameOf(location.reference);
  const { place, path, tag, position } = location;
  if (place === 'docker-archive' && tag !== undefined) return nameOf(parseReference(tag));
  return {
    repository: safe(basename(path)),
    tag: safe(tag ?? (position === undefined ? '' : String(position))),
  };
}

/**
 * Returns the names for a docker-archive's RepoTags, as skopeo and podman write them:
 * `docker.io/library/nginx:alpine`. An image by digest has none. One of a layout has a name if the
 * layout names a repository too.
 * @param reference in canonical form
 */
export function repoTags(reference: string): string[] {
  const location = parseImageLocation(reference, chooseLocalPath);
  if (location.place === 'registry') return taggedName(location.reference);
  const { place, tag = '' } = location;
  return place === 'docker-archive' || /^[^/]+\/.+:/.test(tag) ? nameIn(tag) : [];
}

function nameIn(text: string): string[] {
  try {
    return taggedName(parseReference(text));
  } catch {
    return []; // a layout's names may be any text
  }
}

function taggedName(reference: Reference): string[] {
  const { tag, digest } = reference;
  return tag === undefined || digest !== undefined ? [] : [formatReference(reference)];
}

function nameOf({ repository, tag, digest }: Reference) {
  const byDigest = digest === undefined ? 'latest' : `${digestAlgorithm(digest)}-${digestHex(digest)}`;
  return { repository, tag: tag ?? byDigest };
}

function safe(text: string): string {
  const name = text.replace(UNSAFE, '_').replace(/^\.+/, '');
  return name === '' ? 'latest' : name;
}
