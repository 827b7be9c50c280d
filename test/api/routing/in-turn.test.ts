/** Requests that a client sends before it has the answers of those before. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { inTurn, type RequestListener } from '#src/api/routing/in-turn.js';

const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** More than the buffers of a connection take. */
const LARGE = 16 * 1024 * 1024;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Starts a server. @returns a connection, and the paths whose answers have begun */
async function start(listener: RequestListener): Promise<{ socket: Socket; begun: string[] }> {
  const begun: string[] = [];
  const answer = inTurn(async (incoming, outgoing) => {
    begun.push(incoming.url!);
    await listener(incoming, outgoing);
  });
  server = createServer((incoming, outgoing) => void answer(incoming, outgoing)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {}); // a connection that is cut
  await once(socket, 'connect');
  return { socket, begun };
}

it('an answer begins when the client has taken the one before', async () => {
  const { socket, begun } = await start(async (_, outgoing) => {
    outgoing.end(Buffer.alloc(LARGE));
  });
  socket.pause();
  socket.write(['/1', '/2', '/3'].map(request).join(''));
  await vi.waitFor(() => expect(begun).toEqual(['/1']));
  await sleep(100);
  expect(begun).toEqual(['/1']); // else all answers would be in memory
  socket.resume();
  await vi.waitFor(() => expect(begun).toEqual(['/1', '/2', '/3']));
});

it('a client with too many requests under way is cut off', async () => {
  const { socket, begun } = await start(() => new Promise(() => {}));
  const closed = once(socket, 'close');
  socket.resume();
  socket.write(request('/'));
  await vi.waitFor(() => expect(begun).toEqual(['/']));
  socket.write(request('/').repeat(200));
  await closed;
  expect(begun).toEqual(['/']);
});

it('a client may send some requests at once, and many in a row', async () => {
  const { socket, begun } = await start(async (_, outgoing) => {
    await sleep(0);
    outgoing.end('x');
  });
  socket.resume();
  for (let row = 1; row <= 6; row++) {
    socket.write(request('/').repeat(50));
    await vi.waitFor(() => expect(begun).toHaveLength(50 * row), { timeout: 5_000 });
  }
});
