import { abortable } from '../../base/tasks/abortable.js';
import { withDeadline } from '../../base/tasks/deadline.js';
import { SingleFlight } from '../../base/tasks/single-flight.js';
import type { Exchange } from '../http/http-exchange.js';
import type { Clock } from '../requests/clock.js';
import { RegistryFault } from '../requests/registry-fault.js';
import { type Challenge, parseChallenges } from './challenge.js';
import { type CredentialsOptions, findCredentials, mayUseStored } from './credentials.js';
import type { Credentials } from './docker-config.js';
import { type Access, scopeOf, wantedScopes } from './scope.js';
import { authorizationOf, fetchToken } from './token-service.js';

/** A token is renewed this long before it expires, or at half its life if that is shorter. */
const RENEW_BEFORE_MS = 10_000;
/** For helpers and token service together. Requests wait for it. */
const GRANT_DEADLINE_MS = 30_000;
/** Refusals of one request: of its token, of fresh credentials, of none (anonymous). */
const REFUSALS_MAX = 3;

/** The contents of a 401. */
interface Refusal {
  origin: string; // of the registry
  header: string | undefined; // Authorization that was refused
  challenges: string[]; // WWW-Authenticate
  nearby: boolean; // the challenge came from a loopback or private address
  earlier: number; // earlier refusals of this request, 0 for its first
}

interface Grant {
  header: string;
  renewAtMs: number; // Infinity: basic credentials do not expire
  refusal: Refusal; // whose challenges to answer at renewal
}

/** A login by one of a refusal's challenges. */
interface Login {
  access: Access;
  refusal: Refusal;
  challenge: Challenge;
  signal: AbortSignal;
}

export interface RegistryAuthorizationOptions {
  registry: string; // as in a reference
  exchange: Exchange; // with redirects, to the registry and its token service
  clock: Clock;
  login: CredentialsOptions;
}

/**
 * The one owner of a registry's Authorization headers. Answers its challenges with credentials and
 * tokens, and caches grants by scope. They are only sent to the registry that asked.
 */
export class RegistryAuthorization {
  readonly #options: RegistryAuthorizationOptions;
  readonly #grants = new Map<string, Grant>();
  readonly #renewing = new SingleFlight<string, string>();
  /** Refused headers and stored credentials, by action: not sent again until they change. */
  readonly #refused = new Set<string>();

  constructor(options: RegistryAuthorizationOptions) {
    this.#options = options;
  }

  /**
   * Returns an exchange that adds the registry's Authorization to requests that need the access.
   * After a 401, it retries with another one.
   */
  exchangeFor(access: Access): Exchange {
    return async (request, signal) => {
      const { origin } = request.url;
      let header = await this.#header(access, signal);
      for (let earlier = 0; ; earlier++) {
        const added = header === undefined ? {} : { authorization: header };
        const headers = { ...request.headers, ...added };
        const answer = await this.#options.exchange({ ...request, headers }, signal);
        // Storage behind a redirect may answer 401 too, which is not about credentials.
        const isRefused = answer.status === 401 && answer.url.origin === origin;
        if (!isRefused || earlier === REFUSALS_MAX) return answer;
        answer.body.discard();
        const { nearby } = answer;
        const challenges = [answer.headers['www-authenticate'] ?? []].flat();
        header = await this.#renew(access, { origin, header, challenges, nearby, earlier }, signal);
      }
    };
  }

  /** Returns undefined before the registry has asked for an Authorization. */
  async #header(access: Access, signal: AbortSignal): Promise<string | undefined> {
    const grant = this.#grants.get(scopeOf(access));
    if (grant === undefined || this.#isFresh(grant)) return grant?.header;
    return this.#renew(access, { ...grant.refusal, header: grant.header, earlier: 0 }, signal);
  }

  #renew(access: Access, refusal: Refusal, signal: AbortSignal): Promise<string> {
    const scope = scopeOf(access);
    const task = () =>
      // Without the caller's signal: other callers wait for the same grant.
      withDeadline(GRANT_DEADLINE_MS, `logging in to ${this.#options.registry}`, undefined, (within) => {
        const grant = this.#grants.get(scope);
        // Another request with the same header was refused, and has renewed it meanwhile.
        if (grant && this.#isFresh(grant) && grant.header !== refusal.header) {
          return Promise.resolve(grant.header);
        }
        this.#grants.delete(scope);
        return this.#grant(access, refusal, within);
      });
    const key = `${scope} ${refusal.earlier} ${refusal.header ?? ''}`;
    return abortable(this.#renewing.run(key, task), signal);
  }

