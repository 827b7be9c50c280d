import type { Exchange, HttpAnswer } from '../http/http-exchange.js';

/** The contents of a 401. */
export interface Refusal {
  origin: string; // of the registry
  header: string | undefined; // Authorization that was refused
  challenges: string[]; // WWW-Authenticate
  nearby: boolean; // the challenge came from a loopback or private address
  earlier: number; // earlier refusals of this request, 0 for its first
}

/** Supplies the Authorization header of a registry's requests. */
export interface Authorization {
  /** Returns the header for a repository; undefined before the registry has asked for one. */
  header(repository: string, signal: AbortSignal): Promise<string | undefined>;
  /**
   * Returns another header after a 401.
   * @throws RegistryFault UNAUTHORIZED if there is nothing else to try; network codes
   */
  renew(repository: string, refusal: Refusal, signal: AbortSignal): Promise<string>;
}

/** Refusals of one request: of its token, of fresh credentials, of none (anonymous). */
const REFUSALS_MAX = 3;

/** Adds the registry's Authorization to requests. After its 401, retries with another one. */
export function authorized(exchange: Exchange, authorization: Authorization, repository: string): Exchange {
  return async (request, signal) => {
    let header = await authorization.header(repository, signal);
    for (let refusals = 0; ; refusals++) {
      const headers = header === undefined ? request.headers : { ...request.headers, authorization: header };
      const answer = await exchange({ ...request, headers }, signal);
      // Storage behind a redirect may answer 401 too, which is not about credentials.
      if (answer.status !== 401 || answer.url.origin !== request.url.origin || refusals === REFUSALS_MAX)
        return answer;
      const refusal = {
        origin: request.url.origin,
        header,
        challenges: challengesOf(answer),
        nearby: answer.nearby,
        earlier: refusals,
      };
      answer.body.discard();
      header = await authorization.renew(repository, refusal, signal);
    }
  };
}

function challengesOf(answer: HttpAnswer): string[] {
  const value = answer.headers['www-authenticate'];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
