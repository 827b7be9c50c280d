import type { LookupFunction } from 'node:net';
import { LayerslayerError } from '../base/errors.js';
import { trustContext } from './certificates.js';
import type { Endpoint } from './endpoint.js';
import type { HttpAnswer, HttpRequest } from './http-exchange.js';
import { connectionCode, connectionFault, isCertificateCode, RegistryFault } from './registry-fault.js';
import { ResponseBody } from './response-body.js';
import { StallTimer } from './stall-timer.js';
import { addressKind, isNearby, lookupTargets } from './target-policy.js';
import { type Dispatcher, openPool } from './undici-pool.js';

/** Sockets to one host at most; a further request waits. Readers, index passes and read-ahead together use fewer. */
const CONNECTIONS_MAX = 32;
/** Origins with sockets at a time: the registry, its token service, its storage's hosts. */
const ORIGINS_MAX = 16;
/** Ms for TCP and TLS; below the time that a read has, so that a second try fits. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Ms that an idle socket is kept: a burst of reads shares sockets, a NAT forgets them only after minutes. */
const KEEP_ALIVE_MS = 30_000;

export interface ConnectionsOptions {
  endpoint: Endpoint;
  insecure: boolean;
  stallMs: number; // without a byte, of headers or body
  environment: NodeJS.ProcessEnv;
}