  #isFresh(grant: Grant): boolean {
    return this.#options.clock.now() < grant.renewAtMs;
  }

  /** Tries the user's credentials. If they were stored and are refused, retries once without. */
  async #grant(access: Access, refusal: Refusal, signal: AbortSignal): Promise<string> {
    const challenges = refusal.challenges.flatMap(parseChallenges);
    const { registry, login: options } = this.#options;
    // Runs a stored helper again: its token may have expired.
    const found = await findCredentials(registry, access.repository, options, signal);
    const credentials = found && !this.#isRefused(access, JSON.stringify(found)) ? found : undefined;
    const challenge = challenges.find(isForToken);
    const login = challenge && { access, refusal, challenge, signal };

    if (credentials?.kind === 'bearer' && !this.#isRefused(access, `Bearer ${credentials.token}`)) {
      const header = `Bearer ${credentials.token}`;
      if (refusal.header !== header) return this.#keep(access, refusal, header);
      this.#refuse(access, header);
    } else if (login && credentials && refusal.earlier > 0) {
      return this.#anonymous(login, credentials);
    }
    if (login && (credentials || refusal.earlier === 0)) return this.#bearer(login, credentials);
    if (challenges.some(({ scheme }) => scheme === 'basic') && credentials && credentials.kind !== 'bearer') {
      const header = authorizationOf(credentials);
      if (header !== refusal.header) return this.#keep(access, refusal, header);
    }
    throw this.#unauthorized(access, found, challenges);
  }

  async #bearer(login: Login, credentials: Credentials | undefined): Promise<string> {
    try {
      return await this.#token(login, credentials);
    } catch (error) {
      // Without a host, the credentials were not sent, so they were not refused.
      if (!isUnauthorized(error) || error.detail.host === undefined) throw error;
      if (!credentials) throw this.#unauthorized(login.access, undefined, [login.challenge], error);
      return this.#anonymous(login, credentials, error);
    }
  }

  async #anonymous(login: Login, credentials: Credentials, cause?: unknown): Promise<string> {
    const refused = (error: unknown) =>
      this.#unauthorized(login.access, credentials, [login.challenge], error);
    // A user that gives a name on the command line does not want anonymous access. And an account
    // without push rights may still read.
    if (credentials.from === '--username' || login.access.action !== 'pull') throw refused(cause);
    this.#refuse(login.access, JSON.stringify(credentials));
    const { registry, login: options } = this.#options;
    options.notice(`${registry} refused the credentials from ${credentials.from}; trying without`);
    try {
      return await this.#token(login, undefined);
    } catch (error) {
      throw isUnauthorized(error) ? refused(error) : error;
    }
  }

  async #token(login: Login, credentials: Credentials | undefined): Promise<string> {
    const { access, refusal, challenge, signal } = login;
    const { exchange, clock } = this.#options;
    const request = {
      registry: new URL(refusal.origin),
      challenge,
      scopes: wantedScopes(access, challenge.params.get('scope')),
      credentials,
      registryNearby: refusal.nearby,
    };
    const { token, lifetimeMs } = await fetchToken(request, exchange, signal);
    const renewAtMs = clock.now() + lifetimeMs - Math.min(RENEW_BEFORE_MS, lifetimeMs / 2);
    return this.#keep(access, refusal, `Bearer ${token}`, renewAtMs);
  }

  #keep(access: Access, refusal: Refusal, header: string, renewAtMs = Number.POSITIVE_INFINITY): string {
    this.#grants.set(scopeOf(access), { header, renewAtMs, refusal });
    return header;
  }

  #isRefused({ action }: Access, secret: string): boolean {
    return this.#refused.has(`${action} ${secret}`);
  }

  #refuse({ action }: Access, secret: string): void {
    this.#refused.add(`${action} ${secret}`);
  }

  #unauthorized(
    { repository }: Access,
    credentials: Credentials | undefined,
    challenges: Challenge[],
    cause?: unknown,
  ): RegistryFault {
    const { registry, login } = this.#options;
    const schemes = challenges.map(({ scheme }) => scheme);
    let why: string;
    if (credentials) why = `${registry} refused the credentials from ${credentials.from}`;
    else if (schemes.includes('basic') || challenges.some(isForToken)) {
      why = mayUseStored(login.registry, registry, repository)
        ? `not found, or private: log in with docker login ${registry}, or give --username and --password-stdin`
        : 'not found, or private';
    } else if (schemes.includes('bearer')) {
      why = `${registry} requires a token, but its challenge has no realm`;
    } else {
      const named = schemes.join(', ') || 'none named';
      why = `${registry} requires an authorization scheme that is not supported (${named})`;
    }
    return new RegistryFault('UNAUTHORIZED', `${registry}/${repository}: ${why}`, 'never', { cause });
  }
}

function isForToken({ scheme, params }: Challenge): boolean {
  return scheme === 'bearer' && params.has('realm');
}

function isUnauthorized(error: unknown): error is RegistryFault {
  return error instanceof RegistryFault && error.code === 'UNAUTHORIZED';
}
