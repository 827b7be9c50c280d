import type { Digest } from '../../oci/digest.js';
import type { Endpoint } from '../endpoint.js';
import { type HttpAnswer, type HttpRequest, headerOf } from '../http/http-exchange.js';
import { checkTarget } from '../http/target-policy.js';
import { RegistryFault } from '../requests/registry-fault.js';

/** Where an upload session takes its next request. */
export interface UploadLocation extends Pick<HttpRequest, 'url' | 'senderNearby'> {
  isRegistry: boolean; // false: another host, which must not see credentials
}

/**
 * Returns the location in an answer (distribution-spec, "Pushing blobs"): relative or absolute,
 * with a query that must not change. The registry's own host counts as the registry whatever the
 * scheme: behind a proxy that ends TLS, some name `http`.
 * @param doing names the upload in messages
 * @throws RegistryFault REGISTRY_UNAVAILABLE if it is missing, or a forbidden target (rule R7)
 */
export function uploadLocation(answer: HttpAnswer, endpoint: Endpoint, doing: string): UploadLocation {
  const text = headerOf(answer, 'location');
  const from = answer.url.host;
  if (text === undefined || !URL.canParse(text, answer.url.href)) {
    const message = `${doing}: got no valid Location from ${from}`;
    throw new RegistryFault('REGISTRY_UNAVAILABLE', message, 'never');
  }
  const url = new URL(text, answer.url);
  url.hash = '';
  if (url.host === endpoint.host || endpoint.serves(url)) {
    url.username = '';
    url.password = '';
    return { url, isRegistry: true };
  }
  checkTarget(url, `upload location of ${from}`, answer.nearby);
  return { url, isRegistry: false, senderNearby: answer.nearby };
}

/** Returns the URL that ends the session. The query is extended as text: it may be signed. */
export function finalUrl({ url }: UploadLocation, digest: Digest): URL {
  const final = new URL(url);
  const separator = final.search === '' ? '?' : '&';
  final.search += `${separator}digest=${encodeURIComponent(digest)}`;
  return final;
}
