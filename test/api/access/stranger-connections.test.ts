/** Connections that are not let in, by number and by time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { networkOf, StrangerConnections } from '#src/api/access/stranger-connections.js';
import { TREE_PAGE } from '#src/api/schemas/entry.js';
import { asUser, SOMEBODY_ELSE } from '../../support/ordinary-user.js';
import { file, tarOf } from '../../support/tar.js';
import { Served, TOKEN } from '../served.js';

describe('connections of strangers', () => {
  const three = () => new StrangerConnections({ connections: 3, ms: 60_000 });

  it('over the limit cost the owner with most of them the oldest', () => {
    const strangers = three();
    const [a1, a2, b1, a3, b2, b3] = Array.from({ length: 6 }, () => new Socket());
    const isOpen = () => [a1!, a2!, b1!, a3!, b2!, b3!].map((socket) => !socket.destroyed);
    strangers.add(a1!, 'a');
    strangers.add(a2!, 'a');
    strangers.add(b1!, 'b');
    expect(isOpen()).toEqual([true, true, true, true, true, true]);
    strangers.add(a3!, 'a');
    expect(isOpen()).toEqual([false, true, true, true, true, true]);
    strangers.add(b2!, 'b');
    expect(isOpen()).toEqual([false, false, true, true, true, true]);
    strangers.add(b3!, 'b');
    expect(isOpen()).toEqual([false, false, false, true, true, true]);
    expect(strangers.size).toBe(3);
  });

  it('do not count when they are let in, or closed', async () => {
    const strangers = three();
    const [letIn, closed, third] = [new Socket(), new Socket(), new Socket()];
    for (const socket of [letIn, closed, closed, third]) strangers.add(socket, 'a');
    expect(strangers.size).toBe(3);
    strangers.remove(letIn);
    strangers.remove(letIn);
    closed.destroy();
    await once(closed, 'close');
    expect(strangers.size).toBe(1);
    strangers.add(closed, 'a');
    expect(strangers.size).toBe(1);
    for (let i = 0; i < 3; i++) strangers.add(new Socket(), 'a');
    expect([letIn.destroyed, third.destroyed, strangers.size]).toEqual([false, true, 3]);
  });

  it('end after their time, unless they are let in', async () => {
    const strangers = new StrangerConnections({ connections: 3, ms: 30 });
    const [late, letIn] = [new Socket(), new Socket()];
    strangers.add(late, 'a');
    strangers.add(letIn, 'a');
    strangers.remove(letIn);
    await vi.waitFor(() => expect(late.destroyed).toBe(true));
    expect([letIn.destroyed, strangers.size]).toEqual([false, 0]);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::7', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    [undefined, ''],
  ])('of %s are of the network %s', (address, network) => expect(networkOf(address)).toBe(network));
});

/** Opens connections. Each sends `text`, and reads nothing. Prints how many were opened. */
const SLOW_CLIENTS = `
const [port, count, text] = process.argv.slice(1);
let opened = 0;
for (let i = 0; i < Number(count); i++) {
  const socket = require('node:net').connect(Number(port), '127.0.0.1');
  socket.on('error', () => {}).pause().once('connect', () => socket.write(text)).once('connect', () => opened++);
}
setInterval(() => console.log(opened), 50);`;

/** Connections that another process holds. */
class SlowClients {
  #output = '';

  private constructor(private readonly child: ChildProcess) {
    child.stdout!.on('data', (chunk) => {
      this.#output += chunk;
    });
  }

