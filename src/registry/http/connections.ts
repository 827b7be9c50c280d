import { LayerslayerError } from '../../base/errors.js';
import type { Endpoint } from '../endpoint.js';
import {
  causeOf,
  connectionCode,
  connectionFault,
  placeOf,
  RegistryFault,
} from '../requests/registry-fault.js';
import type { HttpAnswer, HttpRequest, UploadBody } from './http-exchange.js';
import { proxyUnauthorized } from './proxy-tunnel.js';
import { ResponseBody } from './response-body.js';
import { isStrictParserError } from './response-head.js';
import { Route } from './route.js';
import { StallTimer } from './stall-timer.js';
import { type AddressKind, addressKind, checkAddress, isNearby, type Namer } from './target-policy.js';
import type { AnswerHandler } from './wire.js';

/** Origins with sockets at a time: the registry, its token service, its storage's hosts. */
const ORIGINS_MAX = 16;
/** Addresses whose kind is cached. */
const KINDS_MAX = 64;
/** Registries hash and store an upload before they answer, so its stall time is a multiple. */
const UPLOAD_PATIENCE = 3;
/** Requests to an origin without undici's parser, after it rejected a response of that origin. */
const LOOSE_REQUESTS = 100;

/** OpenSSL's verification results and Node's own, as error codes. */
const CERTIFICATE_CODE =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|INVALID_CA$|HOSTNAME_MISMATCH$)/;

export interface ConnectionsOptions {
  endpoint: Endpoint;
  insecure: boolean;
  stallMs: number; // without a byte, of headers or body
  environment: NodeJS.ProcessEnv;
  /** A client from elsewhere named the registry: it must have a public address. Default: no. */
  isNamedByClient?: boolean;
  /** Sends the registry the client certificate that certs.d has for it. Default: yes. */
  identifies?: boolean;
}

