/** Rules N1 to N3: registries behind a proxy. Only the proxy knows their names. */
import { mkdtempSync, rmSync } from 'node:fs';
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  request,
  type Server,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { proxyFor } from '#src/registry/http/proxy-environment.js';
import { connectorThroughProxy, connectorToProxy } from '#src/registry/http/proxy-tunnel.js';
import { openConnector } from '#src/registry/http/undici-pool.js';
import { targetOf } from '#src/registry/http/wire.js';
import { type Certificate, makeCertificate } from '../support/certificate.js';
import { REPOSITORY, useRegistry, withCode } from './harness.js';

const { rig, registry } = useRegistry();
const AMD64 = { os: 'linux', architecture: 'amd64' };
const BASIC = `Basic ${Buffer.from('us@er:p:w').toString('base64')}`;
const directory = mkdtempSync(join(tmpdir(), 'layerslayer-proxy-'));
const servers: Server[] = [];
const sockets = new Set<Socket>();
let certificate: Certificate;
let registryTlsPort: number;

const listen = async (server: Server): Promise<number> => {
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

/** Requests as received by the registry or its stand-in behind the proxy. */
const reached: { headers: IncomingHttpHeaders; url: string }[] = [];
const forward: RequestListener = (incoming, outgoing) => {
  reached.push({ headers: incoming.headers, url: incoming.url! });
  const url = new URL(new URL(incoming.url!, registry().url).pathname, registry().url);
  incoming.pipe(
    request(
      url,
      { method: incoming.method, headers: { ...incoming.headers, host: url.host }, agent: false },
      (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      },
    ),
  );
};

beforeAll(async () => {
  certificate = makeCertificate(directory, 'DNS:registry.test,DNS:localhost');
  registryTlsPort = await listen(createTlsServer(certificate.tls, forward) as unknown as Server);
});
afterAll(async () => {
  await stopServers();
  rmSync(directory, { recursive: true, force: true });
});
const stopServers = async () => {
  const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
};
beforeEach(() => {
  reached.length = 0;
});

/** Maximum CONNECTs before an error: the tries of one request, perhaps a HEAD before it. */
const FEW = 6;

type OnConnect = (socket: Socket, authority: string) => void;

/** A proxy that passes all requests on, or only those with `password`. */
async function startProxy(
  options: { onConnect?: OnConnect; onRequest?: RequestListener; password?: boolean; tls?: boolean } = {},
) {
  const seen: string[] = [];
  const refuses = (headers: IncomingHttpHeaders) =>
    options.password === true && headers['proxy-authorization'] !== BASIC;
  const listener: RequestListener = (incoming, outgoing) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    if (refuses(incoming.headers)) outgoing.writeHead(407, { 'proxy-authenticate': 'Basic' }).end();
    else (options.onRequest ?? forward)(incoming, outgoing);
  };
  const server = options.tls
    ? (createTlsServer(certificate.tls, listener) as unknown as Server)
    : createServer(listener);
  server.on('connect', (incoming, socket: Socket) => {
    seen.push(`CONNECT ${incoming.url}`);
    socket.on('error', () => {});
    if (refuses(incoming.headers)) socket.end('HTTP/1.1 407 Log in\r\nContent-Length: 0\r\n\r\n');
    else (options.onConnect ?? tunnel)(socket, incoming.url!);
  });
  const port = await listen(server);
  return { port, seen, name: `127.0.0.1:${port}` };
}

const tunnel: OnConnect = (socket) => {
  const upstream = connect(registryTlsPort, '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    upstream.pipe(socket).pipe(upstream);
  });
  upstream.on('error', () => socket.destroy());
  socket.on('close', () => upstream.destroy());
};
const answer =
  (head: string): OnConnect =>
  (socket) =>
    socket.end(`${head}\r\nContent-Length: 0\r\n\r\n`);

const resolve = async (
  environment: NodeJS.ProcessEnv,
  options: { insecure?: boolean; host?: string } = {},
) => {
  const { another, clock } = await rig();
  const { insecure = false, host = 'registry.test' } = options;
  const source = another({ environment: { SSL_CERT_FILE: certificate.file, ...environment }, insecure });
  return { clock, ended: source.resolve(`${host}/${REPOSITORY}:latest`, AMD64) };
};
const resolved = async (...args: Parameters<typeof resolve>) => (await resolve(...args)).ended;

