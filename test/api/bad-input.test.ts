/** Bad input, by its kind: the right status and code, and nothing else. */
import { homedir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logTo } from '#src/base/log.js';
import { startSession } from '#src/engine/session.js';
import { dir, file, symlink, tarOf } from '../support/tar.js';
import { faultOf } from './answer-check.js';
import { get, HOST, rawRequest } from './raw-request.js';
import { Served, TOKEN } from './served.js';

const RAW_NAME = Buffer.from('a/\xff\xfe', 'latin1');
const LAYERS = [
  gzipSync(
    tarOf(
      dir('etc/'),
      file('etc/passwd', 'of the image'),
      symlink('out', '../../../../etc/passwd'),
      symlink('absolute', '/etc/passwd'),
      dir('a/'),
      file(RAW_NAME, 'raw'),
      file('a\\b', 'backslash'),
      file('%2e%2e', 'percent'),
    ),
  ),
];

let served: Served;
let remote: Served; // as on another address than loopback, with any registry but those nearby
beforeAll(async () => {
  served = await Served.start({ t: LAYERS });
  const log = logTo(() => {});
  const cwd = served.scratch;
  remote = await Served.start(
    {},
    {
      listening: { address: '127.0.0.1', isLoopback: false },
      images: { cwd, registries: [], refusesNear: true, directories: [], opened: new Set() },
      startSession: () =>
        startSession({
          registry: { insecure: true, nearRegistries: [], provesAccess: true },
          cache: { directory: `${cwd}/other-cache`, capBytes: 1024 ** 3 },
          memoryBytes: 16 * 1024 ** 2,
          log,
        }),
    },
  );
});
afterAll(() => Promise.all([served?.close(), remote?.close()]));

/** Headers that an answer may have. */
const HEADERS = new Set(
  (
    'accept-ranges cache-control connection content-disposition content-length content-range content-type ' +
    'content-security-policy cross-origin-resource-policy date etag keep-alive referrer-policy retry-after ' +
    'transfer-encoding vary x-content-type-options x-request-id allow www-authenticate last-modified'
  ).split(' '),
);

/** What no answer may tell, unless the request has it. */
const secrets = () => [
  TOKEN,
  served.scratch,
  remote.scratch,
  process.cwd(),
  homedir(),
  'node_modules',
  'node:internal',
  '/src/',
  '/dist/',
];

/**
 * Sends a request, and checks that its answer tells nothing but what it must.
 * @returns status and code, or status and body
 */
