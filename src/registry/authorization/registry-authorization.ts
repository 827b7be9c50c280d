import { SingleFlight } from '../../base/single-flight.js';
import type { Clock } from '../clock.js';
import { untilAborted, withDeadline } from '../deadline.js';
import type { Exchange } from '../http/http-exchange.js';
import { RegistryFault } from '../registry-fault.js';
import type { Notice } from '../retry.js';
import type { Authorization, Refusal } from './authorization.js';
import { type Challenge, parseChallenges } from './challenge.js';
import type { Credentials } from './credentials.js';
import { basicHeader, fetchToken } from './token-service.js';

/** A token is renewed this long before it expires, or at half its life if that is shorter. */
const RENEW_BEFORE_MS = 10_000;
/** For helpers and token service together. Requests wait for it. */
const GRANT_DEADLINE_MS = 30_000;

interface Grant {
  header: string;
  renewAtMs: number; // Infinity: basic credentials do not expire
  refusal: Refusal; // whose challenges to answer at renewal
}

export interface RegistryAuthorizationOptions {
  registry: string; // as in a reference
  exchange: Exchange; // to the token service, redirects followed
  findCredentials: (repository: string, signal: AbortSignal) => Promise<Credentials | undefined>;
  clock: Clock;
  notice: Notice;
}

/**
 * Answers a registry's challenges with credentials and tokens. Grants are cached by repository: all
 * our scopes are its pull scope. They are only sent to the registry that asked.
 */
export class RegistryAuthorization implements Authorization {
  readonly #options: RegistryAuthorizationOptions;
  readonly #grants = new Map<string, Grant>();
  readonly #renewing = new SingleFlight<string, string>();
  /** Refused headers and stored credentials: not sent again until they change. */
  readonly #refused = new Set<string>();

  constructor(options: RegistryAuthorizationOptions) {
    this.#options = options;
  }

  async header(repository: string, signal: AbortSignal): Promise<string | undefined> {
    const grant = this.#grants.get(repository);
    if (grant === undefined || this.#options.clock.now() < grant.renewAtMs) return grant?.header;
    return this.renew(repository, { ...grant.refusal, header: grant.header, earlier: 0 }, signal);
  }

  renew(repository: string, refusal: Refusal, signal: AbortSignal): Promise<string> {
    const task = () =>
      // Without the caller's signal: other callers wait for the same grant.
      withDeadline(GRANT_DEADLINE_MS, `logging in to ${this.#options.registry}`, undefined, (within) => {
        const grant = this.#grants.get(repository);
        const fresh = grant !== undefined && this.#options.clock.now() < grant.renewAtMs;
        // Another request with the same header was refused, and has renewed it meanwhile.
        if (fresh && grant.header !== refusal.header) return Promise.resolve(grant.header);
        this.#grants.delete(repository);
        return this.#grant(repository, refusal, within);
      });
    const key = `${repository} ${refusal.earlier} ${refusal.header ?? ''}`;
    return untilAborted(this.#renewing.run(key, task), signal);
  }

  /** Tries the user's credentials. If they were stored and are refused, retries once without. */
  async #grant(repository: string, refusal: Refusal, signal: AbortSignal): Promise<string> {
    const challenges = refusal.challenges.flatMap(parseChallenges);
    // Runs a stored helper again: its token may have expired.
    const found = await this.#options.findCredentials(repository, signal);
    const credentials = found && !this.#refused.has(JSON.stringify(found)) ? found : undefined;
    const anonymousBefore = credentials === undefined && refusal.earlier > 0;
    const bearer = challenges.find(({ scheme, params }) => scheme === 'bearer' && params.has('realm'));

    if (credentials?.kind === 'bearer' && !this.#refused.has(`Bearer ${credentials.token}`)) {
      const header = `Bearer ${credentials.token}`;
      if (refusal.header !== header) return this.#keep(repository, refusal, header);
      this.#refused.add(header);
    } else if (bearer && credentials && refusal.earlier > 0) {
      return this.#anonymous(repository, refusal, bearer, credentials, signal);
    }
    if (bearer && !anonymousBefore) return this.#bearer(repository, refusal, bearer, credentials, signal);
    if (challenges.some(({ scheme }) => scheme === 'basic') && credentials && credentials.kind !== 'bearer') {
      const password = credentials.kind === 'basic' ? credentials.password : credentials.token;
      const header = basicHeader(credentials.username, password);
      if (header !== refusal.header) return this.#keep(repository, refusal, header);
    }
    throw this.#unauthorized(repository, found, challenges);
  }

  async #bearer(
    repository: string,
    refusal: Refusal,
    challenge: Challenge,
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    try {
      return await this.#token(repository, refusal, challenge, credentials, signal);
    } catch (error) {
      // Without a host, the credentials were not sent, so they were not refused.
      const refused =
        error instanceof RegistryFault && error.code === 'UNAUTHORIZED' && error.detail.host !== undefined;
      if (!refused) throw error;
      if (!credentials) throw this.#unauthorized(repository, undefined, [challenge], error);
      return this.#anonymous(repository, refusal, challenge, credentials, signal, error);
    }
  }

