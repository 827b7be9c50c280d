/** Messages of a registry's errors: quoted without our secrets, with a limit of time. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { withoutSentSecrets } from '#src/registry/authorization/sent-secrets.js';
import { type BodyControl, ResponseBody } from '#src/registry/http/response-body.js';
import { StallTimer } from '#src/registry/http/stall-timer.js';
import { RegistryClient } from '#src/registry/registry-client.js';
import { answerFault } from '#src/registry/requests/answer-fault.js';

const servers: Server[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('credentials that the registry repeats are not shown', () => {
  const PAIR = Buffer.from('user:hunter2secret').toString('base64');

  test('from DOCKER_AUTH_CONFIG', async () => {
    const host = await serve((incoming, outgoing) => {
      const { authorization } = incoming.headers;
      if (authorization === undefined)
        outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else {
        const message = `bad: ${authorization}, ${authorization.slice(6)}, hunter2secret`;
        outgoing.writeHead(403).end(JSON.stringify({ errors: [{ code: 'DENIED', message }] }));
      }
    });
    const environment = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [host]: { auth: PAIR } } }) };
    const client = new RegistryClient(host, { insecure: false, environment });
    const asked = client.getManifest('app', 'latest');
    await expect(asked).rejects.toThrow('DENIED: bad: Basic ***, ***, ***');
    await client.close();
  });

  test.each<[string, string, string, { headers?: Record<string, string>; body?: string }]>([
    ['a token', 'no abcdef123', 'no ***', { headers: { authorization: 'Bearer abcdef123' } }],
    ['a refresh token', 'no r/t+1', 'no ***', { body: 'refresh_token=r%2Ft%2B1' }],
    ['a signature', 'no 0123456789abcdef!', 'no ***!', {}],
    ['a signed query', 'GET /b?sig=0123456789abcdef&scope=a:b', 'GET /b?***', {}],
    ['a scope is none', 'no a:b', 'no a:b', { headers: { authorization: 'Basic' } }],
  ])('%s', (_, text, shown, { headers = {}, body }) => {
    const url = new URL('https://storage.test/b?sig=0123456789abcdef&scope=a:b');
    const sent = { headers, ...(body !== undefined && { body }) };
    expect(withoutSentSecrets(text, { url, sent })).toBe(shown);
  });
});

describe('a body that comes byte by byte', () => {
  function drippingBody(): { body: ResponseBody; isAborted: () => boolean } {
    let aborted = false;
    const control: BodyControl = {
      pause: () => {},
      resume: () => {},
      abort: (reason) => {
        aborted = true;
        body.onError(reason);
      },
    };
    const body: ResponseBody = new ResponseBody(control, new StallTimer(20_000, () => {}));
    return { body, isAborted: () => aborted };
  }

  test('ends an error after 5 s', async () => {
    vi.useFakeTimers();
    const { body, isAborted } = drippingBody();
    const url = new URL('http://r.test/');
    const answer = { status: 404, headers: {}, url, body, nearby: false, senderNearby: undefined };
    const fault = answerFault({ ...answer, proxy: undefined }, 'reading x', '200');
    body.onData(Buffer.from('gone'));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(isAborted()).toBe(true);
    expect((await fault).message).toBe('reading x: got 404 from r.test, want 200: gone');
  });

  test('is not read to its end for the sake of the connection', async () => {
    vi.useFakeTimers();
    const { body, isAborted } = drippingBody();
    body.discard();
    await vi.advanceTimersByTimeAsync(4_999);
    expect(isAborted()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(isAborted()).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
