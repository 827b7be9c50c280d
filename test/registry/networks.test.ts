/** Rule N4: certificates, and which scheme a registry is spoken to with. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type RequestListener, request, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Endpoint } from '#src/registry/endpoint.js';
import { readTrust, trustContext } from '#src/registry/http/certificates.js';
import type { HttpAnswer } from '#src/registry/http/http-exchange.js';
import { loadPool } from '#src/registry/http/undici-pool.js';
import { connectionFault } from '#src/registry/requests/registry-fault.js';
import { makeCertificate } from '../support/certificate.js';
import { REPOSITORY, useRegistry, withCode } from './harness.js';

const { rig, registry } = useRegistry();
const AMD64 = { os: 'linux', architecture: 'amd64' };
const directory = mkdtempSync(join(tmpdir(), 'layerslayer-tls-'));
const certificate = join(directory, 'cert.pem');
const servers: Server[] = [];
const sockets = new Set<Socket>();

const listen = async (server: Server): Promise<number> => {
  servers.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

/** Passes requests on to the registry. */
const forward: RequestListener = (incoming, outgoing) => {
  const url = new URL(new URL(incoming.url!, registry().url).pathname, registry().url);
  incoming.pipe(
    request(url, { method: incoming.method, headers: { ...incoming.headers, host: url.host } }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    }),
  );
};

let tlsPort: number;
let tlsSeen = 0;
beforeAll(async () => {
  const { tls } = makeCertificate(directory, 'DNS:localhost');
  tlsPort = await listen(
    createServer(tls, (incoming, outgoing) => {
      tlsSeen++;
      forward(incoming, outgoing);
    }) as unknown as Server,
  );
});
afterAll(async () => {
  const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
  rmSync(directory, { recursive: true, force: true });
});

describe('TLS', () => {
  const resolve = async (options: object) => {
    const { another } = await rig();
    return another(options).resolve(`localhost:${tlsPort}/${REPOSITORY}:latest`, AMD64);
  };

  test('a registry with an untrusted certificate: refused, with advice', async () => {
    tlsSeen = 0;
    await expect(resolve({})).rejects.toMatchObject(withCode('REGISTRY_UNAVAILABLE'));
    await expect(resolve({})).rejects.toThrow(/add its CA to SSL_CERT_FILE or certs.d, or use --insecure/);
    expect(tlsSeen).toBe(0);
  });

  test('SSL_CERT_FILE vouches for it, --insecure does not ask', async () => {
    expect((await resolve({ environment: { SSL_CERT_FILE: certificate } })).platform).toEqual(AMD64);
    expect((await resolve({ insecure: true })).platform).toEqual(AMD64);
  });

  test('certs.d of the host: CAs and a client certificate, for that host only', async () => {
    const certs = join(directory, 'certs.d', 'r.example:5000');
    mkdirSync(certs, { recursive: true });
    writeFileSync(join(certs, 'ca.crt'), 'CA');
    writeFileSync(join(certs, 'client.cert'), 'CERT');
    writeFileSync(join(certs, 'client.key'), 'KEY');
    const read = (host: string | undefined, environment = {}) =>
      readTrust(environment, {
        host,
        whole: false,
        certsDirectories: [join(directory, 'none'), join(directory, 'certs.d')],
      });
    const own = await read('r.example:5000');
    const directories = { whole: false, certsDirectories: [join(directory, 'certs.d')] };
    const broken = trustContext({}, { host: 'r.example:5000', ...directories });
    await expect(broken).rejects.toMatchObject(withCode('INVALID_ARGUMENT'));
    await expect(broken).rejects.toThrow('certs.d/r.example:5000');
    expect(await trustContext({}, { host: 'r.example', ...directories })).toBeUndefined();
    expect(own).toMatchObject({ cert: 'CERT', key: 'KEY' });
    expect(own.ca?.at(-1)).toBe('CA');
    expect(own.ca?.length).toBeGreaterThan(50);
    expect(await read('r.example')).toEqual({});
    expect(await read(undefined)).toEqual({});
    const named = await read(undefined, { SSL_CERT_FILE: certificate });
    expect(named.ca?.at(-1)).toBe(readFileSync(certificate, 'utf8'));
  });
});

describe('the scheme', () => {
  test.each([
    ['docker.io', false, 'https://registry-1.docker.io'],
    ['ghcr.io', false, 'https://ghcr.io'],
    ['r.example:5000', true, 'https://r.example:5000'],
    ['localhost:5000', false, 'http://localhost:5000'],
    ['[::1]:5000', false, 'http://[::1]:5000'],
    ['127.0.0.1', true, 'https://127.0.0.1'],
  ])('%s (insecure: %s) is tried at %s first', (name, insecure, origin) => {
    expect(new Endpoint(name, insecure).origin).toBe(origin);
  });

  test('--insecure falls back to plain HTTP', async () => {
    const { another, reference } = await rig();
    expect((await another({ insecure: true }).resolve(reference, AMD64)).platform).toEqual(AMD64);
  });

  describe('--insecure, and no host of that name', () => {
    const url = new URL('https://registry.invalid/v2/');
    const ask = async (plain: HttpAnswer | Error) => {
      const exchange = new Endpoint('registry.invalid', true).via(async (request) => {
        if (request.url.protocol === 'https:')
          throw connectionFault(systemError('ENOTFOUND', 'no such name'), url);
        if (plain instanceof Error) throw plain;
        return plain;
      });
      return exchange({ method: 'GET', url, headers: {} }, new AbortController().signal);
    };
    const systemError = (code: string, message: string) => Object.assign(new Error(message), { code });

    test('plain HTTP may use a proxy that knows the host', async () => {
      const answer = { status: 200 } as HttpAnswer;
      expect(await ask(answer)).toBe(answer);
    });

    test('when both fail, the error of plain HTTP is reported', async () => {
      const closed = connectionFault(systemError('ECONNRESET', 'closed'), { host: 'proxy p:1 (HTTP_PROXY)' });
      await expect(ask(closed)).rejects.toThrow('proxy p:1 (HTTP_PROXY): closed');
    });
  });

  test('what a plain registry says to a bad request is its own word', async () => {
    const { resolve, proxy } = await rig();
    proxy.rules.push({
      path: /manifests/,
      fault: { instead: () => ({ status: 400, headers: {}, body: Buffer.from('bad') }) },
    });
    await expect(resolve()).rejects.toThrow(/got 400 from .*: bad/);
  });

  test('no server there: said, after a few tries', async () => {
    const { another, clock } = await rig();
    const gone = another().resolve('127.0.0.1:1/x/y', AMD64);
    await expect(gone).rejects.toMatchObject(withCode('REGISTRY_UNAVAILABLE'));
    await expect(gone).rejects.toThrow('ECONNREFUSED');
    expect(clock.slept).toHaveLength(4);
  });
});

test('undici’s pool is where the fast way looks for it', async () => {
  const file = 'undici/lib/dispatcher/pool.js';
  const { default: pool } = (await import(file)) as { default: unknown };
  expect(await loadPool()).toBe(pool);
});