/**
 * The sockets of one registry: to itself, and to where it sends us (token service, storage). Only the former may lie
 * in this machine or its network, unless the registry does too. undici is loaded with the first request: a mount that
 * needs no network does not pay for it.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #pools = new Map<string, Promise<Dispatcher>>(); // by origin, the oldest first
  /** Closing: their requests under way have not ended yet. */
  readonly #old = new Set<Promise<Dispatcher>>();
  /** Node's own roots suffice for public registries; the system's bundle costs 20 ms (measured): read when needed. */
  #wholeTrust = false;
  #registryNearby: boolean;
  #closed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#registryNearby = isNearby(addressKind(options.endpoint.hostname));
  }

  /** The registry's own address is loopback or private: then it may send us to such addresses. */
  get registryNearby(): boolean {
    return this.#registryNearby;
  }

  /** An `Exchange`: one request on one socket, no redirects, no retries. */
  readonly exchange = async (request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> => {
    try {
      return await this.#dispatch(request, signal);
    } catch (error) {
      const untrusted = isCertificateCode(connectionCode(error)) && !this.#wholeTrust;
      if (!untrusted) throw this.#told(error, request.url, signal);
    }
    this.#wholeTrust = true;
    this.renew();
    return this.#dispatch(request, signal).catch((error: unknown) => {
      throw this.#told(error, request.url, signal);
    });
  };

  /** The next request opens a new socket; requests under way end on their old ones. */
  renew(): void {
    for (const origin of [...this.#pools.keys()]) this.#retire(origin);
  }

  /** Requests under way fail. */
  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#pools.values(), ...this.#old];
    this.#pools.clear();
    await Promise.all(pools.map(async (pool) => (await pool).destroy()));
  }

  async #dispatch(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    signal.throwIfAborted();
    if (this.#closed) throw closed();
    const pool = await this.#pool(request.url);
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      let body: ResponseBody | undefined;
      let abort: ((reason: Error) => void) | undefined;
      const { stallMs } = this.#options;
      const stall = new StallTimer(stallMs, () => abort?.(stalled(request.url, stallMs)));
      const release = () => {
        stall.stop();
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        abort?.(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const told = (error: Error) => this.#told(error, request.url, signal);
      pool.dispatch(
        {
          origin: request.url.origin,
          path: request.url.pathname + request.url.search,
          method: request.method,
          headers: { 'accept-encoding': 'identity', 'user-agent': 'layerslayer', ...request.headers },
          body: request.body ?? null,
          headersTimeout: 0, // StallTimer's business
          bodyTimeout: 0,
          // undici closes the socket after each HEAD unless told not to; the GET that follows needs one.
          reset: false,
        },
        {
          onRequestStart(control) {
            abort = (reason) => control.abort(reason);
            if (signal.aborted) onAbort();
            else stall.start();
          },
          onResponseStart(control, status, headers) {
            if (status < 200) return;
            body = new ResponseBody(control, stall);
            resolve({ status, headers, url: request.url, body });
          },
          onResponseData(_control, chunk) {
            body?.onData(chunk);
          },
          onResponseEnd() {
            release();
            body?.onEnd();
          },
          onResponseError(_control, error) {
            release();
            if (body) body.onError(told(error));
            else reject(error);
          },
        },
      );
    });
  }

  /** The error as its reader shall see it: the caller's abort and our own end are no faults of the registry. */
  #told(error: unknown, url: URL, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    return this.#closed ? closed() : connectionFault(error, url);
  }

  #pool(url: URL): Promise<Dispatcher> {
    const { origin } = url;
    const known = this.#pools.get(origin);
    if (known) return known;
    const oldest = this.#pools.keys().next();
    if (this.#pools.size >= ORIGINS_MAX && !oldest.done) this.#retire(oldest.value);
    const opening = this.#open(url);
    this.#pools.set(origin, opening);
    // What failed (a CA that cannot be read) is tried anew by the next request.
    opening.catch(() => this.#pools.delete(origin));
    return opening;
  }

  /** Its requests under way end as they would; new ones open new sockets. */
  #retire(origin: string): void {
    const pool = this.#pools.get(origin);
    if (!pool) return;
    this.#pools.delete(origin);
    this.#old.add(pool);
    void pool
      .then((opened) => opened.close())
      .catch(() => {})
      .finally(() => this.#old.delete(pool));
  }

  async #open(url: URL): Promise<Dispatcher> {
    const { endpoint, insecure, environment } = this.#options;
    const atHome = endpoint.serves(url);
    const host = atHome ? endpoint.host : undefined;
    const trust = { host, whole: this.#wholeTrust };
    const tls = {
      ...(url.protocol === 'https:' && { secureContext: await trustContext(environment, trust) }),
      ...(insecure && { rejectUnauthorized: false }),
    };
    return openPool(url.origin, {
      connections: CONNECTIONS_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: { ...tls, timeout: CONNECT_TIMEOUT_MS, lookup: this.#lookup(atHome) },
      requestTls: tls,
      httpProxy: proxyNamed(environment, 'http_proxy'),
      httpsProxy: proxyNamed(environment, 'https_proxy'),
      noProxy: environment.no_proxy ?? environment.NO_PROXY ?? '',
    });
  }

  /** Judges addresses where they are used, so that no second resolution can slip another one in (DNS rebinding). */
  #lookup(atHome: boolean): LookupFunction {
    if (!atHome) return lookupTargets(() => this.#registryNearby);
    return lookupTargets(undefined, (addresses) => {
      this.#registryNearby = addresses.some((address) => isNearby(addressKind(address)));
    });
  }
}

/**
 * Its URL, empty when none is named. A bare `host:port` is plain HTTP, as in curl and Go.
 * @throws LayerslayerError INVALID_ARGUMENT
 */
function proxyNamed(environment: NodeJS.ProcessEnv, name: 'http_proxy' | 'https_proxy'): string {
  const text = environment[name] || environment[name.toUpperCase()] || '';
  const url = text === '' || text.includes('://') ? text : `http://${text}`;
  if (url === '' || (URL.canParse(url) && /^https?:/i.test(url))) return url;
  // Never the value: it may hold a password.
  throw new LayerslayerError('INVALID_ARGUMENT', `the proxy in ${name} is no URL with http:// or https://`);
}

function stalled({ host }: URL, ms: number): RegistryFault {
  return new RegistryFault('TIMED_OUT', `${host}: no byte for ${ms / 1000} s`, 'backoff', { host });
}

function closed(): LayerslayerError {
  return new LayerslayerError('ABORTED', 'the registry was closed');
}
