/** What is on its way when the connections of a registry are closed ends, whatever it is. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Endpoint } from '#src/registry/endpoint.js';
import { Connections } from '#src/registry/http/connections.js';

let server: Server;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

test.each([
  ['a request', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc'],
  ['a request whose answer only a loose parser reads', 'HTTP/1.1 200 OK\nContent-Length : 1000\n\nabc'],
])('%s on connections that were renewed meanwhile', async (_, answer) => {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.write(answer));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const endpoint = new Endpoint(host, false);
  const connections = new Connections({ endpoint, insecure: false, stallMs: 60_000, environment: {} });
  const { signal } = new AbortController();
  const request = { method: 'GET', url: new URL(`http://${host}/`), headers: {} } as const;
  const { body } = await connections.exchange(request, signal);
  const read = body.consume(() => {});
  connections.renew();
  // The retired pool has nothing to wait for by now.
  await new Promise((resolve) => setTimeout(resolve, 50));
  await connections.close();
  await expect(read).rejects.toMatchObject({ code: 'ABORTED' });
});

test('also when a proxy could not be used', async () => {
  server = createServer();
  const environment = { HTTPS_PROXY: 'socks5://proxy.test' };
  const endpoint = new Endpoint('registry.test', false);
  const connections = new Connections({ endpoint, insecure: false, stallMs: 60_000, environment });
  const { signal } = new AbortController();
  const request = { method: 'GET', url: new URL('https://registry.test/'), headers: {} } as const;
  const asked = connections.exchange(request, signal).catch((error: Error) => error.message);
  await connections.close();
  expect(await asked).toMatch(/closed|HTTPS_PROXY/);
});
