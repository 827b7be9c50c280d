import { decodedBody, isJson } from '../http/content-coding.js';
import type { Exchange, HttpAnswer, HttpRequest } from '../http/http-exchange.js';
import { checkTarget } from '../http/target-policy.js';
import { answerFault } from '../requests/answer-fault.js';
import { RegistryFault } from '../requests/registry-fault.js';
import type { Challenge } from './challenge.js';
import type { Credentials } from './docker-config.js';

/** A token of a token service (distribution: "token authentication", "OAuth2"). */
export interface RegistryToken {
  token: string;
  lifetimeMs: number; // from the time of the response
}

/** The protocol's default when `expires_in` is missing. */
const DEFAULT_LIFETIME_MS = 60_000;
/** Bytes. Tokens have a few KiB. */
const ANSWER_SIZE_MAX = 1024 * 1024;
const CLIENT_ID = 'layerslayer';

/** Statuses of a service without POST. GET takes the same parameters. */
const POST_REFUSED = new Set([400, 404, 405, 501]);

export interface TokenRequest {
  registry: URL; // the origin that sent the challenge
  challenge: Challenge;
  scopes: readonly string[];
  credentials: Credentials | undefined;
  registryNearby: boolean; // the challenge came from a loopback or private address
}

/**
 * Requests a token from the challenge's token service. Uses GET, but POST for an identity token,
 * which must not be in a URL that servers log. If POST is refused, the identity token goes by GET
 * as a password.
 * @throws RegistryFault UNAUTHORIZED if the service refuses; network codes
 */
export async function fetchToken(
  request: TokenRequest,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<RegistryToken> {
  const { credentials } = request;
  const realm = checkedRealm(request);
  let answer: HttpAnswer | undefined;
  if (credentials?.kind === 'identity') {
    answer = await exchange(postRequest(realm, request, credentials.token), signal);
    if (POST_REFUSED.has(answer.status)) {
      answer.body.discard();
      answer = undefined;
    }
  }
  answer ??= await exchange(getRequest(realm, request), signal);
  if (answer.status !== 200) {
    const fault = await answerFault(answer, `asking ${realm.host} for a token`, '200');
    // A 400 for old credentials means the same as a 401.
    const refused = answer.status === 400 && credentials !== undefined;
    throw refused ? new RegistryFault('UNAUTHORIZED', fault.message, 'never', fault.detail) : fault;
  }
  return parseToken(answer, realm, signal);
}

function checkedRealm({ challenge, registry, credentials, registryNearby }: TokenRequest): URL {
  const text = challenge.params.get('realm');
  if (text === undefined || !URL.canParse(text)) {
    throw new RegistryFault('UNAUTHORIZED', `${registry.host} names no valid token realm`, 'never');
  }
  const realm = new URL(text);
  if (realm.origin !== registry.origin) checkTarget(realm, `token realm of ${registry.host}`, registryNearby);
  if (credentials && registry.protocol === 'https:' && realm.protocol !== 'https:') {
    const message = `${registry.host} wants credentials sent to ${realm.host} without TLS: refused`;
    throw new RegistryFault('UNAUTHORIZED', message, 'never');
  }
  return realm;
}

function getRequest(realm: URL, request: TokenRequest): HttpRequest {
  const { challenge, scopes, credentials, registryNearby } = request;
  const url = new URL(realm);
  const service = challenge.params.get('service');
  if (service !== undefined) url.searchParams.set('service', service);
  for (const one of scopes) url.searchParams.append('scope', one);
  if (credentials?.kind === 'basic') url.searchParams.set('account', credentials.username);
  const added = credentials && { authorization: authorizationOf(credentials) };
  const headers = { accept: 'application/json', ...added };
  return { method: 'GET', url, headers, senderNearby: registryNearby };
}

/** Returns the Authorization header of credentials. */
export function authorizationOf(credentials: Credentials): string {
  if (credentials.kind === 'bearer') return `Bearer ${credentials.token}`;
  const password = credentials.kind === 'basic' ? credentials.password : credentials.token;
  return `Basic ${Buffer.from(`${credentials.username}:${password}`, 'utf8').toString('base64')}`;
}

function postRequest(realm: URL, request: TokenRequest, refreshToken: string): HttpRequest {
  const { challenge, scopes, registryNearby } = request;
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: CLIENT_ID,
    service: challenge.params.get('service') ?? '',
    scope: scopes.join(' '),
  });
  const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', url: realm, headers, body: form.toString(), senderNearby: registryNearby };
}

async function parseToken(answer: HttpAnswer, realm: URL, signal: AbortSignal): Promise<RegistryToken> {
  const { bytes: sent } = await answer.body.collect(ANSWER_SIZE_MAX);
  signal.throwIfAborted();
  const { bytes, note } = await decodedBody(sent, answer, isJson, ANSWER_SIZE_MAX);
  const refuse = () =>
    new RegistryFault('UNAUTHORIZED', `${realm.host} answered without a token${note}`, 'never');
  let body: { token?: unknown; access_token?: unknown; expires_in?: unknown } | null;
  try {
    body = JSON.parse(Buffer.from(bytes).toString('utf8')) as typeof body;
  } catch {
    throw refuse();
  }
  const token = body?.token || body?.access_token;
  // A token goes into a header, so it must not contain characters that end the line.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw refuse();
  const seconds = body?.expires_in;
  const lifetimeMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : DEFAULT_LIFETIME_MS;
  return { token, lifetimeMs };
}
