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
  pid: process.pid,
  log: '/l',
  since: '2026-01-01T00:00:00.000Z',
  bytesFetched: 1,
  bytesServed: 2,
  cacheHits: 3,
  cacheMisses: 4,
};

const OWNER = process.geteuid!();

/** Names that no mount has and no other run of this test. */
let count = 0;
const device = () => `test:${process.pid}:${count++}`;

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Somebody else who listens on our name. */
async function squat(name: string, answer: string, owner = OWNER): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(answer);
  });
  servers.push(server);
  server.listen(`\0${statusSocketName(name, owner)}`);
  await once(server, 'listening');
}

describe('status socket', () => {
  it('answers everybody with the status of the moment', async () => {
    const name = device();
    let bytesServed = 0;
    expect(await serveStatus(name, () => ({ ...STATUS, bytesServed: bytesServed++ }))).toBe(true);
    for (const wanted of [0, 1]) {
      const contact = await contactDaemon({ device: name, owner: OWNER });
      expect(contact?.status).toEqual({ ...STATUS, bytesServed: wanted });
      contact?.close();
      await contact?.ended;
    }
  });

  it('a name that is taken is no failure', async () => {
    const name = device();
    await squat(name, '');
    expect(await serveStatus(name, () => STATUS, 0)).toBe(false);
  });

  it('waits for the daemon that had the number before', async () => {
    const name = device();
    await squat(name, '');
    const serving = serveStatus(name, () => STATUS, Number.POSITIVE_INFINITY);
    const contact = await contactDaemon({ device: name, owner: OWNER }); // the other one's: it has not ended yet
    contact?.close();
    servers.pop()!.close();
    expect(await serving).toBe(true);
    const now = await contactDaemon({ device: name, owner: OWNER });
    expect(now?.status).toEqual(STATUS);
    now?.close();
  });

  it.each([
    ['another process', 1, OWNER],
    ['a process that is not there', 2 ** 30, OWNER],
    ['another user', process.pid, OWNER + 1],
  ])('is not believed when it speaks for %s', async (_who, pid, owner) => {
    const name = device();
    await squat(name, `${JSON.stringify({ ...STATUS, pid })}\n`, owner);
    const contact = await contactDaemon({ device: name, owner });
    expect(contact).toBeDefined();
    expect(contact?.status).toBeUndefined();
    contact?.close();
  });

  it('nobody there is a dead daemon', async () => {
    expect(await contactDaemon({ device: device(), owner: OWNER })).toBeUndefined();
  });

  it.each([
    ['silence', ''],
    ['no JSON', 'hello\n'],
    ['a flood', 'x'.repeat(1024 * 1024)],
    ['half a line', '{"mountpoint":'],
  ])('%s is no status', async (_what, answer) => {
    const name = device();
    await squat(name, answer);
    const contact = await contactDaemon({ device: name, owner: OWNER });
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
