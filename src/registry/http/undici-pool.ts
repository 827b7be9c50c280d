import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { buildConnector, Dispatcher, Pool } from 'undici';
import { systemCode } from '../../base/errors.js';
import { HEAD_SIZE_MAX } from './response-head.js';
import type { Connector } from './wire.js';

export type { Dispatcher } from 'undici';

/** Options of undici's connector: TLS, lookup, timeout. */
export type ConnectorOptions = buildConnector.BuildOptions;

/** Maximum sockets per origin. Readers, index passes and read-ahead together use fewer. */
const CONNECTIONS_MAX = 32;
/** Ms for TCP and TLS. Short enough for a second try within a read's deadline. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** Ms that an idle socket stays open, for bursts of reads. NATs drop sockets after minutes. */
const KEEP_ALIVE_MS = 30_000;

/**
 * Opens a pool of sockets to one origin. A request's handler gets the address of its socket.
 *
 * One Pool for each origin, never undici's Agent for all. When a socket closes while another
 * request begins, an Agent closes the pool of that origin. It counts the old pool's last sockets
 * against the new pool, and closes that too. From then on each request opens its own socket (undici
 * 7.30; 3 ms of our CPU a read instead of 1.5, measured).
 */
export async function openPool(origin: string, connector: Connector): Promise<Dispatcher> {
  const { Pool, Client } = await loadUndici();

  /** One socket at a time; a request is written to the last opened socket. */
  class AddressedClient extends Client {
    #remoteAddress: string | undefined;

    constructor(url: URL, clientOptions: object) {
      super(url, {
        ...clientOptions,
        connect: (target, callback) =>
          // undici's clients always have a host; the types omit it.
          connector({ ...target, host: target.host ?? target.hostname }, (error, socket) => {
            this.#remoteAddress = socket?.remoteAddress;
            if (error || !socket) callback(error ?? new Error('no socket'), null);
            else callback(null, socket);
          }),
      });
    }

    override dispatch(request: Dispatcher.DispatchOptions, handler: StartedHandler): boolean {
      const onConnect = handler.onConnect.bind(handler);
      handler.onConnect = (abort) => onConnect(abort, { remoteAddress: this.#remoteAddress });
      return super.dispatch(request, handler);
    }
  }

  return new Pool(origin, {
    connections: CONNECTIONS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: HEAD_SIZE_MAX,
    factory: (url, clientOptions) => new AddressedClient(url, clientOptions),
  });
}

/** A handler as a pool passes it to its clients. The caller's `onRequestStart` gets `context`. */
interface StartedHandler extends Dispatcher.DispatchHandler {
  onConnect(abort: (reason?: Error) => void, context?: unknown): void;
}

/**
 * Returns a connector that opens sockets as undici does, with other error codes. undici retries
 * forever if a connector fails with undici's own socket errors or returns a closed socket.
 */
export async function openConnector(options: ConnectorOptions): Promise<Connector> {
  const connect = (await loadUndici()).buildConnector({ timeout: CONNECT_TIMEOUT_MS, ...options });
  return (target, callback) => {
    connect(target as buildConnector.Options, (error, socket) => {
      if (socket) keepFirstError(socket);
      const isHttp2 = (socket as Partial<TLSSocket> | null)?.alpnProtocol === 'h2';
      if (isHttp2) socket?.destroy();
      if (socket && !socket.destroyed) callback(null, socket);
      else callback(isHttp2 ? http2Error() : finalError(error), null);
    });
  };
}

/** A server must choose a protocol that was offered, but OpenSSL does not check it. */
function http2Error(): Error {
  return Object.assign(new Error('it chose HTTP/2, which was not offered'), { code: 'HTTP2_NOT_OFFERED' });
}

/**
 * Makes the first error of a socket the cause of later ones. A TLS server sends an alert and closes
 * the connection, and undici reports only the close.
 */
function keepFirstError(socket: Socket): void {
  let first: Error | undefined;
  // Before undici's listener, which passes later errors on.
  socket.prependListener('error', (error) => {
    if (first === undefined) first = error;
    else if (error !== first) error.cause ??= first;
  });
}

function finalError(cause: Error | null): Error {
  if (cause !== null && !/^UND_ERR_(SOCKET|INFO)$/.test(systemCode(cause) ?? '')) return cause;
  return Object.assign(new Error('the connection was closed at once', { cause }), { code: 'ECONNRESET' });
}

/** Loads undici with the first connection: most commands end without one. */
const loadUndici = () => import('./undici-parts.js');

/** Loads Pool's class ahead of its first use. */
export async function loadPool(): Promise<typeof Pool> {
  return (await loadUndici()).Pool;
}
