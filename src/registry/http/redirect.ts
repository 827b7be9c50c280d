import { RegistryFault } from '../registry-fault.js';
import { type Exchange, headerOf } from './http-exchange.js';
import { checkTarget } from './target-policy.js';

const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);
/** As curl's clients and browsers of old; storage needs two or three. */
const REDIRECTS_MAX = 10;
/** Never sent on to another scheme, host or port. */
const CREDENTIAL_HEADERS = ['authorization', 'cookie', 'proxy-authorization'];

/**
 * Follows redirects of GET and HEAD. Credentials are dropped at the first change of scheme, host or
 * port, for good. So they are never sent from https to http either. The address of the sender
 * decides where a redirect may lead.
 */
export function followRedirects(exchange: Exchange): Exchange {
  return async (request, signal) => {
    let current = request;
    for (let followed = 0; ; followed++) {
      const answer = await exchange(current, signal);
      if (!REDIRECT_STATUSES.has(answer.status) || request.method === 'POST') return answer;
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

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIAL_HEADERS.includes(name)));
}
