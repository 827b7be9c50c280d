import type { Exchange, HttpAnswer } from './http/http-exchange.js';
import { isNotHttp } from './http/response-head.js';
import { addressKind } from './http/target-policy.js';
import { causeOf, connectionCode } from './requests/registry-fault.js';

const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_HOST = 'registry-1.docker.io';

/** A registry's address. Its scheme is known after its first response. */
export class Endpoint {
  readonly host: string; // host, with the port if one was given
  #candidates: readonly [string, string?]; // origins, the more likely first

  /** @param registry as in a reference: `docker.io`, `localhost:5000` */
  constructor(registry: string, insecure: boolean) {
    this.host = registry === DOCKER_HUB ? DOCKER_HUB_HOST : registry.toLowerCase();
    const secure = new URL(`https://${this.host}`);
    const plain = new URL(`http://${this.host}`);
    const loopback = addressKind(secure.hostname) === 'loopback';
    // Loopback traffic cannot be observed, and nearly all registries there speak plain HTTP. TLS
    // first would cost each start a refused handshake. The first request never has credentials.
    if (loopback && !insecure) this.#candidates = [plain.origin, secure.origin];
    else this.#candidates = insecure ? [secure.origin, plain.origin] : [secure.origin];
  }

  /** The origin that answered, or that is tried first: `https://host:port`. */
  get origin(): string {
    return this.#candidates[0];
  }

  /** Returns whether the URL is the registry's own: same scheme, host and port. */
  serves(url: URL): boolean {
    return this.#candidates.includes(url.origin);
  }

  /**
   * Returns an exchange that sends to the registry. It uses only the path of a request's `url`. The
   * first response decides the scheme.
   */
  via(exchange: Exchange): Exchange {
    return async (request, signal) => {
      const ask = (origin: string) => exchange({ ...request, url: atOrigin(origin, request.url) }, signal);
      const [likely, other] = this.#candidates;
      if (other === undefined) return ask(likely);
      let doubtful: HttpAnswer | undefined;
      let first: unknown; // error of the likely scheme
      try {
        const answer = await ask(likely);
        if (!saysWrongScheme(answer, likely)) return this.#settle(likely, answer);
        doubtful = answer;
      } catch (error) {
        if (signal.aborted || !isWrongScheme(error)) throw error;
        first = error;
      }
      try {
        const answer = await ask(other);
        // Plain HTTP that wants TLS: report why TLS failed.
        if (first !== undefined && saysWrongScheme(answer, other)) {
          answer.body.discard();
          throw first;
        }
        doubtful?.body.discard();
        return this.#settle(other, answer);
      } catch (error) {
        const isUseless = !signal.aborted && isWrongScheme(error);
        // The other scheme has no server, so the doubtful response was the registry's own.
        if (isUseless && doubtful) return doubtful;
        doubtful?.body.discard();
        // The later error is better if the server speaks TLS, or this request resolved the name.
        throw isUseless && !speaksTls(error, other) && !isUnknownName(first) ? first : error;
      }
    };
  }

  /** The scheme of `origin` works. */
  #settle(origin: string, answer: HttpAnswer): HttpAnswer {
    this.#candidates = [origin];
    return answer;
  }
}

/**
 * Returns the path and query of a URL at another origin. A path that starts with two slashes would
 * be another host, if it were resolved as a reference.
 */
export function atOrigin(origin: string, { pathname, search }: URL): URL {
  const url = new URL(origin);
  url.pathname = pathname;
  url.search = search;
  return url;
}

/** Go, nginx and others answer plain HTTP on a TLS port with 400; registries never do. */
function saysWrongScheme(answer: HttpAnswer, origin: string): boolean {
  return answer.status === 400 && origin.startsWith('http:');
}

/**
 * Errors of a TLS handshake with a plain server, a plain request to a TLS server, a closed port, or
 * a proxy that refuses a tunnel. An unknown name counts too: a proxy may resolve it, and only one
 * scheme may have a proxy.
 */
function isWrongScheme(error: unknown): boolean {
  return WRONG_SCHEME_CODE.test(codeOf(error)) || isNotHttp(causeOf(error)) || isUnknownName(error);
}

const WRONG_SCHEME_CODE =
  /^(EPROTO|ERR_SSL_|ECONNRESET|ECONNREFUSED|EPIPE|UND_ERR_SOCKET|UND_ERR_CONNECT_TIMEOUT|PROXY_)/;

function isUnknownName(error: unknown): boolean {
  return /^(ENOTFOUND|EAI_AGAIN)$/.test(codeOf(error));
}

/** Returns whether the handshake succeeded or ended with an alert: a plain server does neither. */
function speaksTls(error: unknown, origin: string): boolean {
  const code = codeOf(error);
  const isPlain = /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/.test(code);
  const isSecure = /^(ERR_SSL_|UND_ERR_SOCKET)/.test(code) || isNotHttp(causeOf(error));
  return origin.startsWith('https:') && !isPlain && isSecure;
}

function codeOf(error: unknown): string {
  return connectionCode(causeOf(error)) ?? '';
}
