import type { Socket } from 'node:net';
import { connectionFault, RegistryFault } from '../requests/registry-fault.js';
import type { ProxyServer } from './proxy-environment.js';
import { HeadCollector } from './response-head.js';
import { type Connector, type ConnectTarget, targetOf } from './wire.js';

/** Opens sockets to the proxy itself; errors name the proxy. */
export function connectorToProxy(proxy: ProxyServer, connector: Connector): Connector {
  return (_target, callback) => {
    connector(targetOf(proxy.url), (error, socket) => {
      if (error) callback(connectionFault(error, { host: proxy.name }), null);
      else callback(null, socket);
    });
  };
}

/**
 * Opens TLS connections through a proxy: CONNECT, then the handshake with the server.
 * @param overTls opens a TLS connection over a given socket
 * @param answerMs timeout of the proxy's answer
 */
export function connectorThroughProxy(
  proxy: ProxyServer,
  toProxy: Connector,
  overTls: (target: ConnectTarget & { httpSocket: Socket }, callback: Parameters<Connector>[1]) => void,
  answerMs: number,
): Connector {
  return (target, callback) => {
    toProxy(target, (error, socket) => {
      if (error || !socket) {
        callback(error, null);
        return;
      }
      askForTunnel(proxy, authorityOf(target), socket, answerMs).then(
        () => overTls({ ...target, httpSocket: socket }, callback),
        (fault: Error) => {
          socket.destroy();
          callback(fault, null);
        },
      );
    });
  };
}

function authorityOf({ hostname, port }: ConnectTarget): string {
  return `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port || '443'}`;
}

function askForTunnel(
  proxy: ProxyServer,
  authority: string,
  socket: Socket,
  answerMs: number,
): Promise<void> {
  const collector = new HeadCollector();
  return new Promise<void>((resolve, reject) => {
    const end = (fault: Error | undefined) => {
      clearTimeout(timer);
      socket.off('data', onData).off('error', onError).off('end', onClose).off('close', onClose);
      // Later errors belong to the TLS socket. Without a listener, this one would end the process.
      socket.on('error', () => {});
      socket.pause();
      if (fault) reject(fault);
      else resolve();
    };
    const fail = (message: string, code: string) => {
      const error = Object.assign(new Error(`${message} CONNECT ${authority}`), { code });
      end(connectionFault(error, { host: proxy.name }));
    };
    const onError = (error: Error) => end(connectionFault(error, { host: proxy.name }));
    const onClose = () => fail('closed the connection instead of answering', 'ECONNRESET');
    const onData = (bytes: Buffer) => {
      try {
        const answer = collector.push(bytes);
        if (!answer) return;
        const fault = connectFault(proxy, authority, answer.head.status);
        if (!fault && answer.rest.length > 0) socket.unshift(answer.rest);
        end(fault);
      } catch (error) {
        onError(error as Error);
      }
    };
    const timer = setTimeout(() => fail(`no answer for ${answerMs / 1000} s to`, 'ETIMEDOUT'), answerMs);
    socket.on('data', onData).on('error', onError).on('end', onClose).on('close', onClose);
    const authorization =
      proxy.authorization === undefined ? '' : `proxy-authorization: ${proxy.authorization}\r\n`;
    socket.write(
      `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\nuser-agent: layerslayer\r\n${authorization}\r\n`,
    );
  });
}

/** Returns the refusal of a tunnel, undefined if the tunnel is open. */
function connectFault(proxy: ProxyServer, authority: string, status: number): RegistryFault | undefined {
  if (status < 300) return undefined;
  if (status === 407) return proxyUnauthorized(proxy);
  // Squid answers 403 for ports that it does not tunnel to, and 503 if no server listens there.
  const why = status === 403 ? '; it may not allow this host or port' : '';
  const message = `${proxy.name}: got ${status} for CONNECT ${authority}, want 200${why}`;
  const cause = Object.assign(new Error(`CONNECT: ${status}`), { code: CONNECT_REFUSED });
  const advice = status >= 500 && status !== 501 ? 'backoff' : 'never';
  return new RegistryFault('REGISTRY_UNAVAILABLE', message, advice, { cause });
}

/** Code of the cause if a proxy answered but refused the tunnel. */
const CONNECT_REFUSED = 'PROXY_REFUSED_CONNECT';

/** Returns the fault for a proxy's 407. */
export function proxyUnauthorized(proxy: ProxyServer): RegistryFault {
  const message =
    proxy.authorization === undefined
      ? 'got 407: it requires a user and password: set the variable to http://USER:PASSWORD@HOST:PORT'
      : 'got 407: it rejected the user and password in its URL';
  return new RegistryFault('UNAUTHORIZED', `${proxy.name}: ${message}`, 'never');
}
