import type { HttpAnswer } from '../http/http-exchange.js';

/** Shorter ones are left alone: replacing every `a` of a text would hide what happened and protect nothing. */
const SHORTEST_SECRET = 4; // characters

/** What signatures and tokens look like in a query. */
const SIGNATURE = /^[\w+/=.~-]{16,}$/;

/**
 * Returns the text of an answer without the secrets of its request: servers repeat what they refuse, and the credentials of
 * docker's files, of helpers and of token services are known nowhere else.
 */
export function withoutSentSecrets(text: string, { url, sent }: Pick<HttpAnswer, 'url' | 'sent'>): string {
  const [scheme = '', value = ''] = (sent?.headers.authorization ?? '').split(' ', 2);
  const pair = scheme === 'Basic' ? Buffer.from(value, 'base64').toString('utf8') : '';
  const password = pair.slice(pair.indexOf(':') + 1);
  const refreshToken = new URLSearchParams(sent?.body).get('refresh_token') ?? '';
  // A redirect's query is its signature; a token service's has the scope, which is no secret.
  const query = [url.search.slice(1), ...[...url.searchParams.values()].filter((one) => SIGNATURE.test(one))];
  const secrets = [value, pair, password, refreshToken, ...query]
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    // The longest first: a secret that contains another one must not be left in part.
    .sort((a, b) => b.length - a.length);
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
}
