import { createHash } from 'node:crypto';
import { type Digest, isDigest, shortDigest } from '../oci/digest.js';
import { isJsonObject } from '../oci/json.js';

/**
 * Which layer indexes may be used, ascending. Each level includes those before it.
 *
 * - none: those of this machine's own passes.
 * - exact: tables that hang under the image's digest and lose at most fractions of seconds.
 * - image: all that hangs under the image's digest.
 * - trusted: also those of the index repository that the user named.
 * - any: also referrers in the image's repository. A user with push rights there can set them.
 */
export type IndexTrust = 'none' | 'exact' | 'image' | 'trusted' | 'any';

export const DEFAULT_TRUST: IndexTrust = 'exact';

/** Where a layer index came from. */
export type IndexOrigin =
  /** A whole pass of this machine: all bytes were read and checked. */
  | { kind: 'own' }
  /** A table of contents that hangs under the image's digest. `isExact`: see `IndexTrust`. */
  | { kind: 'table'; format: TableFormat; digest: Digest; isExact: boolean }
  /** An index repository, `host/name`. */
  | { kind: 'repository'; repository: string }
  /** A referrer in the image's repository, `host/name`. */
  | { kind: 'referrer'; repository: string };

export type TableFormat = 'estargz' | 'zstd:chunked' | 'soci';

export const OWN: IndexOrigin = { kind: 'own' };

/** Which indexes one operation may use. */
export interface IndexSources {
  trust: IndexTrust;
  repository?: string | undefined; // the index repository, `host/name`
}

const RANKS: Readonly<Record<IndexTrust, number>> = { none: 0, exact: 1, image: 2, trusted: 3, any: 4 };

/** Hexadecimal digits of an origin's hash. */
const KEY_LENGTH = 16;

/** Longest repository that a stored origin may name, in characters. */
const REPOSITORY_MAX = 512;

const FORMATS: Readonly<Record<TableFormat, string>> = {
  estargz: 'eStargz',
  'zstd:chunked': 'zstd:chunked',
  soci: 'SOCI',
};

/** Returns whether an operation may use an index of this origin. */
export function isAdmitted(origin: IndexOrigin, { trust, repository }: IndexSources): boolean {
  if (origin.kind === 'repository' && origin.repository !== repository) return false;
  return RANKS[trust] >= RANKS[neededTrust(origin)];
}

function neededTrust(origin: IndexOrigin): IndexTrust {
  if (origin.kind === 'own') return 'none';
  if (origin.kind === 'table') return origin.isExact ? 'exact' : 'image';
  return origin.kind === 'repository' ? 'trusted' : 'any';
}

/**
 * Names an origin in cache keys: indexes of two origins never meet.
 * @returns '' for our own passes, else a dot and 16 hexadecimal digits
 */
export function originKey(origin: IndexOrigin): string {
  if (origin.kind === 'own') return '';
  return `.${createHash('sha256').update(nameOf(origin)).digest('hex').slice(0, KEY_LENGTH)}`;
}

function nameOf(origin: IndexOrigin): string {
  if (origin.kind === 'own') return 'own';
  if (origin.kind !== 'table') return `${origin.kind} ${origin.repository}`;
  return `table ${origin.format} ${origin.digest}${origin.isExact ? ' exact' : ''}`;
}

/** For messages: `the eStargz table 8f1c…`. */
export function originText(origin: IndexOrigin): string {
  if (origin.kind === 'own') return 'the index of an own pass';
  if (origin.kind === 'table') return `the ${FORMATS[origin.format]} table ${shortDigest(origin.digest)}`;
  const where = origin.kind === 'repository' ? 'the repository' : 'a referrer in';
  return `the index of ${where} ${origin.repository}`;
}

/** Returns an origin that was stored as JSON; undefined for anything else. */
export function parseOrigin(value: unknown): IndexOrigin | undefined {
  if (!isJsonObject(value)) return undefined;
  const { kind, format, digest, isExact, repository } = value;
  if (kind === 'own') return OWN;
  if (kind === 'table') {
    const isKnown = typeof format === 'string' && Object.hasOwn(FORMATS, format);
    if (!isKnown || !isDigest(digest) || typeof isExact !== 'boolean') return undefined;
    return { kind, format: format as TableFormat, digest, isExact };
  }
  if (kind !== 'repository' && kind !== 'referrer') return undefined;
  if (typeof repository !== 'string' || repository.length > REPOSITORY_MAX) return undefined;
  return { kind, repository };
}
