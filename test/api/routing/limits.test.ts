/** Limits of answers, with routes that misbehave. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from '@hono/zod-openapi';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Gate } from '#src/api/access/gate.js';
import { AllowedHosts } from '#src/api/access/request-origin.js';
import { StrangerConnections } from '#src/api/access/stranger-connections.js';
import { Tickets } from '#src/api/access/tickets.js';
import { RequestCounts } from '#src/api/routing/request-counts.js';
import { type Call, type Chunks, type Reply, type Route, route } from '#src/api/routing/route.js';
import { routeRequests } from '#src/api/routing/router.js';
import { SILENT_LOG } from '#src/base/log.js';

const FIRST_BYTE_MS = 300;
const STALL_MS = 300;
const MAX_BYTES = 40 * 1024 * 1024;
const CHUNK = new Uint8Array(1024 * 1024);

/** Signals of handlers, by path. */
const signals = new Map<string, AbortSignal>();
let released = 0;

const forRoute = (path: string, handle: (call: Call) => Promise<Reply> | Reply, more: Partial<Route> = {}) =>
  route({
    path,
    summary: path,
    query: z.strictObject({}),
    answers: {},
    handle(call) {
      signals.set(path, call.signal);
      call.afterwards(() => released++);
      return handle(call);
    },
    ...more,
  });

const bytes = (chunks: Chunks, length?: number): Reply => ({
  kind: 'bytes',
  headers: {},
  length,
  bytes: chunks,
});
/** Asks, and reads nothing of the answer. */
function unread(path: string): Socket {
  const socket = connect(Number(new URL(address).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return socket;
}

const never = () => new Promise<never>(() => {});

async function* forever(): AsyncGenerator<Uint8Array> {
  for (;;) yield CHUNK;
}

/** An event stream that writes more often than a stalled client is waited for. */
async function* often(): AsyncGenerator<Uint8Array> {
  for (;;) {
    yield CHUNK;
    await sleep(STALL_MS / 3);
  }
}

let server: Server;
let address: string;
beforeAll(async () => {
  const gate = new Gate({
    token: 'x'.repeat(20),
    hosts: new AllowedHosts('127.0.0.1', []),
    tickets: new Tickets(),
    uid: process.getuid!(),
    alwaysNeedsToken: false,
    strangers: new StrangerConnections({ connections: 10, ms: 10_000 }),
  });
  const listener = routeRequests({
    routes: [
      forRoute('/hangs', never),
      forRoute('/hangs-before-bytes', () =>
        bytes(
          (async function* () {
            await never();
            yield CHUNK;
          })(),
        ),
      ),
      forRoute('/endless', () => bytes(forever())),
      forRoute('/events', never, { isEventStream: true }),
      forRoute('/unread-events', () => bytes(often())),
      forRoute('/small', () => ({ kind: 'text', body: 'small' })),
      forRoute('/large', () => ({ kind: 'text', body: 'x'.repeat(MAX_BYTES) })),
      forRoute('/large-page', () => ({ kind: 'text', body: 'x'.repeat(MAX_BYTES) }), { isStatic: true }),
      forRoute('/page', () => ({ kind: 'text', body: 'page' }), { isStatic: true }),
    ],
    gate,
    log: SILENT_LOG,
    counts: new RequestCounts(),
    version: '0',
    maxRequests: 2,
    maxEventStreams: 1,
    firstByteMs: FIRST_BYTE_MS,
    stallMs: STALL_MS,
    maxBytes: MAX_BYTES,
    signal: new AbortController().signal,
  });
  server = createServer((incoming, outgoing) => void listener(incoming, outgoing)).listen(0, '127.0.0.1');
  server.on('connection', (socket) => gate.accepted(socket));
  await once(server, 'listening');
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe('an answer', () => {
  it.each(['/hangs', '/hangs-before-bytes'])(
    'that does not begin is 504, and its work ends: %s',
    async (path) => {
      const before = released;
      const answer = await fetch(address + path);
      expect(answer.status).toBe(504);
      expect(await answer.json()).toMatchObject({ error: { code: 'TIMED_OUT' } });
      expect(signals.get(path)!.aborted).toBe(true);
      await sleep(20);
      expect(released).toBe(before + 1);
    },
  );

  it('over the cap is cut off', async () => {
    const answer = await fetch(`${address}/endless`);
    let length = 0;
    const read = async () => {
      for await (const chunk of answer.body!) length += chunk.length;
    };
    await expect(read()).rejects.toThrow();
    expect(length).toBeLessThanOrEqual(MAX_BYTES);
  });

  it('that its client does not read is cut off, and holds up no other', async () => {
    const before = released;
    const socket = unread('/endless');
    await sleep(50);
    expect(await (await fetch(`${address}/page`)).text()).toBe('page');
    await sleep(STALL_MS * 3);
    expect(released).toBe(before + 2);
    socket.destroy();
  });

  it('of events that its client does not read is cut off, and one that is read is not', async () => {
    const before = released;
    const socket = unread('/unread-events');
    const reader = (await fetch(`${address}/unread-events`)).body!.getReader();
    const begun = performance.now();
    while (performance.now() - begun < STALL_MS * 4) expect((await reader.read()).done).toBe(false);
    await vi.waitFor(() => expect(released).toBe(before + 1), { timeout: STALL_MS * 5 });
    expect((await reader.read()).done).toBe(false);
    await reader.cancel();
    await vi.waitFor(() => expect(released).toBe(before + 2));
    socket.destroy();
  });

  it('that ended, but that its client does not read, is cut off', async () => {
    const before = released;
    const socket = unread('/large');
    await sleep(100);
    expect(released).toBe(before);
    await vi.waitFor(() => expect(released).toBe(before + 1), { timeout: STALL_MS * 5 });
    socket.destroy();
  });

  it('of a page takes no place of a request', async () => {
    const before = released;
    const sockets = [unread('/large-page'), unread('/large-page'), unread('/large-page')];
    await sleep(100);
    const others = await Promise.all(['/page', '/small', '/small'].map((path) => fetch(address + path)));
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200]);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(() => expect(released).toBe(before + sockets.length + others.length));
  });

  it('behind an unread one of its connection does not begin, and ends with it', async () => {
    const before = released;
    signals.clear();
    const socket = unread('/large');
    socket.write('GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2));
    await sleep(150);
    socket.destroy();
    await vi.waitFor(() => expect(released).toBe(before + 1));
    expect([...signals.keys()]).toEqual(['/large']);
  });

  it('ends with its client', async () => {
    const client = new AbortController();
    const asking = fetch(`${address}/hangs`, { signal: client.signal }).catch(() => {});
    await sleep(100);
    client.abort();
    await asking;
    await sleep(50);
    expect(signals.get('/hangs')!.aborted).toBe(true);
    expect(signals.get('/hangs')!.reason).toMatchObject({ message: 'the client went away' });
  });
});

it('event streams have a limit of their own', async () => {
  const [stream, ...requests] = [
    fetch(`${address}/events`),
    fetch(`${address}/hangs`),
    fetch(`${address}/hangs`),
  ];
  await sleep(100);
  const busy = await Promise.all([fetch(`${address}/events`), fetch(`${address}/hangs`)]);
  for (const answer of busy) {
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.json()).toMatchObject({ error: { code: 'BUSY' } });
  }
  expect((await Promise.all([stream!, ...requests])).map(({ status }) => status)).toEqual([504, 504, 504]);
});
