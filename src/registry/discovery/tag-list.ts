import { unsupported } from '../../base/errors.js';
import { isJsonObject, ownField, parseJson } from '../../oci/json.js';
import { atOrigin, type Endpoint } from '../endpoint.js';
import { decodedBody, isJson } from '../http/content-coding.js';
import type { Exchange, HttpAnswer } from '../http/http-exchange.js';
import { answerFault } from '../requests/answer-fault.js';
import { RegistryFault } from '../requests/registry-fault.js';
import { type RequestLimits, smallRequest } from '../requests/small-request.js';
import { linkedPage } from './linked-page.js';

/** Tags of a page that we ask for. Most registries send at most 1,000, others a hundred. */
const SIZED = '?n=1000';
/** Bytes of a page. A registry without pages sends all tags at once: 100,000 take 3 MB. */
const PAGE_SIZE_MAX = 16 * 1024 * 1024;

/** A page of a repository's tags. */
export interface TagPage {
  tags: string[]; // unchecked: a registry may send any text
  next?: string | undefined; // URL of the next page, at the registry itself
}

export interface TagListParts extends RequestLimits {
  registry: string;
  endpoint: Endpoint;
  toRegistry: Exchange; // of the repository
}

/**
 * Returns a page of a repository's tags (distribution-spec, "Listing Tags").
 * @param next of the page before; undefined: the first page
 * @throws LayerslayerError NOT_FOUND; UNSUPPORTED if the registry lists no tags; network codes
 */
export async function readTagPage(
  parts: TagListParts,
  repository: string,
  next: string | undefined,
  signal?: AbortSignal,
): Promise<TagPage> {
  const doing = `listing tags of ${parts.registry}/${repository}`;
  const read = (url: URL) =>
    smallRequest(parts, doing, signal, (within) => readPage(parts, url, doing, within));
  if (next !== undefined) return (await read(new URL(next)))!;
  const path = new URL(`/v2/${repository}/tags/list`, parts.endpoint.origin);
  // Some registries refuse this page size.
  return (await read(new URL(SIZED, path))) ?? (await read(path))!;
}

/** @returns undefined if the registry refuses the page size */
async function readPage(
  { endpoint, toRegistry }: TagListParts,
  url: URL,
  doing: string,
  signal: AbortSignal,
): Promise<TagPage | undefined> {
  const answer = await toRegistry({ method: 'GET', url, headers: { accept: 'application/json' } }, signal);
  if (answer.status === 400 && url.search === SIZED) {
    answer.body.discard();
    return undefined;
  }
  if (answer.status !== 200) throw await listFault(answer, doing);
  const { bytes: sent, complete } = await answer.body.collect(PAGE_SIZE_MAX);
  if (!complete) throw unsupported(`${doing}: got more than the limit of ${PAGE_SIZE_MAX} bytes for a page`);
  const { bytes } = await decodedBody(sent, answer, isJson, PAGE_SIZE_MAX);
  const tags = tagsIn(bytes, doing);
  if (!tags) {
    const message = `${doing}: got no list of tags from ${answer.url.host} (does something else answer there?)`;
    throw new RegistryFault('REGISTRY_UNAVAILABLE', message, 'never');
  }
  return { tags, next: nextPage(answer, endpoint) };
}

/** @returns undefined if the body is no list of tags */
function tagsIn(bytes: Uint8Array, doing: string): string[] | undefined {
  if (!isJson(bytes)) return undefined;
  const body = parseJson(bytes, doing);
  if (!isJsonObject(body) || !Object.hasOwn(body, 'tags')) return undefined;
  const tags = ownField(body, 'tags') ?? []; // null: a repository without tags
  return Array.isArray(tags) && tags.every((tag) => typeof tag === 'string') ? tags : undefined;
}

/** Registries without this list answer 404 too, with another code. */
async function listFault(answer: HttpAnswer, doing: string): Promise<RegistryFault> {
  const fault = await answerFault(answer, doing, '200');
  const isMissing = answer.status === 405 || answer.status === 501;
  if (!isMissing && !fault.message.includes(': UNSUPPORTED')) return fault;
  return new RegistryFault('UNSUPPORTED', `${fault.message}; this registry lists no tags`, 'never');
}

/**
 * Returns the next page. The host of a Link does not count: behind a proxy, some registries name
 * an address of their own network, and credentials go to the registry only.
 */
function nextPage(answer: HttpAnswer, { origin }: Endpoint): string | undefined {
  const url = linkedPage(answer);
  return url && atOrigin(origin, url).href;
}