  async #anonymous(
    repository: string,
    refusal: Refusal,
    challenge: Challenge,
    credentials: Credentials,
    signal: AbortSignal,
    cause?: unknown,
  ): Promise<string> {
    // A user that gives a name on the command line does not want anonymous access.
    if (credentials.from === '--username')
      throw this.#unauthorized(repository, credentials, [challenge], cause);
    this.#refused.add(JSON.stringify(credentials));
    const { registry, notice } = this.#options;
    notice(`${registry} refused the credentials from ${credentials.from}; trying without`);
    try {
      return await this.#token(repository, refusal, challenge, undefined, signal);
    } catch (error) {
      const refused = error instanceof RegistryFault && error.code === 'UNAUTHORIZED';
      throw refused ? this.#unauthorized(repository, credentials, [challenge], error) : error;
    }
  }

  async #token(
    repository: string,
    refusal: Refusal,
    challenge: Challenge,
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const { exchange, clock } = this.#options;
    const request = {
      registry: new URL(refusal.origin),
      challenge,
      scope: `repository:${repository}:pull`,
      credentials,
      registryNearby: refusal.nearby,
      nowMs: clock.now(),
    };
    const { token, lifetimeMs } = await fetchToken(request, exchange, signal);
    const renewAtMs = clock.now() + lifetimeMs - Math.min(RENEW_BEFORE_MS, lifetimeMs / 2);
    return this.#keep(repository, refusal, `Bearer ${token}`, renewAtMs);
  }

  #keep(repository: string, refusal: Refusal, header: string, renewAtMs = Number.POSITIVE_INFINITY): string {
    this.#grants.set(repository, { header, renewAtMs, refusal });
    return header;
  }

  #unauthorized(
    repository: string,
    credentials: Credentials | undefined,
    challenges: Challenge[],
    cause?: unknown,
  ): RegistryFault {
    const { registry } = this.#options;
    const image = `${registry}/${repository}`;
    const schemes = challenges.map(({ scheme }) => scheme).join(', ');
    const how = `log in with docker login ${registry}, or give --username and --password-stdin`;
    const isBearer = ({ scheme }: Challenge) => scheme === 'bearer';
    const asksForLogin = challenges.some(
      ({ scheme, params }) => scheme === 'basic' || (scheme === 'bearer' && params.has('realm')),
    );
    const message = credentials
      ? `${image}: ${registry} refused the credentials from ${credentials.from}`
      : asksForLogin
        ? `${image}: not found, or private: ${how}`
        : challenges.some(isBearer)
          ? `${image}: ${registry} requires a token, but its challenge has no realm`
          : `${image}: ${registry} requires an authorization scheme that is not supported (${schemes || 'none named'})`;
    return new RegistryFault('UNAUTHORIZED', message, 'never', { cause });
  }
}
