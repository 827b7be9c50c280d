import { oneLine } from '../../base/text/one-line.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { type Digest, digestOf, isDigest, shortDigest } from '../../oci/digest.js';
import { MANIFEST_SIZE_MAX } from '../../oci/manifest.js';
import { baseMediaType } from '../../oci/media-type.js';
import { codedLimit, decodedBody, isJson } from '../http/content-coding.js';
import { contentLengthOf, type HttpAnswer, headerOf } from '../http/http-exchange.js';
import { RegistryFault } from '../requests/registry-fault.js';

/** A manifest as received, its digest checked. */
export interface FetchedManifest {
  digest: Digest;
  bytes: Uint8Array;
  contentType: string | undefined; // undefined: cached by an earlier run
}

/** Types that state no content. Old registries and storage send them for anything. */
const VAGUE_TYPES = /^(|text\/plain|application\/octet-stream|binary\/octet-stream|.*[/+](json|prettyjws))$/;

/**
 * Reads the manifest in an answer with status 200.
 * @param doing names the operation in messages
 * @param asked digest or tag of the request
 * @throws RegistryFault DIGEST_MISMATCH, UNSUPPORTED (too large), REGISTRY_UNAVAILABLE (a page)
 */
export async function readManifest(
  answer: HttpAnswer,
  doing: string,
  asked: string,
): Promise<FetchedManifest> {
  if (!VAGUE_TYPES.test(typeOf(answer))) throw pageFault(answer, doing, 'a manifest');
  const body = await collectBody(answer, codedLimit(answer, MANIFEST_SIZE_MAX));
  if (!body) throw tooLarge(doing, contentLengthOf(answer), MANIFEST_SIZE_MAX);
  const { host } = answer.url;
  // For a request by digest, the header is one more check.
  const digests = [asked, headerOf(answer, 'docker-content-digest')].filter((text) => isDigest(text));
  const wanted = digests[0];
  const isRight = wanted ? hasDigest(wanted) : isJson;
  const { bytes, note } = await decodedBody(body, answer, isRight, MANIFEST_SIZE_MAX);
  if (note !== '' && !wanted && !isJson(bytes)) {
    const message = `${doing}: got bytes that are not JSON from ${host}, want a manifest${note}`;
    throw new RegistryFault('REGISTRY_UNAVAILABLE', message, 'never');
  }
  for (const digest of digests) checkDigest(bytes, digest, { doing, host, note });
  return { digest: digestOf(bytes, wanted), bytes, contentType: headerOf(answer, 'content-type') };
}

/**
 * Reads the config in an answer with status 200.
 * @throws RegistryFault DIGEST_MISMATCH, REGISTRY_UNAVAILABLE (a page)
 */
export async function readConfig(
  answer: HttpAnswer,
  doing: string,
  { digest, size }: Descriptor,
): Promise<Uint8Array> {
  // Storage sends any type. HTML of another size than the config's is a page.
  const isPage = /\bhtml\b/.test(typeOf(answer)) && contentLengthOf(answer) !== size;
  if (isPage) throw pageFault(answer, doing, 'a config');
  const { host } = answer.url;
  const body = await collectBody(answer, codedLimit(answer, size));
  if (!body) {
    const message = `${doing}: got more than the ${size} bytes of its descriptor from ${host}`;
    throw new RegistryFault('DIGEST_MISMATCH', message, 'once');
  }
  const { bytes, note } = await decodedBody(body, answer, hasDigest(digest), size);
  checkDigest(bytes, digest, { doing, host, note });
  return bytes;
}

export function tooLarge(doing: string, size: number | undefined, limit: number): RegistryFault {
  const got = size === undefined ? 'more' : `${size} bytes`;
  return new RegistryFault('UNSUPPORTED', `${doing}: got ${got}, the limit is ${limit} bytes`, 'never');
}

function typeOf(answer: HttpAnswer): string {
  return baseMediaType(headerOf(answer, 'content-type'));
}

/** A login page or a proxy's error may have status 200. @param wanted as `a manifest` */
function pageFault(answer: HttpAnswer, doing: string, wanted: string): RegistryFault {
  answer.body.discard();
  const got = `${oneLine(typeOf(answer))} from ${answer.url.host}`;
  const message = `${doing}: got ${got}, want ${wanted} (does something else answer there?)`;
  return new RegistryFault('REGISTRY_UNAVAILABLE', message, 'never');
}

/** Returns undefined for more than `limit` bytes. */
async function collectBody(answer: HttpAnswer, limit: number): Promise<Uint8Array | undefined> {
  if ((contentLengthOf(answer) ?? 0) > limit) {
    answer.body.cancel();
    return undefined;
  }
  const { bytes, complete } = await answer.body.collect(limit);
  return complete ? bytes : undefined;
}

function hasDigest(digest: Digest): (bytes: Uint8Array) => boolean {
  return (bytes) => digestOf(bytes, digest) === digest;
}

function checkDigest(
  bytes: Uint8Array,
  wanted: Digest,
  { doing, host, note }: { doing: string; host: string; note: string },
): void {
  const found = digestOf(bytes, wanted);
  if (found === wanted) return;
  const message = `${doing}: got ${shortDigest(found)} from ${host}, want ${shortDigest(wanted)}${note}`;
  throw new RegistryFault('DIGEST_MISMATCH', message, 'once');
}