describe('HTTPS', () => {
  test('is tunnelled, with the registry’s certificate', async () => {
    const proxy = await startProxy({ password: true });
    await resolved({ HTTPS_PROXY: `http://us%40er:p%3Aw@${proxy.name}`, HTTP_PROXY: 'http://127.0.0.1:1' });
    expect(new Set(proxy.seen)).toEqual(new Set(['CONNECT registry.test:443']));
    expect(reached.length).toBeGreaterThan(1);
    expect(JSON.stringify(reached)).not.toMatch(/proxy-|cDp3|p:w/i);
  });

  test('by a proxy that speaks TLS', async () => {
    const proxy = await startProxy({ tls: true });
    await resolved({ HTTPS_PROXY: `https://localhost:${proxy.port}` }, { host: 'registry.test:5000' });
    expect(new Set(proxy.seen)).toEqual(new Set(['CONNECT registry.test:5000']));
  });

  test('by a proxy that says 100 Continue first', async () => {
    const proxy = await startProxy({
      onConnect: (socket, authority) => {
        socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        tunnel(socket, authority);
      },
    });
    await resolved({ HTTPS_PROXY: proxy.name });
    expect(reached.length).toBeGreaterThan(1);
  });

  test('by a proxy with an untrusted certificate: an error, even with --insecure', async () => {
    const proxy = await startProxy({ tls: true });
    const environment = { HTTPS_PROXY: `https://127.0.0.1:${proxy.port}` };
    await expect(resolved(environment, { insecure: true })).rejects.toThrow(
      new RegExp(`proxy 127.0.0.1:${proxy.port} \\(HTTPS_PROXY\\): .*ERR_TLS_CERT_ALTNAME_INVALID`),
    );
    expect(proxy.seen).toEqual([]);
  });

  test.each<[string, OnConnect | 'password', object, number]>([
    ['closes the connection', (socket) => socket.end(), { code: 'REGISTRY_UNAVAILABLE' }, 5],
    ['resets the connection', (socket) => socket.resetAndDestroy(), { code: 'REGISTRY_UNAVAILABLE' }, 5],
    ['is overloaded', answer('HTTP/1.1 503 Later'), { code: 'REGISTRY_UNAVAILABLE' }, 5],
    ['forbids it', answer('HTTP/1.1 403 No'), { code: 'REGISTRY_UNAVAILABLE' }, 1],
    ['speaks no HTTP', (socket) => socket.end('220 smtp\n\n'), { code: 'REGISTRY_UNAVAILABLE' }, 5],
    ['wants a password', 'password', { code: 'UNAUTHORIZED' }, 1],
  ])('a proxy that %s: a few tries, then an error that names it', async (_, behaviour, code, tries) => {
    const proxy = await startProxy(behaviour === 'password' ? { password: true } : { onConnect: behaviour });
    const { ended, clock } = await resolve({ https_proxy: `http://ali:s3cret@${proxy.name}` });
    await expect(ended).rejects.toMatchObject(code);
    await expect(ended).rejects.toThrow(`proxy ${proxy.name} (https_proxy)`);
    await expect(ended).rejects.not.toThrow('s3cret');
    expect(new Set(proxy.seen)).toEqual(new Set(['CONNECT registry.test:443']));
    expect(proxy.seen.length).toBeGreaterThanOrEqual(tries);
    expect(proxy.seen.length).toBeLessThanOrEqual(tries === 1 ? 1 : FEW);
    expect(clock.slept.length).toBeGreaterThanOrEqual(tries - 1);
  });

  test('an unreachable proxy', async () => {
    const { ended, clock } = await resolve({ HTTPS_PROXY: 'http://127.0.0.1:1' });
    await expect(ended).rejects.toThrow(
      'proxy 127.0.0.1:1 (HTTPS_PROXY): connect 127.0.0.1:1: connection refused',
    );
    expect(clock.slept).toHaveLength(4); // waits between five tries
  });

  test('a proxy that never answers', async () => {
    const proxy = await startProxy({ onConnect: () => {} });
    const server = proxyFor(new URL('https://registry.test'), { HTTPS_PROXY: proxy.name })!;
    const direct = await openConnector({} as Parameters<typeof openConnector>[0]);
    const open = connectorThroughProxy(server, connectorToProxy(server, direct), direct, 50);
    const failed = new Promise((opened, failure) => {
      open(targetOf(new URL('https://[2001:db8::1]')), (error, socket) => {
        if (error) failure(error);
        else opened(socket);
      });
    });
    await expect(failed).rejects.toMatchObject(withCode('TIMED_OUT'));
    await expect(failed).rejects.toThrow(
      `proxy ${proxy.name} (HTTPS_PROXY): no answer for 0.05 s to CONNECT [2001:db8::1]:443`,
    );
  });
});

