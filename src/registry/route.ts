import { trustContext } from './certificates.js';
import type { HttpRequest } from './http-exchange.js';
import { dispatchLoosely } from './loose-dispatch.js';
import { type ProxyServer, proxyFor } from './proxy-environment.js';
import { connectorThroughProxy, connectorToProxy } from './proxy-tunnel.js';
import { lookupTargets } from './target-policy.js';
import { type ConnectorOptions, type Dispatcher, openConnector, openPool } from './undici-pool.js';
import { type AnswerHandler, type Connector, targetOf, type WireRequest } from './wire.js';

/**
 * Sockets to one host at most; a further request waits. Readers, index passes and read-ahead together
 * use fewer.
 */
const CONNECTIONS_MAX = 32;
/** Ms for TCP and TLS; below the time that a read has, so that a second try fits. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Ms that an idle socket stays open: bursts of reads share sockets; a NAT forgets them after minutes. */
const KEEP_ALIVE_MS = 30_000;

export interface RouteOptions {
  environment: NodeJS.ProcessEnv;
  /** The registry, as certs.d names it; undefined: the origin is another host. */
  host: string | undefined;
  wholeTrust: boolean; // the system's certificates too
  insecure: boolean; // certificates are not checked
  /** As in `HttpRequest`. undefined: the user named the origin. */
  senderNearby: boolean | undefined;
}

/** How to reach one origin: its sockets, straight or by way of a proxy. */
export class Route {
  readonly #pool: Dispatcher;
  readonly #connector: Connector;
  /** Where our sockets lead: to a proxy that gets whole URLs, else to the origin. */
  readonly #origin: URL;
  /** What is on its way on connections of its own: what ends it, and when it has ended. */
  readonly #loose = new Map<(reason: Error) => void, Promise<void>>();

  private constructor(
    pool: Dispatcher,
    connector: Connector,
    origin: URL,
    readonly proxy: ProxyServer | undefined,
  ) {
    this.#pool = pool;
    this.#connector = connector;
    this.#origin = origin;
  }

  static async open(url: URL, options: RouteOptions): Promise<Route> {
    const proxy = proxyFor(url, options.environment);
    const connector = await openRouteConnector(url, proxy, options);
    const origin = proxy && url.protocol === 'http:' ? proxy.url : new URL(url.origin);
    const pool = await openPool(origin.origin, {
      connections: CONNECTIONS_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connector,
    });
    return new Route(pool, connector, origin, proxy);
  }

  /** Requests go to the proxy as whole URLs: its answers may be its own. */
  get throughPlainProxy(): boolean {
    return this.proxy !== undefined && this.#origin === this.proxy.url;
  }

  /**
   * Sends one request.
   * @param loosely reads the answer as Go and curl do, on a connection of its own
   */
  dispatch(request: HttpRequest, handler: AnswerHandler, loosely: boolean): void {
    const wire = this.#wireRequest(request);
    if (loosely) {
      this.#dispatchLoosely(wire, handler);
      return;
    }
    const { path, method, headers, body } = wire;
    this.#pool.dispatch(
      {
        origin: request.url.origin,
        path,
        method,
        headers,
        body,
        headersTimeout: 0, // StallTimer's business
        bodyTimeout: 0,
        // undici closes the socket after each HEAD unless told not to; the GET that follows needs one.
        reset: false,
      },
      handler,
    );
  }

  /** Requests under way end as they would. */
  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), ...this.#loose.values()]);
  }

  /** Requests under way fail. */
  async destroy(): Promise<void> {
    for (const end of this.#loose.keys()) end(new Error('closed'));
    await this.#pool.destroy();
  }

  #wireRequest({ method, url, headers, body }: HttpRequest): WireRequest {
    const toProxy = this.throughPlainProxy;
    const path = url.pathname + url.search;
    const authorization = toProxy ? this.proxy?.authorization : undefined;
    return {
      method,
      path: toProxy ? url.origin + path : path,
      headers: {
        host: url.host,
        'accept-encoding': 'identity',
        'user-agent': 'layerslayer',
        ...headers,
        ...(authorization !== undefined && { 'proxy-authorization': authorization }),
      },
      body: body ?? null,
    };
  }

  #dispatchLoosely(request: WireRequest, handler: AnswerHandler): void {
    let over = () => {};
    const whenOver = new Promise<void>((resolve) => {
      over = resolve;
    });
    const ended = () => {
      this.#loose.delete(end);
      over();
    };
    const end = dispatchLoosely(this.#connector, targetOf(this.#origin), request, {
      onRequestStart: (control, socket) => handler.onRequestStart(control, socket),
      onResponseStart: (control, status, headers) => handler.onResponseStart(control, status, headers),
      onResponseData: (control, chunk) => handler.onResponseData(control, chunk),
      onResponseEnd: (control) => {
        ended();
        handler.onResponseEnd(control);
      },
      onResponseError: (control, error) => {
        ended();
        handler.onResponseError(control, error);
      },
    });
    this.#loose.set(end, whenOver);
  }
}

async function openRouteConnector(
  url: URL,
  proxy: ProxyServer | undefined,
  options: RouteOptions,
): Promise<Connector> {
  const { senderNearby } = options;
  if (proxy === undefined) {
    // Judges the addresses that the socket uses: no second lookup can slip another one in.
    const lookup = senderNearby === undefined ? {} : { lookup: lookupTargets(senderNearby) };
    return openConnector({ ...(await tlsOptions(url, options)), ...lookup, timeout: CONNECT_TIMEOUT_MS });
  }
  // --insecure is about the registry, not about the proxy.
  const ofProxy = await tlsOptions(proxy.url, { ...options, host: undefined, insecure: false });
  const toProxy = connectorToProxy(proxy, await openConnector({ ...ofProxy, timeout: CONNECT_TIMEOUT_MS }));
  if (url.protocol === 'http:') return toProxy;
  const overTls = await openConnector({ ...(await tlsOptions(url, options)), timeout: CONNECT_TIMEOUT_MS });
  return connectorThroughProxy(proxy, toProxy, overTls, CONNECT_TIMEOUT_MS);
}

async function tlsOptions(url: URL, options: RouteOptions): Promise<ConnectorOptions> {
  const { environment, host, wholeTrust, insecure } = options;
  if (url.protocol !== 'https:') return {} as ConnectorOptions;
  const secureContext = await trustContext(environment, { host, whole: wholeTrust });
  return {
    ...(secureContext && { secureContext }),
    ...(insecure && { rejectUnauthorized: false }),
  } as ConnectorOptions;
}
