/** Advice in messages about failed connections to a registry. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTls, type TlsOptions } from 'node:tls';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { adviceOn } from '#src/registry/http/connection-advice.js';
import { type ConnectorOptions, openConnector } from '#src/registry/http/undici-pool.js';
import { targetOf } from '#src/registry/http/wire.js';
import { connectionFault } from '#src/registry/requests/registry-fault.js';
import { RegistrySource } from '#src/source/registry-source.js';
import { FakeClock, withCode } from '../harness.js';

const directory = mkdtempSync(join(tmpdir(), 'layerslayer-tls-'));
const key = join(directory, 'key.pem');
execFileSync('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', key]);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let made = 0;
/**
 * Creates a self-signed certificate.
 * @param names as openssl writes them; empty: none
 * @returns its path
 */
function certificate(names: string, from = '20200101000000Z', until = '20991231000000Z'): string {
  const at = (name: string) => join(directory, `${made}-${name}`);
  made++;
  writeFileSync(at('database'), '');
  const extensions = names === '' ? 'basicConstraints=CA:TRUE' : `subjectAltName=${names}`;
  writeFileSync(
    at('config'),
    `[ca]\ndefault_ca=d\n[d]\ndatabase=${at('database')}\nnew_certs_dir=${directory}\nrand_serial=yes
default_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\n${extensions}
[req]\ndistinguished_name=n\n[n]\n`,
  );
  const run = (...given: string[]) =>
    execFileSync('openssl', [...given, '-config', at('config')], { stdio: 'ignore' });
  run('req', '-new', '-key', key, '-subj', '/CN=registry', '-out', at('request'));
  const dates = ['-startdate', from, '-enddate', until];
  run(
    'ca',
    '-batch',
    '-selfsign',
    '-keyfile',
    key,
    '-in',
    at('request'),
    '-out',
    at('cert'),
    '-notext',
    ...dates,
  );
  return at('cert');
}
const right = certificate('DNS:localhost');

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Returns the error of `localhost:PORT/app:latest` with this server. */
async function fault(
  make: (tls: TlsOptions) => Server,
  { cert = right, host = 'localhost', insecure = false } = {},
): Promise<{ code: string; message: string; connections: number }> {
  const server = make({ key: readFileSync(key), cert: readFileSync(cert) });
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket.on('error', () => {}));
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const source = new RegistrySource({
    insecure,
    environment: { SSL_CERT_FILE: cert },
    clock: new FakeClock(),
  });
  cleanups.push(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  cleanups.push(() => source.close());
  const resolving = source.resolve(`${host}:${port}/app:latest`, { os: 'linux', architecture: 'amd64' });
  const { code, message } = await resolving.then(
    () => ({ code: 'none', message: '' }),
    (error: { code: string; message: string }) => error,
  );
  return { code, message: message.replaceAll(`:${port}`, ':PORT'), connections };
}

const notFound = (tls: TlsOptions) => createHttps(tls, (_, answer) => answer.writeHead(404).end());

describe('a certificate that', () => {
  test.each([
    [
      'has expired',
      certificate('DNS:localhost', '20200101000000Z', '20200201000000Z'),
      "(CERT_HAS_EXPIRED): renew the registry's certificate (or set this machine's clock",
    ],
    [
      'is not valid yet',
      certificate('DNS:localhost', '20980101000000Z', '20990101000000Z'),
      "(CERT_NOT_YET_VALID): set this machine's clock, or wait",
    ],
    [
      'has other names',
      certificate('DNS:registry.example,DNS:*.b.example,IP:192.0.2.1'),
      '(ERR_TLS_CERT_ALTNAME_INVALID): use a name in its certificate: registry.example, *.b.example, 192.0.2.1',
    ],
    [
      'has many other names',
      certificate(Array.from({ length: 50 }, (_, i) => `DNS:r${i}.example`).join(',')),
      'certificate: r0.example, r1.example, r2.example, r3.example, r4.example and 45 more',
    ],
    [
      'has no name',
      certificate('email:a@b.example'),
      'the registry needs a certificate with its name; --insecure skips the check',
    ],
  ])('%s', async (_, cert, said) => {
    const found = await fault(notFound, { cert });
    expect(found).toMatchObject(withCode('REGISTRY_UNAVAILABLE'));
    expect(found.message).toContain(said);
    expect(found.message).not.toContain('add its CA');
    // Not the five tries of a transient fault: plain HTTP and TLS, with built-in and system roots.
    expect(found.connections).toBeLessThan(6);
    expect(await fault(notFound, { cert, insecure: true })).toMatchObject(withCode('NOT_FOUND'));
  });

  test('has no address, and is asked by one', async () => {
    const found = await fault(notFound, { host: '127.0.0.1' });
    expect(found.message).toContain('use a name in its certificate: localhost');
  });
});

