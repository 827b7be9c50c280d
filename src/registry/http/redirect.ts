import { RegistryFault } from '../requests/registry-fault.js';
import { type Exchange, type HttpRequest, headerOf } from './http-exchange.js';
import { checkTarget } from './target-policy.js';

/** Statuses that keep the method. The others would turn an upload into a GET. */
const METHOD_KEPT = new Set([307, 308]);
const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);
/** As curl's clients and browsers of old; storage needs two or three. */
const REDIRECTS_MAX = 10;
/** Never sent on to another scheme, host or port. */
const CREDENTIAL_HEADERS = ['authorization', 'cookie', 'proxy-authorization'];

/**
 * Follows redirects of reads, and of writes if they keep the method. A token service's POST is not
 * followed: its body has a secret. Credentials are dropped at the first change of scheme, host or
 * port, for good. So they are never sent from https to http either. The address of the sender
 * decides where a redirect may lead.
 */
export function followRedirects(exchange: Exchange): Exchange {
  return async (request, signal) => {
    let current = request;
    for (let followed = 0; ; followed++) {
      const answer = await exchange(current, signal);
      if (!isFollowed(request, answer.status)) return answer;
      answer.body.discard();
      const location = headerOf(answer, 'location');
      const from = current.url.host;
      const refuse = (why: string) => new RegistryFault('REGISTRY_UNAVAILABLE', `${from}: ${why}`, 'never');
      if (location === undefined || !URL.canParse(location, current.url.href)) {
        throw refuse(`redirect ${answer.status} without a valid Location`);
      }
      if (followed === REDIRECTS_MAX) throw refuse(`more than ${REDIRECTS_MAX} redirects`);
      const url = new URL(location, current.url);
      url.hash = '';
      const stays = url.origin === current.url.origin;
      if (!stays) checkTarget(url, `redirect of ${from}`, answer.nearby);
      const headers = stays ? current.headers : withoutCredentials(current.headers);
      current = { ...current, url, headers, senderNearby: answer.nearby };
    }
  };
}

function isFollowed({ method, body }: HttpRequest, status: number): boolean {
  if (method === 'GET' || method === 'HEAD') return REDIRECT_STATUSES.has(status);
  return METHOD_KEPT.has(status) && typeof body !== 'string';
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIAL_HEADERS.includes(name)));
}
