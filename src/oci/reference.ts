import { LayerslayerError } from '../base/errors.js';
import { type Digest, isDigest } from './digest.js';

/** An image's location as docker writes it, `registry/repository:tag@digest`, with all defaults. */
export interface Reference {
  registry: string; // host, or host:port: `docker.io`, `localhost:5000`, `[::1]:5000`
  repository: string; // path below /v2/: `library/nginx`
  tag?: string; // `latest` when the text has neither tag nor digest
  digest?: Digest; // takes precedence over the tag
}

const DEFAULT_REGISTRY = 'docker.io';
/** Docker Hub's old name, still in use: distribution/reference, `legacyDefaultDomain`. */
const LEGACY_REGISTRY = 'index.docker.io';
const OFFICIAL_PREFIX = 'library/';
const DEFAULT_TAG = 'latest';
/** Maximum characters of a repository: distribution/reference, `RepositoryNameTotalLengthMax`. */
const REPOSITORY_LENGTH_MAX = 255;
/** No reference can be longer: registry (253 and a port), repository, tag, sha512 digest. */
const TEXT_LENGTH_MAX = 1024;

// The grammar of distribution/reference (regexp.go), one part a line.
const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const PORT_MAX = 65_535;

/** @throws LayerslayerError INVALID_REFERENCE, naming the fault */
export function parseReference(text: string): Reference {
  const refuse = (why: string) =>
    new LayerslayerError('INVALID_REFERENCE', `not an image reference: ${quote(text)}: ${why}`);
  if (text === '') throw refuse('it is empty');
  if (text.length > TEXT_LENGTH_MAX) throw refuse(`longer than ${TEXT_LENGTH_MAX} characters`);
  if (/^https?:\/\//i.test(text)) throw refuse('leave out http:// or https://');
  if (/\s/.test(text)) throw refuse('it holds white space');

  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest))
    throw refuse(`${quote(digest)} is not a sha256 or sha512 digest`);

  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) {
    throw refuse(`${quote(tag)} is not a tag (letters, digits, _ . -, 128 at most)`);
  }

  const { registry, path } = splitRegistry(hasTag ? named.slice(0, colon) : named);
  // The grammar allows hosts that no URL can have, as `a.0`: its end makes it an IPv4 address.
  if (!HOST.test(registry) || !URL.canParse(`https://${registry.replace(/:\d+$/, '')}`)) {
    throw refuse(`${quote(registry)} is not a registry host`);
  }
  const port = /:(\d+)$/.exec(registry)?.[1];
  if (port !== undefined && Number(port) > PORT_MAX) throw refuse(`port ${port} is over ${PORT_MAX}`);
  const repository = registry === DEFAULT_REGISTRY && !path.includes('/') ? OFFICIAL_PREFIX + path : path;
  if (path === '') throw refuse('the repository is missing');
  if (repository.length > REPOSITORY_LENGTH_MAX)
    throw refuse(`the repository is longer than ${REPOSITORY_LENGTH_MAX} characters`);
  for (const component of path.split('/')) {
    if (PATH_COMPONENT.test(component)) continue;
    if (component === '') throw refuse('the repository has an empty component');
    if (PATH_COMPONENT.test(component.toLowerCase())) throw refuse('the repository must be lower case');
    throw refuse(`${quote(component)} cannot be part of a repository`);
  }
  // docker rejects it too: it looks like an image ID.
  if (registry === DEFAULT_REGISTRY && /^[0-9a-f]{64}$/.test(path))
    throw refuse('64 hex digits are an image ID');

  if (digest === undefined) return { registry, repository, tag: tag ?? DEFAULT_TAG };
  return { registry, repository, digest, ...(tag !== undefined && { tag }) };
}

/** A repository of a registry: a reference without tag and digest. */
export type Repository = Pick<Reference, 'registry' | 'repository'>;

/**
 * Parses a repository: `ghcr.io/team/indexes`, `localhost:5000/indexes`.
 * @throws LayerslayerError INVALID_REFERENCE, also for a tag or a digest
 */
export function parseRepository(text: string): Repository {
  const { registry, repository, digest } = parseReference(text);
  if (digest === undefined && text.lastIndexOf(':') <= text.lastIndexOf('/')) return { registry, repository };
  const why = 'a repository has no tag and no digest';
  throw new LayerslayerError('INVALID_REFERENCE', `not a repository: ${quote(text)}: ${why}`);
}

/** Returns `registry/repository`. `parseRepository` is its inverse. */
export function formatRepository({ registry, repository }: Repository): string {
  return `${registry}/${repository}`;
}

/** Returns the canonical text with all defaults. `parseReference` is its inverse. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** Returns the last part of `/manifests/…` in a URL: the digest if there is one. */
export function manifestName(reference: Reference): string {
  return reference.digest ?? reference.tag ?? DEFAULT_TAG;
}

/**
 * Splits off a first component that looks like a host: with a dot, a port or an upper-case letter,
 * or `localhost` (distribution/reference, `splitDockerDomain`).
 */
function splitRegistry(name: string): { registry: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  if (slash < 0 || !(/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase())) {
    return { registry: DEFAULT_REGISTRY, path: name };
  }
  return { registry: first === LEGACY_REGISTRY ? DEFAULT_REGISTRY : first, path: name.slice(slash + 1) };
}

/** Returns at most 100 characters of the user's text, escaped. */
function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
