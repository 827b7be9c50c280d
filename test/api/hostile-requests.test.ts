/** Requests as an attacker writes them, over raw sockets. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { file, tarOf } from '../support/tar.js';
import { get, HOST, rawRequest } from './raw-request.js';
import { Served, TOKEN } from './served.js';

let served: Served;
let remote: Served; // as on another address than loopback
beforeAll(async () => {
  const images = { t: [tarOf(file('a', 'content of a'))] };
  served = await Served.start(images, { hosts: ['box.example'], maxRequests: 4 });
  remote = await Served.start(images, {
    listening: { address: '127.0.0.1', isLoopback: false },
    showsLocal: false,
  });
});
afterAll(() => Promise.all([served?.close(), remote?.close()]));

const raw = (text: string, { to = served, ms = 5_000 } = {}) => rawRequest(text, { to: to.address, ms });

/** The statuses of all answers. */
const statuses = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

const TREE = () => served.url('/api/v1/tree', { image: served.image('t') }).slice(served.address.length);

describe('a request', () => {
  it.each<[string, number, string[]]>([
    ['/healthz', 200, [HOST]],
    ['/healthz', 200, ['Host: LOCALHOST:1']],
    ['/healthz', 200, ['Host: box.example']],
    ['/healthz', 403, ['Host: evil.example']],
    ['/healthz', 403, ['Host: localhost.evil.example']],
    ['/healthz', 403, ['Host: localhost.']],
    ['/healthz', 403, ['Host: 127.0.0.1.evil.example']],
    ['/healthz', 403, ['Host: evil.example@localhost']],
    ['/healthz', 403, ['Host: localhost/evil']],
    ['/healthz', 403, ['Host: localhost:80:80']],
    ['/healthz', 403, ['Host: ']],
    ['/healthz', 403, ['Host: localhost:']],
    ['/healthz', 400, ['Host: localhost:99999']],
    ['/healthz', 400, ['Host: [::::]']],
    ['/healthz#x', 400, [HOST]],
    ['/healthz', 400, []],
    ['/healthz', 400, [HOST, 'Host: evil.example']],
    ['/healthz', 400, [HOST, HOST]],
    ['http://localhost/healthz', 400, [HOST]],
    ['http://evil.example/healthz', 400, [HOST]],
    ['*', 400, [HOST]],
    ['//evil.example/healthz', 404, [HOST]],
    ['/healthz', 400, [HOST, 'Content-Length: 5']],
    ['/healthz', 400, [HOST, 'Transfer-Encoding: chunked']],
    ['/healthz', 400, [HOST, 'Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['/healthz', 400, [HOST, 'X: a\0b']],
    ['/healthz', 431, [HOST, `X: ${'a'.repeat(40_000)}`]],
    [`/healthz?${'a'.repeat(25_000)}`, 400, [HOST]],
    ['/assets/../../../etc/passwd', 404, [HOST]],
    ['/assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd', 404, [HOST]],
    ['/assets/..%2f..%2f..%2fetc%2fpasswd', 404, [HOST]],
    ['/assets/%00', 404, [HOST]],
    ['/assets/%zz', 404, [HOST]],
    ['/api/v1/../v1/nothing', 404, [HOST]],
    ['/nothing', 403, ['Host: evil.example']],
    ['/api/v1/tree?image=%00', 400, [HOST]],
    ['/api/v1/tree?image=%', 400, [HOST]],
    ['/api/v1/tree?image=a&image=b', 400, [HOST]],
    ['/api/v1/mounts', 200, [HOST]],
    ['/api/v1/mounts', 200, [HOST, 'Sec-Fetch-Site: same-origin', 'Origin: http://localhost']],
    ['/api/v1/mounts', 403, [HOST, 'Sec-Fetch-Site: cross-site']],
    ['/api/v1/mounts', 403, [HOST, 'Sec-Fetch-Site: same-site']],
    ['/api/v1/mounts', 403, [HOST, 'Sec-Fetch-Site: none', 'Sec-Fetch-Site: same-origin']],
    ['/api/v1/mounts', 403, [HOST, 'Origin: http://evil.example']],
    ['/api/v1/mounts', 403, [HOST, 'Origin: null']],
    ['/api/v1/mounts', 403, [HOST, 'Origin: http://localhost:81']],
    ['/api/v1/mounts', 401, ['Host: box.example']],
    ['/api/v1/mounts', 401, [HOST, 'X-Forwarded-For: 192.0.2.1']],
    ['/api/v1/mounts', 401, [HOST, 'Forwarded: for=192.0.2.1']],
    ['/api/v1/mounts', 200, ['Host: box.example', `Authorization: Bearer ${TOKEN}`]],
    ['/api/v1/mounts', 400, [HOST, 'Authorization: Bearer x', `Authorization: Bearer ${TOKEN}`]],
    ['/', 200, [HOST, 'Sec-Fetch-Site: cross-site']],
  ])('%s gets %d with %j', async (target, status, headers) => {
    expect(statuses(await raw(get(target, ...headers, 'Connection: close')))).toEqual([status]);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('of method %s gets 405', async (method) => {
    const answer = await raw(`${method} /healthz HTTP/1.1\r\n${HOST}\r\nConnection: close\r\n\r\n`);
    expect(statuses(answer)).toEqual([405]);
    expect(answer).toMatch(/^allow: GET, HEAD\r$/im);
    expect(answer).not.toMatch(/access-control/i);
  });

  it('of HTTP/1.0 is answered, with a Host', async () => {
    expect(await raw(`GET /healthz HTTP/1.0\r\n${HOST}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 .*"ok"/s);
    expect(statuses(await raw('GET /healthz HTTP/1.0\r\n\r\n'))).toEqual([400]);
  });

  it('behind one with a body is not taken for a request', async () => {
    const smuggled = get('/healthz', HOST);
    const answer = await raw(get('/healthz', HOST, `Content-Length: ${smuggled.length}`) + smuggled);
    expect(statuses(answer)).toEqual([400]);
  });

  it.each([
    ['a wrong form', get('/healthz', HOST, HOST)],
    ['Connection: close', get('/healthz', HOST, 'Connection: close')],
  ])('behind one with %s is not taken', async (_, first) => {
    const answers = async () => {
      const text = await (await served.get('/metrics')).text();
      const counts = text.matchAll(/^layerslayer_requests_total\{route="\/i\/\*".*\} (\d+)$/gm);
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    await raw(get('/i/x', HOST, 'Connection: close'));
    const before = await answers();
    expect(before).toBeGreaterThan(0);
    expect(statuses(await raw(first + get('/i/x', HOST).repeat(3)))).toHaveLength(1);
    expect(await answers()).toBe(before);
  });

  it('is answered in its turn when several come at once', async () => {
    const answer = await raw(
      get('/healthz', HOST) + get('/nothing', HOST) + get('/healthz', HOST, 'Connection: close'),
    );
    expect(statuses(answer)).toEqual([200, 404, 200]);
  });

  it('without an end is cut off', async () => {
    const begun = performance.now();
    const slow = await raw(`GET /healthz HTTP/1.1\r\n${HOST}\r\nX: `, { ms: 16_000 });
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(statuses(slow)).toEqual([408]);
  }, 20_000);

  it('to CONNECT or upgrade gets no connection', async () => {
    expect(await raw('CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('');
    const upgrade = get('/healthz', HOST, 'Connection: Upgrade, close', 'Upgrade: websocket');
    expect(statuses(await raw(upgrade))).toEqual([200]);
  });
});

describe('on another address', () => {
  it('every connection needs the token', async () => {
    expect(await remote.fault('/api/v1/mounts')).toMatch(/^401 TOKEN_REQUIRED/);
    expect((await remote.get('/healthz')).status).toBe(200);
    expect((await remote.get('/')).status).toBe(200);
  });

  it('cache and mounts are not shown', async () => {
    const init = { headers: { Authorization: `Bearer ${TOKEN}` } };
    for (const path of ['/api/v1/mounts', '/api/v1/images'])
      expect(await remote.fault(path, {}, init)).toMatch(/^403 FORBIDDEN .*--show-local/);
  });
});

describe('a ticket', () => {
  const issue = async (url: string) => {
    const init = { headers: { Authorization: `Bearer ${TOKEN}` } };
    const answer = await remote.get('/api/v1/ticket', { url }, init);
    return ((await answer.json()) as { ticket: string }).ticket;
  };
  const status = async (target: string) => (await fetch(remote.address + target)).status;

  it('is good for its URL alone', async () => {
    const image = encodeURIComponent(remote.image('t'));
    const url = `/api/v1/file?image=${image}&path=/a`;
    const ticket = await issue(url);
    expect(await status(`${url}&ticket=${ticket}`)).toBe(200);
    expect(await status(`${url}&as=text&ticket=${ticket}`)).toBe(401);
    expect(await status(`/api/v1/file?path=/a&image=${image}&ticket=${ticket}`)).toBe(401);
    expect(await status(`/api/v1/tree?image=${image}&ticket=${ticket}`)).toBe(401);
    expect(await status(`${url}&ticket=${ticket.slice(0, -1)}`)).toBe(401);
    expect(await status(`${url}&ticket=${ticket}&ticket=x`)).toBe(401);
    expect(await status(url)).toBe(401);
  });

  it('makes no other tickets', async () => {
    const init = { headers: { Authorization: `Bearer ${TOKEN}` } };
    const answer = await remote.fault('/api/v1/ticket', { url: '/api/v1/ticket?url=/metrics' }, init);
    expect(answer).toMatch(/^400 INVALID_ARGUMENT/);
  });

  it.each(['/api/v1/%74icket', '/api/v1/./ticket', '/api/v1/x/../ticket'])(
    'makes none by another spelling of the path: %s',
    async (path) => {
      const target = `${path}?url=/metrics`;
      const ticket = await issue(target);
      const answer = await raw(get(`${target}&ticket=${ticket}`, HOST, 'Connection: close'), { to: remote });
      expect(statuses(answer)).toEqual([401]);
    },
  );
});

it('requests over the limit get BUSY, and are counted when clients go away', async () => {
  const { port, hostname } = new URL(served.address);
  // A stream of events is no request; the waiting ones are.
  const busy = () => Array.from({ length: 30 }, () => raw(get(TREE(), HOST, 'Connection: close')));
  const all = (await Promise.all(busy())).flatMap(statuses);
  expect(all).toContain(200);
  expect(all.every((status) => status === 200 || status === 429)).toBe(true);
  for (let i = 0; i < 20; i++) {
    const socket = connect(Number(port), hostname).on('error', () => {});
    socket.write(get(TREE(), HOST), () => socket.destroy());
    await once(socket, 'close');
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect((await served.get('/api/v1/tree', { image: served.image('t') })).status).toBe(200);
});

it('no answer and no log line has the token', async () => {
  const init = { headers: { Authorization: `Bearer ${TOKEN}x` } };
  const texts = await Promise.all(
    ['/api/v1/mounts', '/nothing', '/metrics', '/openapi.json', '/healthz'].map(async (path) => {
      const answer = await remote.get(path, {}, init);
      return `${JSON.stringify([...answer.headers])} ${await answer.text()}`;
    }),
  );
  for (const text of [...texts, ...remote.log, ...served.log]) expect(text).not.toContain(TOKEN);
});
