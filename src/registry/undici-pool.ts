import type { buildConnector, Dispatcher, Pool, ProxyAgent } from 'undici';
import { keepFirstError } from './first-socket-error.js';

export type { Dispatcher } from 'undici';

/** How to reach one origin. */
export interface PoolOptions {
  connections: number; // sockets at most
  keepAliveTimeout: number; // ms
  connect: buildConnector.BuildOptions;
  requestTls: ProxyAgent.Options['requestTls']; // TLS to the origin behind a proxy, where `connect` is the proxy's
  httpProxy: string; // empty: none
  httpsProxy: string;
  noProxy: string;
}

/**
 * Sockets to one origin, by way of a proxy when one is named.
 *
 * A Pool an origin, never undici's Agent for all: when a socket closes while another request begins, an Agent closes
 * the pool of that origin, and counts the old pool's last sockets against the new one, which it then closes too: from
 * then on every request opens a socket of its own (undici 7.30; 3 ms of our own CPU a read instead of 1.5, measured).
 *
 * undici's index loads fetch, web sockets, caches and mocks with it: 65 ms, the pool alone 24 ms (measured), so a
 * start without proxy takes that. The proxy agent needs the index, which adds `connect` to every dispatcher.
 */
export async function openPool(origin: string, options: PoolOptions): Promise<Dispatcher> {
  if (options.httpProxy !== '' || options.httpsProxy !== '') {
    const { EnvHttpProxyAgent } = await import('undici');
    // Plain HTTP goes to the proxy as it is; HTTPS is tunnelled all the same.
    return new EnvHttpProxyAgent({ ...options, proxyTunnel: false });
  }
  const { connections, keepAliveTimeout } = options;
  const { default: buildConnector } = await import('undici/lib/core/connect.js');
  const open = buildConnector(options.connect);
  const connect: buildConnector.connector = (target, callback) =>
    open(target, (error, socket) => {
      if (socket) keepFirstError(socket);
      if (error) callback(error, null);
      else callback(null, socket!);
    });
  return new (await loadPool())(origin, { connections, keepAliveTimeout, connect });
}

/** Pool's class. Whoever will soon need it may load it before. */
export async function loadPool(): Promise<typeof Pool> {
  return (await import('undici/lib/dispatcher/pool.js')).default;
}