async function answerTo(request: string, to = served): Promise<string> {
  const answer = await rawRequest(request, { to: to.address });
  const [, status = '', head = '', body = ''] =
    /^HTTP\/1\.1 (\d+) [^\n]*\n(.*?)\r\n\r\n(.*)$/s.exec(answer) ?? [];
  expect(answer.match(/^HTTP\/1\.1 \d+/gm)?.length ?? 0, answer).toBeLessThanOrEqual(1);
  const names = [...head.matchAll(/^([^:\r\n]+):/gm)].map(([, name]) => name!.toLowerCase());
  expect(names.filter((name) => !HEADERS.has(name))).toEqual([]);
  const asked = `${request}${decodeURIComponent(request.replace(/%(?![2-7][\da-f])/gi, '%25'))}`;
  for (const secret of secrets()) if (!asked.includes(secret)) expect(answer).not.toContain(secret);
  expect(answer).not.toMatch(/\bat \S+ \(|\.[jt]s:\d+/);
  if (Number(status) < 400) return `${status} ${body.replace(/^[\da-f]+\r\n(.*)\r\n0\r\n\r\n$/s, '$1')}`;
  if (body === '') return status; // node:http refuses what is no HTTP by itself
  const contentType = /^content-type: (.*)$/im.exec(head)?.[1]?.trim() ?? '';
  const text = Buffer.from(body, 'latin1').toString();
  expect(faultOf({ path: '/', status: Number(status), contentType, body: text })).toBe(undefined);
  const { error } = JSON.parse(text) as { error: { code: string; message: string } };
  expect(error.message).not.toMatch(/[\0-\x1f\x7f-\x9f]/);
  return `${status} ${error.code}`;
}

const LAST = 'Connection: close';
const image = () => `image=${encodeURIComponent(served.image('t'))}`;
const fileAt = (path: string) => `/api/v1/file?${image()}&path=${path}`;

/** Returns what a GET gets. `IMAGE` stands for an image, `SCRATCH` for its directory. */
const ask = (target: string, headers: readonly string[] = [], to = served) => {
  const here = target.replace('IMAGE', image()).replaceAll('SCRATCH', served.scratch);
  return answerTo(get(here, HOST, ...headers, LAST), to);
};

describe('traversal', () => {
  it.each([
    ['/etc/passwd', '200 of the image'],
    ['/../../../../etc/passwd', '200 of the image'],
    ['/a/../../etc/passwd', '200 of the image'],
    ['/%2e%2e/%2e%2e/etc/passwd', '200 of the image'],
    ['..%2f..%2fetc%2fpasswd', '200 of the image'],
    ['/out', '200 of the image'],
    ['/absolute', '200 of the image'],
    ['/%252e%252e', '200 percent'],
    ['/%252e%252e/%252e%252e/etc/passwd', '404 NOT_FOUND'],
    ['/%252fetc%252fpasswd', '404 NOT_FOUND'],
    ['/..%5c..%5cetc%5cpasswd', '404 NOT_FOUND'],
    ['/a%5cb', '200 backslash'],
    ['/etc/passwd%00', '400 INVALID_ARGUMENT'],
    ['/etc/passwd%00.txt', '400 INVALID_ARGUMENT'],
    ['/etc/passwd/', '404 NOT_FOUND'],
    ['/etc/passwd/..', '404 NOT_FOUND'],
    ['/etc/shadow', '404 NOT_FOUND'],
    ['/proc/self/environ', '404 NOT_FOUND'],
    [`/${'a/'.repeat(2_100)}`, '400 INVALID_ARGUMENT'],
    [`/${'a'.repeat(300)}`, '404 NOT_FOUND'],
  ])('of a path in an image: %s', async (path, wanted) => {
    expect(await ask(fileAt(path))).toBe(wanted);
    if (wanted.startsWith('4')) expect(await ask(`/carve?${image()}&path=${path}`)).toBe(wanted);
  });

  it.each([
    ['oci:SCRATCH/layout/../../../etc:t', '403 FORBIDDEN'],
    ['oci:SCRATCH/../../etc/passwd', '403 FORBIDDEN'],
    ['oci:SCRATCH/%2e%2e/%2e%2e/etc', '403 FORBIDDEN'],
    ['oci:SCRATCH/%252e%252e/etc', '404 NOT_FOUND'],
    ['oci:SCRATCH%00/etc', '400 INVALID_ARGUMENT'],
    ['oci:/etc', '403 FORBIDDEN'],
    ['oci:../../etc', '403 FORBIDDEN'],
    ['oci-archive:/proc/self/environ', '403 FORBIDDEN'],
    ['docker-archive:/etc/shadow', '403 FORBIDDEN'],
    ['docker-archive:/dev/zero', '403 FORBIDDEN'],
    ['file:///etc/passwd', '400 INVALID_REFERENCE'],
    ['../../etc/passwd', '400 INVALID_REFERENCE'],
    ['/etc/passwd', '400 INVALID_REFERENCE'],
    ['127.0.0.1:1/../../v2/_catalog', '400 INVALID_REFERENCE'],
    ['127.0.0.1:1/a%3f/b', '400 INVALID_REFERENCE'],
    ['127.0.0.1:1/a%23', '400 INVALID_REFERENCE'],
    ['127.0.0.1:1/a%0d%0aX:%20y', '400 INVALID_REFERENCE'],
  ])('of a reference: %s', async (reference, wanted) => {
    expect(await ask(`/api/v1/tree?image=${reference}`)).toBe(wanted);
  });

  it.each([
    '/assets/../../../etc/passwd',
    '/assets/..%5c..%5cetc%5cpasswd',
    '/assets/%252e%252e%252fetc%252fpasswd',
    '/assets/....//....//etc/passwd',
    '/i/../../etc/passwd',
    '/api/v1/layers/..%2f..%2fetc',
    '/api/v1/file/../../../etc/passwd',
    '/etc/passwd',
    '/.git/config',
    '/api/v1//tree',
    '/%2fetc/passwd',
  ])('of a URL: %s', async (target) => {
    expect(await ask(target)).toMatch(/^(404 NOT_FOUND|400 INVALID_ARGUMENT)$/);
  });
});

describe('a range', () => {
  const ALL = '200 of the image';
  it.each([
    ['bytes=0-1', '206 of'],
    ['bytes=-5', '206 image'],
    ['bytes=-13', '206 of the image'],
    ['bytes=-1000000000000000000000000000000', '206 of the image'],
    ['bytes=7-1000000000000000000000000000000', '206 image'],
    ['bytes=1000000000000000000000000000000-', '416 RANGE_NOT_SATISFIABLE'],
    ['bytes=12-', '416 RANGE_NOT_SATISFIABLE'],
    ['bytes=-0', '416 RANGE_NOT_SATISFIABLE'],
    ['bytes=5-1', '416 RANGE_NOT_SATISFIABLE'],
    ['bytes=--5', ALL],
    ['bytes=-', ALL],
    ['bytes=', ALL],
    ['bytes=0x1-0x2', ALL],
    ['bytes=1.5-2', ALL],
    ['bytes=1e1-', ALL],
    ['bytes=0-0,2-3', ALL],
    [`bytes=${'0-0,'.repeat(3_000)}1-1`, ALL],
    ['items=0-1', ALL],
    ['0-1', ALL],
    ['bytes 0-1', ALL],
  ])('%s', async (range, wanted) => {
    expect(await ask(fileAt('/etc/passwd'), [`Range: ${range}`])).toBe(wanted);
  });

  it('that comes twice is none', async () => {
    expect(await ask(fileAt('/etc/passwd'), ['Range: bytes=0-1', 'Range: bytes=2-3'])).toBe(ALL);
  });
});

describe('an image that is not there', () => {
  it.each([
    ['oci:SCRATCH/layout:none', '404 NOT_FOUND'],
    ['oci:SCRATCH/none:t', '404 NOT_FOUND'],
    [`oci:SCRATCH/layout@sha256:${'0'.repeat(64)}`, '404 NOT_FOUND'],
    ['nginx', '403 FORBIDDEN'],
    ['evil.example/x', '403 FORBIDDEN'],
    ['[::ffff:169.254.169.254]/x', '400 INVALID_REFERENCE'],
    ['evil.example:99999/x', '400 INVALID_REFERENCE'],
    ['UPPER', '400 INVALID_REFERENCE'],
    ['a%20b', '400 INVALID_REFERENCE'],
    ['a@sha256:00', '400 INVALID_REFERENCE'],
    ['http://evil.example/x', '400 INVALID_REFERENCE'],
    ['user:password@evil.example/x', '400 INVALID_REFERENCE'],
    ['%ff', '400 INVALID_REFERENCE'],
    ['', '400 INVALID_ARGUMENT'],
    ['a'.repeat(5_000), '400 INVALID_ARGUMENT'],
  ])('%s', async (reference, wanted) => {
    for (const route of ['/api/v1/image', '/api/v1/tree', '/api/v1/events', '/peek'])
      expect(await ask(`${route}?image=${reference}`), route).toBe(wanted);
  });
});

it('paths that are not UTF-8 work', async () => {
  expect(await ask(fileAt('/a/%ff%fe'))).toBe('200 raw');
  expect(await ask(`/carve?${image()}&path=/a/%FF%FE`)).toBe('200 raw');
  expect(await ask(fileAt('/a/%ff'))).toBe('404 NOT_FOUND');
  const stat = await ask(`/api/v1/stat?${image()}&path=/a/%ff%fe`);
  const { entry } = JSON.parse(stat.slice('200 '.length)) as { entry: { path: string; pathBase64: string } };
  expect(Buffer.from(entry.pathBase64, 'base64')).toEqual(Buffer.from('/a/\xff\xfe', 'latin1'));
});

describe('parameters', () => {
  it.each([
    ['tree', 'limit=-1'],
    ['tree', 'limit=0'],
    ['tree', 'limit=1e9'],
    ['tree', 'limit=10001'],
    ['tree', 'limit=999999999999999999999'],
    ['tree', 'limit=1.5'],
    ['tree', 'limit=%201'],
    ['tree', 'limit=0x10'],
    ['tree', 'depth=NaN'],
    ['tree', 'depth=-1'],
    ['tree', 'depth=Infinity'],
    ['tree', 'sort=evil'],
    ['tree', 'sort=name&sort=size'],
    ['tree', 'path=/&path=/a'],
    ['tree', 'path=/&p%61th=/a'],
    ['tree', 'after=x'],
    ['tree', 'deleted=maybe'],
    ['tree', 'wait=31'],
    ['tree', 'wait=-1'],
    ['tree', 'unknown=1'],
    ['tree', '__proto__=1'],
    ['tree', 'constructor=1'],
    ['tree', 'toString'],
    ['tree', '=1'],
    ['tree', '%00=1'],
    ['tree', '%=1'],
    ['tree', 'platform=x/y/z/w/v'],
    ['find', 'size=1e99'],
    ['find', 'mode=999'],
    ['find', 'pattern=(&regex=1'],
    ['find', `pattern=${'a'.repeat(5_000)}`],
    ['find', 'newer=yesterday'],
    ['find', 'kind=evil'],
    ['file', 'path=/etc/passwd&as=html'],
    ['du', 'depth=NaN'],
    ['diff', ''],
    ['ticket', 'url=http://evil.example/'],
    ['mounts', 'x=1'],
  ])('/%s?%s', async (route, query) => {
    const needed = route === 'ticket' || route === 'mounts' ? '' : `${image()}&`;
    expect(await ask(`/api/v1/${route}?${needed}${query}`)).toBe('400 INVALID_ARGUMENT');
  });

  it.each([
    ['layer=99', '404 NOT_FOUND'],
    ['layer=0', '400 INVALID_ARGUMENT'],
    ['layer=-1', '400 INVALID_ARGUMENT'],
    ['layer=sha256:', '400 INVALID_ARGUMENT'],
  ])('/tree?%s', async (query, wanted) => expect(await ask(`/api/v1/tree?IMAGE&${query}`)).toBe(wanted));

  it.each([
    [25_000, '400 INVALID_ARGUMENT'],
    [100_000, '431'],
    [1_000_000, '431'],
  ])('of %d bytes', async (length, wanted) => {
    expect(await ask(`/api/v1/tree?IMAGE&x=${'a'.repeat(length)}`)).toBe(wanted);
  });

  it('of 8,000 names', async () => {
    const query = Array.from({ length: 8_000 }, (_, i) => i.toString(36)).join('&');
    expect(await ask(`/api/v1/mounts?${query.slice(0, 24_000)}`)).toBe('400 INVALID_ARGUMENT');
  });
});

describe('what is no request', () => {
  it.each([
    [`get /healthz HTTP/1.1\r\n${HOST}\r\n\r\n`, '400'],
    [`FOO /healthz HTTP/1.1\r\n${HOST}\r\n\r\n`, '400'],
    [`GET /healthz HTTP/2.0\r\n${HOST}\r\n\r\n`, '400'],
    [`GET /healthz\r\n\r\n`, '400'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '400'],
    ['\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', '400'],
    [`GET /healthz HTTP/1.1\n${HOST}\n\n`, '400'],
    [`GET /healthz HTTP/1.1\r\n${HOST}\r\nContent-Length : 5\r\n\r\n`, '400'],
    [`GET /healthz HTTP/1.1\r\n${HOST}\r\nContent-Length: +5\r\n\r\n`, '400'],
    [`GET /healthz HTTP/1.1\r\n${HOST}\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n`, '400'],
    [`GET /healthz HTTP/1.1\r\n${HOST}\r\nContent-Length: 0, 5\r\n\r\n`, '400'],
    [`GET /healthz HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: chunked, identity\r\n\r\n`, '400'],
    [`GET /healthz HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: identity\r\n\r\n`, '400'],
    [`GET /healthz HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n`, '400'],
    [`GET /healthz HTTP/1.1\r\n${HOST}\r\nX: a\r\n b\r\n\r\n`, '400'],
    [`GET /healthz HTTP/1.1\r\n${HOST}\r\n: x\r\n\r\n`, '400'],
    [`GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n`, '400'],
  ])('%j', async (request, wanted) => {
    const answer = await answerTo(request);
    expect(answer.split(' ')[0]).toBe(wanted);
  });

  it.each(['TRACE', 'PROPFIND', 'PURGE', 'LINK', 'BREW'])('a method %s', async (method) => {
    const request = `${method} /api/v1/mounts HTTP/1.1\r\n${HOST}\r\n${LAST}\r\n\r\n`;
    expect(await answerTo(request)).toBe(method === 'BREW' ? '400' : '405 METHOD_NOT_ALLOWED');
  });
});

describe('Accept', () => {
  it.each([
    ['text/html', '406 NOT_ACCEPTABLE'],
    ['application/json;q=0', '406 NOT_ACCEPTABLE'],
    ['*/*;q=0', '406 NOT_ACCEPTABLE'],
    ['x', '406 NOT_ACCEPTABLE'],
    ['image/*', '406 NOT_ACCEPTABLE'],
    [`${'a/b,'.repeat(2_000)}c/d`, '406 NOT_ACCEPTABLE'],
  ])('%s', async (accept, wanted) => {
    expect(await ask('/api/v1/tree?IMAGE', [`Accept: ${accept}`])).toBe(wanted);
  });

  it.each(['identity', 'gzip;q=0', 'gzip;q=x', 'br', '*', 'x-gzip', ','])(
    'of an encoding: %s changes no range',
    async (encoding) => {
      const headers = [`Accept-Encoding: ${encoding}`, 'Range: bytes=0-1'];
      expect(await ask(`${fileAt('/etc/passwd')}&as=text`, headers)).toBe('206 of');
    },
  );
});

describe('wrong tokens', () => {
  it.each([
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `Bearer ${TOKEN},${TOKEN}`,
    `Bearer x ${TOKEN}`,
    `Basic ${TOKEN}`,
    TOKEN,
    'Bearer \xff\xfe',
    `Bearer ${'a'.repeat(20_000)}`,
  ])('Authorization: %s', async (value) => {
    expect(await ask('/api/v1/mounts', [`Authorization: ${value}`], remote)).toBe('401 TOKEN_REQUIRED');
    expect(await ask('/openapi.json', [`Authorization: ${value}`], remote)).toBe('401 TOKEN_REQUIRED');
  });

  it.each(['token', 'access_token', 'ticket'])('the token as ?%s=', async (name) => {
    expect(await ask(`/metrics?${name}=${TOKEN}`, [], remote)).toBe('401 TOKEN_REQUIRED');
  });

  it('a cookie', async () => {
    expect(await ask('/metrics', [`Cookie: token=${TOKEN}`], remote)).toBe('401 TOKEN_REQUIRED');
  });
});

describe('on another address than loopback, a registry', () => {
  const bearer = [`Authorization: Bearer ${TOKEN}`];
  it.each([
    '169.254.169.254',
    '169.254.169.254:80',
    '169.254.170.2',
    '100.100.100.200',
    '2852039166:80',
    '0xa9fea9fe:80',
    '0xA9.0xFE.0xA9.0xFE',
    '0251.0376.0251.0376',
    '169.254.43518',
    '169.16689662:80',
    '[fd00:ec2::254]:80',
    '[fe80::a9fe:a9fe]:80',
    '[::ffff:a9fe:a9fe]:80',
    '[::a9fe:a9fe]:80',
    '[64:ff9b::a9fe:a9fe]:80',
    '[2002:a9fe:a9fe::]:80',
    'metadata.google.internal',
    'localhost:80',
    'x.localhost:80',
    '127.0.0.1:80',
    '127.1:80',
    '0:80',
    '[::]:80',
    '[::1]:80',
    '10.0.0.1',
    '172.31.0.1',
    '192.168.1.1',
    '0.0.0.0',
    '255.255.255.255',
  ])('%s is refused', async (registry) => {
    const answer = await ask(`/api/v1/image?image=${registry}/latest/meta-data`, bearer, remote);
    expect(answer).toBe('403 FORBIDDEN');
    const tags = await ask(`/api/v1/tags?image=${registry}/latest/meta-data`, bearer, remote);
    expect(tags).toBe('403 FORBIDDEN');
  });
});
