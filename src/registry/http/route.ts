import { Readable } from 'node:stream';
import { trustContext } from './certificates.js';
import type { HttpRequest } from './http-exchange.js';
import { LooseExchange } from './loose-dispatch.js';
import { type ProxyServer, proxyFor } from './proxy-environment.js';
import { connectorThroughProxy, connectorToProxy } from './proxy-tunnel.js';
import { lookupTargets, type Namer } from './target-policy.js';
import {
  CONNECT_TIMEOUT_MS,
  type ConnectorOptions,
  type Dispatcher,
  openConnector,
  openPool,
} from './undici-pool.js';
import { type AnswerHandler, type Connector, targetOf, type WireRequest } from './wire.js';

export interface RouteOptions {
  environment: NodeJS.ProcessEnv;
  /** The registry, as certs.d names it; undefined for another host. */
  host: string | undefined;
  wholeTrust: boolean; // includes the system's certificates
  insecure: boolean; // skips certificate checks
  /** Sends the client certificate of certs.d, if there is one. */
  identifies: boolean;
  /** What named the origin; undefined: the user. */
  namer: Namer | undefined;
}

/** The sockets to one origin, direct or through a proxy. */
export class Route {
  readonly #pool: Dispatcher;
  readonly #connector: Connector;
  /** Target of the sockets: a proxy that takes whole URLs, else the origin. */
  readonly #origin: URL;
  readonly #loose = new Set<LooseExchange>(); // under way

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
    return new Route(await openPool(origin.origin, connector), connector, origin, proxy);
  }

  /** Requests go to the proxy as whole URLs, so it may answer itself. */
  get throughPlainProxy(): boolean {
    return this.proxy !== undefined && this.#origin === this.proxy.url;
  }

  /**
   * Sends one request.
   * @param loosely parse the response as Go and curl do, on a separate connection
   */
  dispatch(request: HttpRequest, handler: AnswerHandler, loosely: boolean): void {
    const wire = this.#wireRequest(request);
    if (loosely) {
      const exchange = new LooseExchange(this.#connector, targetOf(this.#origin), wire, handler);
      this.#loose.add(exchange);
      void exchange.ended.then(() => this.#loose.delete(exchange));
      return;
    }
    const { body } = wire;
    const isUpload = body !== null && typeof body === 'object';
    const options = {
      ...wire,
      body: isUpload ? Readable.from(body.chunks(), { objectMode: false }) : body,
      headers: isUpload ? { ...wire.headers, 'content-length': String(body.length) } : wire.headers,
      origin: request.url.origin,
      headersTimeout: 0, // StallTimer handles this
      bodyTimeout: 0,
      // By default, undici closes the socket after each HEAD; the following GET needs one.
      reset: false,
    };
    this.#pool.dispatch(options, handler);
  }

  /** Lets current requests finish. */
  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), ...[...this.#loose].map(({ ended }) => ended)]);
  }

  /** Fails current requests. */
  async destroy(): Promise<void> {
    for (const exchange of this.#loose) exchange.abort(new Error('closed'));
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
}

async function openRouteConnector(
  url: URL,
  proxy: ProxyServer | undefined,
  options: RouteOptions,
): Promise<Connector> {
  const { namer } = options;
  if (proxy === undefined) {
    // Checks the addresses that the socket uses, so a second lookup can't replace them.
    const lookup = namer === undefined ? {} : { lookup: lookupTargets(namer) };
    return openConnector({ ...(await tlsOptions(url, options)), ...lookup });
  }
  // --insecure applies to the registry, not to the proxy.
  const ofProxy = await tlsOptions(proxy.url, { ...options, host: undefined, insecure: false });
  const toProxy = connectorToProxy(proxy, await openConnector(ofProxy));
  if (url.protocol === 'http:') return toProxy;
  const overTls = await openConnector(await tlsOptions(url, options));
  return connectorThroughProxy(proxy, toProxy, overTls, CONNECT_TIMEOUT_MS);
}

async function tlsOptions(url: URL, options: RouteOptions): Promise<ConnectorOptions> {
  if (url.protocol !== 'https:') return {} as ConnectorOptions;
  const { environment, host, wholeTrust, insecure, identifies } = options;
  const secureContext = await trustContext(environment, { host, whole: wholeTrust, identifies });
  const unchecked = insecure ? { rejectUnauthorized: false } : {};
  return { ...(secureContext && { secureContext }), ...unchecked } as ConnectorOptions;
}
