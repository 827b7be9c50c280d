import { CachedImages } from '../../image/cached/cached-images.js';
import { registryReference } from '../../oci/image-location.js';
import { formatReference } from '../../oci/reference.js';
import { cacheDirectory } from './cache-directory.js';
import type { Known } from './known.js';
import { layoutTags } from './layout-tags.js';
import { type Candidate, type Offers, offerWords } from './offers.js';

/** Images in records that are read: each is a small file. */
const RECORDS_MAX = 1000;

const PLACES = ['oci:', 'oci-archive:', 'docker-archive:'];
const LOCAL = /^(?:oci|oci-archive|docker-archive):/;
const DOCKER_PREFIX = 'docker://';

/**
 * Offers references of cached images, as docker shortens them, and the places of images on this
 * machine. After `oci:` the shell offers files; after `oci:DIR:` the tags of the layout.
 */
export function imageOffers(word: string, { values, place }: Known): Offers {
  const prefix = LOCAL.exec(word)?.[0];
  if (prefix !== undefined) return localImageOffers(word, prefix, place.cwd);
  const images = new CachedImages(cacheDirectory(values, place));
  const references = images.references(RECORDS_MAX).flatMap((reference) => spellings(word, reference));
  const places = PLACES.map((text) => ({ text, isOpen: true }));
  return offerWords(word, '', [...references.map(asCandidate), ...places]);
}

function localImageOffers(word: string, prefix: string, cwd: string): Offers {
  const colon = word.lastIndexOf(':') + 1;
  const isTag = prefix === 'oci:' && colon > prefix.length;
  const tags = isTag ? layoutTags(word.slice(0, colon - 1), cwd) : [];
  if (tags.length > 0) return offerWords(word, word.slice(0, colon), tags.map(asCandidate));
  return { prefix, candidates: [], files: prefix === 'oci:' ? 'directory' : 'file' };
}

const asCandidate = (text: string): Candidate => ({ text });

/**
 * Returns a reference as the typed word begins: `nginx:1`, `docker.io/library/nginx:1`. None for
 * images on this machine, whose files the shell offers, and for what is no reference.
 */
export function spellings(word: string, reference: string): string[] {
  if (canonical(reference) !== reference) return [];
  const start = word.startsWith(DOCKER_PREFIX) ? DOCKER_PREFIX : '';
  const typed = word.slice(start.length);
  const short = reference.replace(/^docker\.io\/(?:library\/(?=[^/]+$))?/, '');
  // Without `docker.io/`, a first component with a dot would be a registry.
  const isShort = short.startsWith(typed) && canonical(short) === reference;
  return [start + (isShort ? short : reference)];
}

function canonical(text: string): string | undefined {
  try {
    const reference = registryReference(text);
    return reference && formatReference(reference);
  } catch {
    return undefined;
  }
}