  static start(address: string, { uid, count, text }: { uid: number; count: number; text: string }) {
    const script = [process.execPath, '-e', SLOW_CLIENTS, new URL(address).port, String(count), text];
    const [command = '', ...words] = uid === process.getuid!() ? script : [...asUser(uid), ...script];
    return new SlowClients(spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' }));
  }

  get opened(): number {
    return Number(this.#output.split('\n').at(-2) ?? 0);
  }

  async end(): Promise<void> {
    this.child.kill('SIGKILL');
    await once(this.child, 'close');
  }
}

/** Connections that a server holds: neither end has closed them. (proc(5), /proc/net/tcp) */
function openConnections(address: string): number {
  const port = Number(new URL(address).port).toString(16).toUpperCase().padStart(4, '0');
  const established = new RegExp(`^\\s*\\d+: \\w+:${port} \\w+:\\w+ 01 `, 'gm');
  return readFileSync('/proc/net/tcp', 'latin1').match(established)?.length ?? 0;
}

/** Places for 4 requests and as many streams, and few others. */
const LIMITS = { eventStreams: 4, idleConnections: 40, strangers: 20, arrivingConnections: 700 };
/** More than all places. */
const MANY = 1_100;
/** Connections of this process. */
const OWN = 20;

describe('slow clients that are not let in', () => {
  let served: Served;
  let remote: Served; // as on another address: no owner is known
  beforeAll(async () => {
    const images = { t: [tarOf(file('a', 'content of a'))] };
    served = await Served.start(images, { maxRequests: 4, limits: LIMITS });
    remote = await Served.start(images, {
      maxRequests: 4,
      limits: LIMITS,
      listening: { address: '127.0.0.1', isLoopback: false },
    });
  });
  afterAll(() => Promise.all([served?.close(), remote?.close()]));

  const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const isRoot = process.getuid!() === 0;

  it.runIf(isRoot).each([
    ['that send half a head', 'GET / HTTP/1.1\r\nHost: localhost\r\nX: '],
    ['that send nothing', ''],
    ['that read no page', request('/').repeat(50)],
    ['that are refused', request('/api/v1/mounts').repeat(50)],
    ['that stay', request('/healthz')],
  ])('of another user, %s, hold up no other', async (_, text) => {
    const clients = SlowClients.start(served.address, { uid: SOMEBODY_ELSE, count: MANY, text });
    try {
      let slowest = 0;
      for (let left = MANY; left > LIMITS.strangers + OWN; left = openConnections(served.address)) {
        for (let i = 0; i < 5 || clients.opened < MANY; i++) {
          const asked = performance.now();
          expect((await served.get('/healthz')).status).toBe(200);
          expect((await served.get('/')).status).toBe(200);
          await served.json('/api/v1/tree', { image: served.image('t') }, TREE_PAGE);
          slowest = Math.max(slowest, performance.now() - asked);
          await sleep(50);
        }
      }
      expect(slowest).toBeLessThan(5_000);
    } finally {
      await clients.end();
    }
  });

  it('hold up no client with the token, though it has their address', async () => {
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const tree = () => remote.get('/api/v1/tree', { image: remote.image('t') }, { headers });
    expect((await tree()).status).toBe(200);
    const clients = SlowClients.start(remote.address, {
      uid: process.getuid!(),
      count: MANY,
      text: 'GET / HTTP/1.1\r\n',
    });
    try {
      await vi.waitFor(() => expect(clients.opened).toBe(MANY), { timeout: 15_000 });
      await vi.waitFor(() => expect(openConnections(remote.address)).toBeLessThan(LIMITS.strangers + OWN), {
        timeout: 10_000,
        interval: 300,
      });
      for (let i = 0; i < 10; i++) {
        expect((await tree()).status).toBe(200);
        expect((await remote.get('/healthz')).status).toBe(200);
      }
    } finally {
      await clients.end();
    }
  });

  it.each([
    ['/healthz', 200],
    ['/', 200],
    ['/api/v1/mounts', 401],
    ['/openapi.json', 401],
    ['/nothing', 404],
  ])('%s ends the connection of one, and not that of others', async (path, status) => {
    const asked = async (more = '') => {
      const socket = connect(Number(new URL(remote.address).port), '127.0.0.1');
      let answer = '';
      let isEnded = false;
      socket.on('data', (chunk) => {
        answer += chunk.toString('latin1');
      });
      socket.once('end', () => {
        isEnded = true;
      });
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`);
      await vi.waitFor(() => expect(answer).toContain('\r\n\r\n'));
      await sleep(100);
      socket.destroy();
      const { 1: code, 2: connection } = /^HTTP\/1\.1 (\d+).*?^connection: (\S+)/ims.exec(answer) ?? [];
      return [Number(code), connection, isEnded];
    };
    expect(await asked()).toEqual([status, 'close', true]);
    const letIn = await asked(`Authorization: Bearer ${TOKEN}\r\n`);
    expect(letIn).toEqual([status === 401 ? 200 : status, 'keep-alive', false]);
  });
});
