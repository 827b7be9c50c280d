import { LayerslayerError } from '../../base/errors.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { type Digest, digestAlgorithm, digestHex, shortDigest } from '../../oci/digest.js';
import { MANIFEST_SIZE_MAX, parseManifest } from '../../oci/manifest.js';
import { MEDIA_TYPES } from '../../oci/media-type.js';
import type { Endpoint } from '../endpoint.js';
import { decodedBody, isJson } from '../http/content-coding.js';
import { type Exchange, type HttpAnswer, headerOf } from '../http/http-exchange.js';
import { answerFault } from '../requests/answer-fault.js';
import { type RequestLimits, smallRequest } from '../requests/small-request.js';
import { linkedPage } from './linked-page.js';

/** Pages of one list. A registry may send a few entries a page, or lead in a circle. */
const PAGES_MAX = 100;
/** Entries of one list. All accounts with push rights may add some. */
const REFERRERS_MAX = 10_000;
/** Characters of a fallback tag's parts. distribution-spec, "Referrers Tag Schema". */
const ALGORITHM_LENGTH_MAX = 32;
const HEX_LENGTH_MAX = 64;

export interface ReferrersParts extends RequestLimits {
  endpoint: Endpoint;
  toRegistry: Exchange; // of the repository
}

export interface ReferrersQuery {
  registry: string;
  repository: string;
  subject: Digest;
  artifactType?: string | undefined; // default: all
}

/**
 * Lists the artifacts that refer to a manifest (distribution-spec, "Listing Referrers").
 * The registry may ignore the filter, so entries are filtered here.
 * @returns undefined if the registry has no referrers API: the fallback tag counts then
 * @throws RegistryFault network codes
 */
export async function listReferrers(
  parts: ReferrersParts,
  query: ReferrersQuery,
  signal?: AbortSignal,
): Promise<Descriptor[] | undefined> {
  const { registry, repository, subject, artifactType } = query;
  const doing = `listing referrers of ${registry}/${repository}@${shortDigest(subject)}`;
  const filter = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
  const first = `/v2/${repository}/referrers/${subject}${filter}`;
  const found: Descriptor[] = [];
  const asked = new Set<string>();
  let next: URL | undefined = new URL(first, parts.endpoint.origin);
  while (next && !asked.has(next.href) && asked.size < PAGES_MAX && found.length < REFERRERS_MAX) {
    const url: URL = next;
    asked.add(url.href);
    const page = await smallRequest(parts, doing, signal, (within) => readPage(parts, url, doing, within));
    if (!page) return asked.size === 1 ? undefined : found;
    found.push(...page.entries.slice(0, REFERRERS_MAX - found.length));
    next = page.next;
  }
  return artifactType === undefined ? found : found.filter((entry) => entry.artifactType === artifactType);
}

/** Returns the tag of a subject's list in registries without a referrers API. */
export function fallbackTag(subject: Digest): string {
  const algorithm = digestAlgorithm(subject).slice(0, ALGORITHM_LENGTH_MAX);
  return `${algorithm}-${digestHex(subject).slice(0, HEX_LENGTH_MAX)}`;
}

interface Page {
  entries: Descriptor[];
  next: URL | undefined;
}

/** @returns undefined if the answer is no list */
async function readPage(
  { toRegistry, endpoint }: ReferrersParts,
  url: URL,
  doing: string,
  signal: AbortSignal,
): Promise<Page | undefined> {
  const answer = await ask(toRegistry, url, signal);
  if (!answer) return undefined;
  if (answer.status !== 200) {
    const fault = await answerFault(answer, doing, '200');
    if (fault.advice === 'backoff') throw fault;
    return undefined;
  }
  const { bytes: sent, complete } = await answer.body.collect(MANIFEST_SIZE_MAX);
  if (!complete) return undefined;
  const { bytes } = await decodedBody(sent, answer, isJson, MANIFEST_SIZE_MAX);
  const contentType = headerOf(answer, 'content-type');
  try {
    const list = parseManifest(bytes, doing, { contentType });
    return list.kind === 'index' ? { entries: list.manifests, next: nextPage(answer, endpoint) } : undefined;
  } catch {
    return undefined; // a page of something else
  }
}

/** @returns undefined if the registry refuses: it may protect paths that it does not know */
async function ask(toRegistry: Exchange, url: URL, signal: AbortSignal): Promise<HttpAnswer | undefined> {
  try {
    const headers = { accept: MEDIA_TYPES.ociIndex };
    return await toRegistry({ method: 'GET', url, headers }, signal);
  } catch (error) {
    if (error instanceof LayerslayerError && error.code === 'UNAUTHORIZED') return undefined;
    throw error;
  }
}

/** Returns the next page, if the registry itself has it. */
function nextPage(answer: HttpAnswer, endpoint: Endpoint): URL | undefined {
  const url = linkedPage(answer);
  return url && (url.host === endpoint.host || endpoint.serves(url)) ? url : undefined;
}