/**
 * The sockets to one registry and to the hosts it redirects to (token service, storage). undici is
 * loaded on the first request, so a mount without network use does not pay for it.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #routes = new Map<string, Promise<Route>>(); // by origin and sender, oldest first
  /** Closing: their requests under way have not ended yet. */
  readonly #old = new Set<Promise<Route>>();
  /** Node's own roots suffice for public registries. The system's bundle takes 20 ms (measured). */
  #wholeTrust = false;
  /** By address: classifying one takes 10 to 30 µs (measured), for each request. */
  readonly #kinds = new Map<string, AddressKind>();
  /** Number of requests to an origin still parsed loosely. */
  readonly #loose = new Map<string, number>();
  #closed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** An `Exchange`: one request on one socket, no redirects, no retries. */
  readonly exchange = async (request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> => {
    for (;;) {
      const manner = { whole: this.#wholeTrust, loosely: this.#takeLoose(request.url.origin) };
      try {
        return await this.#dispatch(request, signal, manner.loosely);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (this.#closed) throw closed();
        // Each setting changes at most once, so the loop ends.
        if (!this.#adapt(error, request, manner)) throw error;
      }
    }
  };

  /** @returns whether the same request may succeed with the new settings */
  #adapt(error: unknown, request: HttpRequest, manner: { whole: boolean; loosely: boolean }): boolean {
    const cause = causeOf(error);
    if (CERTIFICATE_CODE.test(connectionCode(cause) ?? '') && !manner.whole) {
      if (!this.#wholeTrust) this.renew();
      this.#wholeTrust = true;
      return true;
    }
    // A POST may have taken effect.
    if (manner.loosely || request.method === 'POST' || !isRefusedHead(cause)) return false;
    this.#loose.set(request.url.origin, LOOSE_REQUESTS);
    return true;
  }

  #takeLoose(origin: string): boolean {
    const left = this.#loose.get(origin);
    if (left === undefined) return false;
    if (left === 0) this.#loose.delete(origin);
    else this.#loose.set(origin, left - 1);
    return left > 0;
  }

  /** The next request opens a new socket; requests under way end on their old ones. */
  renew(): void {
    for (const origin of [...this.#routes.keys()]) this.#retire(origin);
  }

  /** Requests under way fail. */
  async close(): Promise<void> {
    this.#closed = true;
    const routes = [...this.#routes.values(), ...this.#old];
    this.#routes.clear();
    // One that could not be opened has nothing to end.
    await Promise.allSettled(routes.map(async (route) => (await route).destroy()));
  }

  async #dispatch(request: HttpRequest, signal: AbortSignal, loosely: boolean): Promise<HttpAnswer> {
    signal.throwIfAborted();
    if (this.#closed) throw closed();
    const { url } = request;
    const namer = this.#namerOf(request);
    // A literal address is refused before a socket is opened, a name when it is resolved.
    if (namer === 'client') checkAddress(url.hostname, this.#kindOf(url.hostname), namer);
    const route = await this.#route(url, namer);
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      let body: ResponseBody | undefined;
      let abort: ((reason: Error) => void) | undefined;
      let nearby = false;
      const upload = typeof request.body === 'object' ? request.body : undefined;
      const stallMs = this.#options.stallMs * (upload ? UPLOAD_PATIENCE : 1);
      const proxy = route.proxy?.name;
      const stall = new StallTimer(stallMs, () => abort?.(stalled(url, stallMs, proxy)));
      const sent = upload ? { ...request, body: observed(upload, () => stall.touch()) } : request;
      const release = () => {
        stall.stop();
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        abort?.(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const handler: AnswerHandler = {
        onRequestStart: (control, { remoteAddress }) => {
          abort = (reason) => control.abort(reason);
          if (signal.aborted) return onAbort();
          // A proxy's address does not identify the server behind it.
          const kind = this.#kindOf(route.proxy ? url.hostname : (remoteAddress ?? url.hostname));
          nearby = isNearby(kind);
          try {
            if (namer !== undefined) checkAddress(url.hostname, kind, namer);
          } catch (fault) {
            return control.abort(fault as Error);
          }
          stall.start();
        },
        onResponseStart: (control, status, headers) => {
          if (status < 200) return;
          if (status === 407 && route.proxy && route.throughPlainProxy) {
            control.abort(proxyUnauthorized(route.proxy));
            return;
          }
          body = new ResponseBody(control, stall);
          const sender = { senderNearby: request.senderNearby, sent: request, proxy };
          resolve({ status, headers, url, body, nearby, ...sender });
        },
        onResponseData: (_control, chunk) => body?.onData(chunk),
        onResponseEnd: () => {
          release();
          body?.onEnd();
        },
        onResponseError: (_control, error) => {
          release();
          const fault = connectionFault(error, url, proxy);
          if (!body) {
            reject(fault);
            return;
          }
          // Invalid chunks: the next try parses them loosely.
          if (isStrictParserError(error)) this.#loose.set(url.origin, LOOSE_REQUESTS);
          if (signal.aborted) body.onError(signal.reason);
          else body.onError(this.#closed ? closed() : fault);
        },
      };
      route.dispatch(sent, handler, loosely);
    });
  }

  #kindOf(host: string): AddressKind {
    const known = this.#kinds.get(host);
    if (known !== undefined) return known;
    if (this.#kinds.size >= KINDS_MAX) this.#kinds.clear();
    const kind = addressKind(host);
    this.#kinds.set(host, kind);
    return kind;
  }

  /** Returns undefined if the user named the host. Another host without a sender must be public. */
  #namerOf({ url, senderNearby }: HttpRequest): Namer | undefined {
    const { endpoint, isNamedByClient } = this.#options;
    if (!endpoint.serves(url)) return senderNearby ?? false;
    return isNamedByClient ? 'client' : senderNearby;
  }

  #route(url: URL, namer: Namer | undefined): Promise<Route> {
    const { endpoint, insecure, environment, isNamedByClient, identifies = true } = this.#options;
    // The registry's own sockets serve all its requests, and each request checks its socket's
    // address.
    const atHome = endpoint.serves(url);
    const key = atHome ? url.origin : `${url.origin} ${namer}`;
    const known = this.#routes.get(key);
    if (known) return known;
    const oldest = this.#routes.keys().next();
    if (this.#routes.size >= ORIGINS_MAX && !oldest.done) this.#retire(oldest.value);
    const opening = Route.open(url, {
      environment,
      host: atHome ? endpoint.host : undefined,
      wholeTrust: this.#wholeTrust,
      insecure,
      identifies,
      namer: atHome && !isNamedByClient ? undefined : namer,
    });
    this.#routes.set(key, opening);
    // Do not cache a failure, such as an unreadable CA: the next request retries.
    opening.catch(() => this.#routes.delete(key));
    return opening;
  }

  /** Lets current requests finish; new ones open new sockets. */
  #retire(key: string): void {
    const route = this.#routes.get(key);
    if (!route) return;
    this.#routes.delete(key);
    this.#old.add(route);
    void route
      .then((opened) => opened.close())
      .catch(() => {})
      .finally(() => this.#old.delete(route));
  }
}

/**
 * Returns whether undici's parser rejected a response before its body. It reports two lengths, or a
 * length with chunked encoding, as a body that does not match the length. It reports 100 Continue
 * as `bad response`.
 */
function isRefusedHead(error: unknown): boolean {
  const code = connectionCode(error);
  if (code === 'UND_ERR_SOCKET') return (error as Error).message === 'bad response';
  return isStrictParserError(error) || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}

function stalled(url: URL, ms: number, proxy: string | undefined): RegistryFault {
  const message = `${placeOf(url, proxy)}: no byte for ${ms / 1000} s`;
  return new RegistryFault('TIMED_OUT', message, 'backoff');
}

/** Returns the body. `onChunk` is called when the connection wants more of it. */
function observed(body: UploadBody, onChunk: () => void): UploadBody {
  return {
    length: body.length,
    async *chunks() {
      for await (const chunk of body.chunks()) {
        onChunk();
        yield chunk;
      }
      onChunk();
    },
  };
}

function closed(): LayerslayerError {
  return new LayerslayerError('ABORTED', 'the registry was closed');
}
