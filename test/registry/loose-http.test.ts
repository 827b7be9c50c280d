/** Rule R14: responses that Go and curl accept and strict parsers reject. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Certificate, makeCertificate } from '../support/certificate.js';
import {
  type Dialect,
  type DialectServer,
  type PlainAnswer,
  startDialectServer,
} from '../support/dialect-server.js';
import { LAYER, REPOSITORY, SHORT_STALL, same, streamed, useRegistry, withCode } from './harness.js';

const { rig, registry } = useRegistry();
const AMD64 = { os: 'linux', architecture: 'amd64' };
const cleanups: (() => unknown)[] = [];
const directory = mkdtempSync(join(tmpdir(), 'layerslayer-dialect-'));
let certificate: Certificate;
beforeAll(() => {
  certificate = makeCertificate(directory, 'DNS:registry.test');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const serve = async (dialect: Dialect): Promise<DialectServer> => {
  const server = await startDialectServer(registry().url, dialect);
  cleanups.push(() => server.stop());
  return server;
};

const lines = ({ headers }: PlainAnswer) =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
const without = (answer: PlainAnswer, name: string): PlainAnswer => {
  const { [name]: _, ...headers } = answer.headers;
  return { ...answer, headers };
};
/** A response with extra lines, all ended by `eol`. */
const write = (answer: PlainAnswer, more: string[] = [], eol = '\r\n') => {
  const head = [`HTTP/1.1 ${answer.status} Fine`, ...lines(answer), ...more, '', ''].join(eol);
  return Buffer.concat([Buffer.from(head, 'latin1'), answer.body]);
};
const chunked = (body: Buffer, eol: string): Buffer => {
  const half = body.subarray(0, body.length / 2);
  const chunks = [half, body.subarray(half.length)].filter(({ length }) => length > 0);
  const pieces = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)};x=y${eol}`),
    chunk,
    Buffer.from(eol),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`0${eol}${eol}`)]);
};
const CHUNKED = ['Transfer-Encoding: chunked'];
const asChunks = (answer: PlainAnswer, { method }: { method: string }, eol: string): PlainAnswer => ({
  ...answer,
  body: method === 'HEAD' ? answer.body : chunked(answer.body, eol),
});

/**
 * Each dialect with the connections for one resolve and two reads. Dialects that undici parses need
 * few.
 */
const DIALECTS: [string, Dialect][] = [
  ['20 KiB of headers', (answer) => write(answer, new Array(20).fill(`Set-Cookie: ${'c'.repeat(1000)}`))],
  ['900 KiB of headers', (answer) => write(answer, [`X-Policy: ${'p'.repeat(900 * 1024)}`])],
  ['chunked and a length', (answer, seen) => write(asChunks(answer, seen, '\r\n'), CHUNKED)],
  [
    'chunked and a wrong length',
    (answer, seen) => {
      const bare = without(answer, 'content-length');
      return write(asChunks(bare, seen, '\r\n'), ['Content-Length: 1', ...CHUNKED]);
    },
  ],
  ['the length twice', (answer) => write(answer, [`Content-Length: ${answer.headers['content-length']}`])],
  [
    'the length three times, in a list',
    (answer) =>
      write(answer, [`Content-Length: ${new Array(2).fill(answer.headers['content-length']).join(', ')}`]),
  ],
  ['a folded line', (answer) => write(answer, ['X-Note: a', '\tb', ' c'])],
  ['a space before the colon', (answer) => write(answer, ['X-Note : a'])],
  [
    'a space before the colon of the length',
    (answer) => {
      const { 'content-length': length, ...headers } = answer.headers;
      return write({ ...answer, headers }, [`Content-Length : ${length}`]);
    },
  ],
  ['bare LF', (answer) => write(answer, [], '\n')],
  [
    'bare LF in chunks',
    (answer, seen) => write(asChunks(without(answer, 'content-length'), seen, '\n'), CHUNKED, '\n'),
  ],
  [
    'bare LF in chunks only',
    (answer, seen) => write(asChunks(without(answer, 'content-length'), seen, '\n'), CHUNKED),
  ],
  [
    '100 Continue first',
    (answer) => Buffer.concat([Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'), write(answer)]),
  ],
  [
    '103 Early Hints first',
    (answer) => Buffer.concat([Buffer.from('HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n'), write(answer)]),
  ],
  ['a name that is none', (answer) => write(answer, ['X Note(1): a'])],
];

test.each(DIALECTS)('%s: an image is resolved and read', async (_, dialect) => {
  const server = await serve(dialect);
  const { another } = await rig();
  const source = another();
  const resolved = await source.resolve(`${server.host}/${REPOSITORY}:latest`, AMD64);
  const blob = source.open(resolved, resolved.manifest.layers[0]!);
  same(await streamed(blob), LAYER);
  same(await blob.read(1000, 5000), LAYER.subarray(1000, 6000));
});

describe('an answer that is refused', () => {
  const broken =
    (line: string): Dialect =>
    (answer) =>
      write(answer, [line]);

  test('two different lengths are an error', async () => {
    const server = await serve(broken('Content-Length: 7'));
    const { another } = await rig();
    const failed = another().resolve(`${server.host}/${REPOSITORY}:latest`, AMD64);
    await expect(failed).rejects.toMatchObject(withCode('REGISTRY_UNAVAILABLE'));
    await expect(failed).rejects.toThrow(/the answer has two lengths, "\d+" and "7"/);
    expect(server.seen.length).toBeLessThan(10);
  });

  test('more than 1 MiB of headers are an error', async () => {
    const server = await serve(broken(`X-Policy: ${'p'.repeat(1_100_000)}`));
    const { another } = await rig();
    const failed = another().resolve(`${server.host}/${REPOSITORY}:latest`, AMD64);
    await expect(failed).rejects.toThrow('it sends more than 1 MiB of headers');
  });

  test('the request is repeated on a connection of its own', async () => {
    const server = await serve((answer, { nth }) => write(answer, nth === 1 ? ['X-Note : a'] : []));
    const { another } = await rig();
    await another().resolve(`${server.host}/${REPOSITORY}:latest`, AMD64);
    const [first, second] = server.seen;
    expect([second!.method, second!.path]).toEqual([first!.method, first!.path]);
    expect(second!.headers).toEqual({ ...first!.headers, connection: 'close' });
  });

  test('a POST is not repeated', async () => {
    const server = await serve((_answer, { path }) => {
      if (path.startsWith('/token')) return 'HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\n{}';
      const realm = `www-authenticate: Bearer realm="http://${server.host}/token"`;
      return `HTTP/1.1 401 No\r\n${realm}\r\nContent-Length: 0\r\n\r\n`;
    });
    const auth = Buffer.from('<token>:identity').toString('base64');
    const config = JSON.stringify({ auths: { [server.host]: { auth, identitytoken: 'identity' } } });
    writeFileSync(join(directory, 'config.json'), config);
    const { another } = await rig();
    const source = another({ environment: { DOCKER_CONFIG: directory } });
    const failed = source.resolve(`${server.host}/${REPOSITORY}:latest`, AMD64);
    await expect(failed).rejects.toThrow(/Response does not match the HTTP\/1.1 protocol \(Invalid header/);
    const posts = server.seen.filter(({ method }) => method === 'POST');
    expect(posts.length).toBeGreaterThan(0);
    expect(posts.every(({ headers }) => headers.connection === 'keep-alive')).toBe(true);
  });
});

describe('the rules of a request hold for a repeated one', () => {
  const STRANGE = 'X-Note : a';
  const layerOf = async (dialect: Dialect, client = {}) => {
    const server = await serve(dialect);
    const { another, clock } = await rig();
    const source = another(client);
    const resolved = await source.resolve(`${server.host}/${REPOSITORY}:latest`, AMD64);
    return { server, clock, blob: source.open(resolved, resolved.manifest.layers[0]!) };
  };
  const isBlob = ({ path }: { path: string }, answer: PlainAnswer) =>
    path.includes('/blobs/') && answer.body.length > 10_000;

  test('a truncated body resumes at the byte reached', async () => {
    let cuts = 0;
    const { server, blob } = await layerOf((answer, seen, socket) => {
      const bytes = write(answer, [STRANGE]);
      if (!isBlob(seen, answer) || seen.headers.connection !== 'close' || ++cuts > 2) return bytes;
      socket.end(bytes.subarray(0, bytes.length - 100_000 / cuts));
      return undefined;
    });
    same(await streamed(blob), LAYER);
    expect(cuts).toBe(3);
    expect(server.seen.at(-1)!.headers.range).toMatch(/^bytes=[1-9]\d+-/);
  });

  test('silence is a stall', async () => {
    const { blob } = await layerOf((answer, seen, socket) => {
      if (!isBlob(seen, answer)) return write(answer, [STRANGE]);
      socket.write(write({ ...answer, body: Buffer.alloc(0) }, [STRANGE]));
      return undefined;
    }, SHORT_STALL);
    const failed = streamed(blob);
    await expect(failed).rejects.toMatchObject(withCode('TIMED_OUT'));
    await expect(failed).rejects.toThrow('no byte for 0.3 s');
  });

  test('a reader that aborts closes the connection', async () => {
    let closed: Promise<unknown> | undefined;
    const { blob } = await layerOf((answer, seen, socket) => {
      const bytes = write(answer, [STRANGE]);
      if (!isBlob(seen, answer) || seen.headers.connection !== 'close') return bytes;
      closed = new Promise((resolve) => socket.on('close', resolve));
      socket.write(bytes.subarray(0, 1000));
      return undefined;
    });
    const controller = new AbortController();
    const failed = blob.stream(0, blob.size, () => controller.abort(), controller.signal);
    await expect(failed).rejects.toMatchObject(withCode('ABORTED'));
    await closed;
  });

  test('a slow reader pauses the connection', async () => {
    const { blob } = await layerOf((answer) => write(answer, [STRANGE]));
    const chunks: Uint8Array[] = [];
    let busy = false;
    await blob.stream(0, blob.size, async (chunk) => {
      expect(busy).toBe(false);
      busy = true;
      chunks.push(Uint8Array.from(chunk));
      await new Promise(setImmediate);
      busy = false;
    });
    same(Buffer.concat(chunks), LAYER);
  });

  test('over TLS, through a tunnel', async () => {
    const server = await serve((answer) => write(answer, [STRANGE]));
    const tls = createTlsServer(certificate.tls, (socket) => {
      const upstream = connect(server.port, '127.0.0.1');
      socket.pipe(upstream).pipe(socket);
      socket.on('error', () => upstream.destroy());
      upstream.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const proxy = createServer();
    const tunnels: string[] = [];
    proxy.on('connect', (incoming, socket: Socket) => {
      tunnels.push(incoming.url!);
      const upstream = connect((tls.address() as AddressInfo).port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\n\n');
        upstream.pipe(socket).pipe(upstream);
      });
      socket.on('error', () => upstream.destroy());
      upstream.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => tls.close());
    cleanups.push(() => proxy.close());
    const { another } = await rig();
    const environment = {
      HTTPS_PROXY: `127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      SSL_CERT_FILE: certificate.file,
    };
    const source = another({ environment });
    expect((await source.resolve(`registry.test/${REPOSITORY}:latest`, AMD64)).platform).toEqual(AMD64);
    expect(tunnels.length).toBeGreaterThan(2);
    await source.close();
  });

  test('through a proxy, as a whole URL with its password', async () => {
    const server = await serve((answer, { method }) =>
      method === 'CONNECT' ? 'HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n' : write(answer, [STRANGE]),
    );
    const { another } = await rig();
    const proxy = `http://ali:pw@${server.host}`;
    const source = another({ environment: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy }, insecure: true });
    await source.resolve(`registry.test/${REPOSITORY}:latest`, AMD64);
    const repeated = server.seen.find(({ headers }) => headers.connection === 'close')!;
    expect(repeated.headers).toMatchObject({
      host: 'registry.test',
      'proxy-authorization': 'Basic YWxpOnB3',
    });
  });
});
