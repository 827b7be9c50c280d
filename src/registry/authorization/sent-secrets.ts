import type { HttpAnswer } from '../http/http-exchange.js';

/**
 * Characters. Shorter secrets are not replaced: replacing every `a` of a text would hide its
 * meaning and protect nothing.
 */
const SHORTEST_SECRET = 4; // characters

/** The form of signatures and tokens in a query. */
const SIGNATURE = /^[\w+/=.~-]{16,}$/;

/**
 * Returns a response's text without the secrets of its request. Servers repeat what they refuse. No
 * other code knows the credentials of docker's files, of helpers and of token services.
 */
export function withoutSentSecrets(text: string, { url, sent }: Pick<HttpAnswer, 'url' | 'sent'>): string {
  const [scheme = '', value = ''] = (sent?.headers.authorization ?? '').split(' ', 2);
  const pair = scheme === 'Basic' ? Buffer.from(value, 'base64').toString('utf8') : '';
  const password = pair.slice(pair.indexOf(':') + 1);
  const form = typeof sent?.body === 'string' ? sent.body : '';
  const refreshToken = new URLSearchParams(form).get('refresh_token') ?? '';
  // A redirect's query is its signature. A token service's has the scope, which is no secret.
  const query = [url.search.slice(1), ...[...url.searchParams.values()].filter((one) => SIGNATURE.test(one))];
  const secrets = [value, pair, password, refreshToken, ...query]
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    // The longest first, so that no part remains of a secret that contains another one.
    .sort((a, b) => b.length - a.length);
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
}