describe('plain HTTP', () => {
  test('goes to the proxy as whole URLs; only the proxy gets its password', async () => {
    const proxy = await startProxy({ onConnect: answer('HTTP/1.1 403 No'), password: true });
    const url = `http://us%40er:p%3Aw@${proxy.name}`;
    await resolved({ http_proxy: url, https_proxy: url }, { insecure: true, host: 'registry.test:5000' });
    const manifest = `http://registry.test:5000/v2/${REPOSITORY}/manifests/latest`;
    expect(proxy.seen.slice(0, 2)).toEqual(['CONNECT registry.test:5000', `HEAD ${manifest}`]);
    expect(proxy.seen.filter((line) => line.startsWith('CONNECT'))).toHaveLength(1);
    expect(reached.map(({ headers }) => headers.host)).toEqual(reached.map(() => 'registry.test:5000'));
    expect(reached[0]!.headers['proxy-authorization']).toBe(BASIC);
    expect(reached.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  test.each([
    ['closes the connection', (socket: Socket) => socket.end()],
    ['does not know CONNECT', answer('HTTP/1.1 405 No')],
    ['finds nothing on port 443', answer('HTTP/1.1 503 No')],
  ])('--insecure: by a proxy that answers CONNECT otherwise (%s)', async (_, onConnect) => {
    const proxy = await startProxy({ onConnect });
    await resolved({ HTTP_PROXY: proxy.name, HTTPS_PROXY: proxy.name }, { insecure: true });
    expect(proxy.seen[1]).toMatch(/^HEAD http:\/\/registry.test\/v2\//);
  });

  test('407 is UNAUTHORIZED, and names the proxy', async () => {
    const proxy = await startProxy({ onConnect: answer('HTTP/1.1 403 No'), password: true });
    const environment = { HTTP_PROXY: proxy.name, HTTPS_PROXY: `http://us%40er:p%3Aw@${proxy.name}` };
    const failed = resolved(environment, { insecure: true });
    await expect(failed).rejects.toMatchObject(withCode('UNAUTHORIZED'));
    await expect(failed).rejects.toThrow(`proxy ${proxy.name} (HTTP_PROXY): got 407: it requires a user`);
  });

  test('an error that the proxy itself answers names the proxy', async () => {
    const proxy = await startProxy({
      onConnect: answer('HTTP/1.1 403 No'),
      onRequest: (_incoming, outgoing) => outgoing.writeHead(403).end('<html>denied'),
    });
    const failed = resolved({ HTTP_PROXY: proxy.name, HTTPS_PROXY: proxy.name }, { insecure: true });
    await expect(failed).rejects.toThrow(
      `got 403 from registry.test through proxy ${proxy.name} (HTTP_PROXY)`,
    );
  });
});

describe('no proxy', () => {
  const dead = { HTTP_PROXY: 'http://127.0.0.1:1', HTTPS_PROXY: 'http://127.0.0.1:1' };
  test.each([
    ['127.0.0.1', {}],
    ['localhost', {}],
  ])('for %s', async (host, more) => {
    const port = new URL(registry().url).port;
    expect((await resolved({ ...dead, ...more }, { host: `${host}:${port}` })).platform).toEqual(AMD64);
  });
});

describe('where a registry behind a proxy may redirect', () => {
  const redirecting = (location: string): RequestListener => {
    return (incoming, outgoing) => {
      if (incoming.url!.endsWith('registry.test/v2/library/app/manifests/latest'))
        outgoing.writeHead(307, { location }).end();
      else forward(incoming, outgoing);
    };
  };
  const sent = async (location: string) => {
    const proxy = await startProxy({
      onConnect: answer('HTTP/1.1 403 No'),
      onRequest: redirecting(location),
    });
    const ended = resolved({ HTTP_PROXY: proxy.name, HTTPS_PROXY: proxy.name }, { insecure: true });
    return { ended, seen: proxy.seen };
  };

  test.each([
    'http://127.0.0.1:1/x',
    'http://10.0.0.1/x',
    'http://[64:ff9b::7f00:1]/x',
    'http://localhost:1/x',
    'http://a.localhost/x',
    'http://metadata.google.internal/x',
    'http://169.254.169.254/x',
  ])('not to %s, although the proxy’s address is loopback', async (location) => {
    const { ended, seen } = await sent(location);
    await expect(ended).rejects.toThrow(/redirect of registry.test to .* refused: a /);
    expect(seen.filter((line) => !line.includes('registry.test'))).toEqual([]);
  });

  test('to names, which the proxy looks up', async () => {
    const { ended, seen } = await sent(`http://storage.test/v2/${REPOSITORY}/manifests/latest`);
    await ended;
    expect(seen).toContain(`HEAD http://storage.test/v2/${REPOSITORY}/manifests/latest`);
  });
});
