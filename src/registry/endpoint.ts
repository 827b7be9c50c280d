import type { Exchange, HttpAnswer, HttpRequest } from './http/http-exchange.js';
import { isNotHttp } from './http/response-head.js';
import { addressKind } from './http/target-policy.js';
import { connectionCode, RegistryFault } from './registry-fault.js';

const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_HOST = 'registry-1.docker.io';

/** A registry's address. Its scheme is known after its first response. */
export class Endpoint {
  readonly host: string; // host, with the port if one was given
  readonly hostname: string; // without port; IPv6 in brackets
  #candidates: readonly string[]; // origins, the more likely first

  /** @param registry as in a reference: `docker.io`, `localhost:5000` */
  constructor(
    readonly registry: string,
    insecure: boolean,
  ) {
    this.host = registry === DOCKER_HUB ? DOCKER_HUB_HOST : registry.toLowerCase();
    const secure = new URL(`https://${this.host}`);
    const plain = new URL(`http://${this.host}`);
    this.hostname = secure.hostname;
    const loopback = addressKind(secure.hostname) === 'loopback';
    // Loopback traffic cannot be observed, and nearly all registries there speak plain HTTP. TLS
    // first would cost each start a refused handshake. The first request never has credentials.
    if (loopback && !insecure) this.#candidates = [plain.origin, secure.origin];
    else this.#candidates = insecure ? [secure.origin, plain.origin] : [secure.origin];
  }

  /** The origin that answered, or that is tried first: `https://host:port`. */
  get origin(): string {
    return this.#candidates[0]!;
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
      let doubtful: HttpAnswer | undefined;
      let first: unknown;
      let last: unknown;
      for (const origin of this.#candidates) {
        const isLast = origin === this.#candidates.at(-1);
        try {
          const answer = await exchange({ ...request, url: onOrigin(request.url, origin) }, signal);
          const wrong = saysWrongScheme(answer, origin);
          if (wrong && !isLast) {
            doubtful = answer;
            continue;
          }
          if (wrong && first !== undefined) {
            // It speaks TLS, so report why that failed.
            answer.body.discard();
            throw first;
          }
          doubtful?.body.discard();
          this.#candidates = [origin];
          return answer;
        } catch (error) {
          // The server speaks TLS: report its error, not that of plain HTTP.
          first = first === undefined || speaksTls(error, origin) ? error : first;
          last = error;
          if (signal.aborted || !isWrongScheme(error)) {
            doubtful?.body.discard();
            throw error;
          }
        }
      }
      // The other scheme has no server, so the doubtful response was the registry's own.
      if (doubtful) return doubtful;
      // The last error is more specific if it resolved the name, or used a proxy that does.
      throw isUnknownName(first) ? last : first;
    };
  }

  /** Returns a request for `path` below the registry. */
  request(method: HttpRequest['method'], path: string, headers: Record<string, string>): HttpRequest {
    return { method, url: new URL(path, this.origin), headers };
  }
}

function onOrigin(url: URL, origin: string): URL {
  return new URL(url.pathname + url.search, origin);
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
  if (!(error instanceof RegistryFault)) return false;
  const { cause } = error.detail;
  return WRONG_SCHEME_CODE.test(connectionCode(cause) ?? '') || isNotHttp(cause) || isUnknownName(error);
}

const WRONG_SCHEME_CODE =
  /^(EPROTO|ERR_SSL_|ECONNRESET|ECONNREFUSED|EPIPE|UND_ERR_SOCKET|UND_ERR_CONNECT_TIMEOUT|PROXY_)/;

function isUnknownName(error: unknown): boolean {
  return (
    error instanceof RegistryFault && /^(ENOTFOUND|EAI_AGAIN)$/.test(connectionCode(error.detail.cause) ?? '')
  );
}

/**
 * Returns whether the handshake succeeded or ended with an alert: then it is not a plain server.
 */
function speaksTls(error: unknown, origin: string): boolean {
  const cause = error instanceof RegistryFault ? error.detail.cause : undefined;
  const code = connectionCode(cause) ?? '';
  const isPlain = /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/.test(code);
  return (
    origin.startsWith('https:') && !isPlain && (/^(ERR_SSL_|UND_ERR_SOCKET)/.test(code) || isNotHttp(cause))
  );
}
