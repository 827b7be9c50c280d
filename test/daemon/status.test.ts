import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { statusSocketName } from '#dist/daemon/live-status.js';
import { contactDaemon, parseStatus } from '#dist/daemon/status-client.js';
import { serveStatus } from '#dist/daemon/status-server.js';

const STATUS = {
  mountpoint: '/m\n',
  image: 'i',
  digest: `sha256:${'ab'.repeat(32)}` as never,
  platform: 'linux/amd64',
  pid: 1,
  log: '/l',
  since: '2026-01-01T00:00:00.000Z',
  bytesFetched: 1,
  bytesServed: 2,
  cacheHits: 3,
  cacheMisses: 4,
};

/** Names that no mount has and no other run of this test. */
let count = 0;
const device = () => `test:${process.pid}:${count++}`;

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Somebody else who listens on our name. */
async function squat(name: string, answer: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(answer);
  });
  servers.push(server);
  server.listen(statusSocketName(name));
  await once(server, 'listening');
}

describe('status socket', () => {
  it('answers everybody with the status of the moment', async () => {
    const name = device();
    let bytesServed = 0;
    expect(await serveStatus(name, () => ({ ...STATUS, bytesServed: bytesServed++ }))).toBe(true);
    for (const wanted of [0, 1]) {
      const contact = await contactDaemon(name);
      expect(contact?.status).toEqual({ ...STATUS, bytesServed: wanted });
      contact?.close();
      await contact?.ended;
    }
  });

  it('a name that is taken is no failure', async () => {
    const name = device();
    await squat(name, '');
    expect(await serveStatus(name, () => STATUS)).toBe(false);
  });

  it('nobody there is a dead daemon', async () => {
    expect(await contactDaemon(device())).toBeUndefined();
  });

  it.each([
    ['silence', ''],
    ['no JSON', 'hello\n'],
    ['a flood', 'x'.repeat(1024 * 1024)],
    ['half a line', '{"mountpoint":'],
  ])('%s is no status', async (_what, answer) => {
    const name = device();
    await squat(name, answer);
    const contact = await contactDaemon(name);
    expect(contact).toBeDefined();
    expect(contact?.status).toBeUndefined();
    contact?.close();
  });
});

describe('parseStatus', () => {
  it('takes the known members only, in their order', () => {
    const parsed = parseStatus(JSON.stringify({ extra: 1, ...STATUS }));
    expect(Object.keys(parsed!)).toEqual(Object.keys(STATUS));
  });

  it.each([
    'null',
    '[]',
    '1',
    '{}',
    JSON.stringify({ ...STATUS, pid: '1' }),
    JSON.stringify({ ...STATUS, image: null }),
  ])('refuses %s', (text) => expect(parseStatus(text)).toBeUndefined());
});