describe('a server that', () => {
  const putCertificate =
    'it requires a client certificate: put it and its key into /etc/docker/certs.d/localhost:PORT as client.cert and client.key';
  const asking = { requestCert: true, rejectUnauthorized: true };

  test.each<[string, (tls: TlsOptions) => Server, string]>([
    ['wants a client certificate', (tls) => notFound({ ...tls, ...asking }), putCertificate],
    [
      'wants a client certificate, by TLS 1.2',
      (tls) => notFound({ ...tls, ...asking, maxVersion: 'TLSv1.2' }),
      putCertificate,
    ],
    [
      'speaks only HTTP/2',
      (tls) => createSecureServer({ ...tls, allowHTTP1: false }) as unknown as Server,
      'it speaks only HTTP/2, which layerslayer does not support: enable HTTP/1.1 there',
    ],
    [
      'speaks only HTTP/2, whatever we offer',
      (tls) =>
        createTls(tls, (socket) => {
          const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
          socket.on('error', () => {}).end(settings);
        }),
      'does it speak only HTTP/2',
    ],
    [
      'ends connections',
      (tls) => createTls(tls, (socket) => socket.on('error', () => {}).once('data', () => socket.end())),
      'it ends connections without an answer: does it speak only HTTP/2, or require a client certificate?',
    ],
    [
      'speaks TLS 1.0',
      (tls) => notFound({ ...tls, minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }),
      'it supports only TLS versions before 1.2, which are not safe: update it',
    ],
  ])('%s', async (_, make, said) => {
    const found = await fault(make);
    expect(found).toMatchObject(withCode('REGISTRY_UNAVAILABLE'));
    expect(found.message).toContain(said);
    // OpenSSL's own messages contain lines of its source.
    expect(found.message).not.toContain('openssl');
  });

  test('requires a client certificate, as nginx reports it', async () => {
    const page = '<html><head><title>400 No required SSL certificate was sent</title></head></html>';
    const nginx = (tls: TlsOptions) =>
      createHttps(tls, (_, answer) => answer.writeHead(400, { 'content-type': 'text/html' }).end(page));
    const { code, message } = await fault(nginx);
    expect(code).toBe('REGISTRY_UNAVAILABLE');
    expect(message).toContain(`No required SSL certificate was sent: ${putCertificate}`);
  });

  test('is not a TLS server, and ends connections: the message has no TLS advice', async () => {
    const plain = () => createTcp((socket) => socket.on('error', () => {}).once('data', () => socket.end()));
    const { message } = await fault(plain);
    expect(message).toMatch(/other side closed \(UND_ERR_SOCKET\)$/);
  });
});

test.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'add its CA to SSL_CERT_FILE or certs.d, or use --insecure'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'add its CA'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'add its CA'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'add its CA'],
  ['CERT_REVOKED', "replace the registry's certificate"],
  ['CERT_SIGNATURE_FAILURE', "replace the registry's certificate"],
  ['ERR_SSL_EE_KEY_TOO_SMALL', 'stronger key'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'rejects the client certificate'],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'rejects the client certificate'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'does not speak TLS there'],
])('%s: %s', (code, said) => {
  const advice = adviceOn(new Error('x'), code, new URL('https://r.example'));
  expect(advice.text).toContain(said);
  expect(advice.isFinal).toBe(true);
});

test('the names of a certificate are escaped', () => {
  const error = Object.assign(new Error('x'), { cert: { subjectaltname: 'DNS:"a\u001b[31m", DNS:b' } });
  const { text } = adviceOn(error, 'ERR_TLS_CERT_ALTNAME_INVALID', new URL('https://r.example'));
  expect(text).toBe(': use a name in its certificate: "a [31m", b');
});

test('a server that chooses HTTP/2 unasked is told from one that fails', async () => {
  const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(right) });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  const url = new URL(`https://localhost:${(server.address() as AddressInfo).port}`);
  // No server of Node chooses what was not offered: undici offers it here.
  const connect = await openConnector({ allowH2: true, ca: readFileSync(right) } as ConnectorOptions);
  const error = await new Promise((resolve) => connect(targetOf(url), resolve));
  expect(connectionFault(error, url)).toMatchObject({
    code: 'REGISTRY_UNAVAILABLE',
    advice: 'never',
    message: expect.stringMatching(/it chose HTTP\/2, which was not offered.*: it speaks only HTTP\/2/),
  });
});
