/** Rule R7: the address of a response's socket decides where the registry may redirect. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RegistryClient } from '#src/registry/registry-client.js';

/** The address that the nth socket to the registry reports. */
let addressOf: (nth: number) => string;
const opened = new Map<number, number>();
const claimed = new WeakMap<Socket, string>();
/** Backs `remoteAddress`, which cannot be replaced itself. */
interface PeerName {
  _getpeername(): { address?: string; port?: number };
}
const sockets = Socket.prototype as unknown as PeerName;
const original = sockets._getpeername;

type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => void;
const servers: Server[] = [];
const listen = async (answer: Answer): Promise<number> => {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

let victim: number;
const hits: string[] = [];
let registry: number;
let answer: Answer;
beforeAll(async () => {
  victim = await listen((incoming, outgoing) => {
    hits.push(`${incoming.method} ${incoming.url}`);
    outgoing.end('{}');
  });
  registry = await listen((incoming, outgoing) => answer(incoming, outgoing));
  sockets._getpeername = function (this: Socket & PeerName) {
    const peer = original.call(this);
    if (peer.port !== registry) return peer;
    if (!claimed.has(this)) {
      const nth = (opened.get(registry) ?? 0) + 1;
      opened.set(registry, nth);
      claimed.set(this, addressOf(nth));
    }
    return { ...peer, address: claimed.get(this)! };
  };
});
afterAll(() => {
  sockets._getpeername = original;
  for (const server of servers) server.close();
});
beforeEach(() => {
  hits.length = 0;
  opened.clear();
});

const clients: RegistryClient[] = [];
afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));
const ask = () => {
  const client = new RegistryClient(`localhost:${registry}`, { insecure: false, environment: {} });
  clients.push(client);
  return client.getManifest('a/b', 'sha256:'.padEnd(71, '0'));
};

const redirect =
  (location: () => string): Answer =>
  (_incoming, outgoing) => {
    outgoing.writeHead(307, { location: location(), 'content-length': '0' }).end();
  };
const challenge =
  (realm: () => string): Answer =>
  (_incoming, outgoing) => {
    outgoing.writeHead(401, { 'www-authenticate': `Bearer realm="${realm()}"`, 'content-length': '0' }).end();
  };
const PUBLIC = '198.51.100.7';

describe('a registry whose name has a public and a loopback address', () => {
  test.each([
    ['redirects', () => redirect(() => `http://127.0.0.1:${victim}/admin`)],
    ['names a token realm', () => challenge(() => `http://127.0.0.1:${victim}/admin`)],
    ['redirects to IPv4 inside IPv6', () => redirect(() => `http://[::ffff:127.0.0.1]:${victim}/admin`)],
  ])('%s from its public one: refused', async (_, answers) => {
    addressOf = () => PUBLIC;
    answer = answers();
    await expect(ask()).rejects.toThrow("refused: a loopback address, and the registry's own is not");
    expect(hits).toEqual([]);
  });

  test.each([
    ['redirects', () => redirect(() => `http://127.0.0.1:${victim}/admin`), /^GET \/admin$/],
    ['names a token realm', () => challenge(() => `http://127.0.0.1:${victim}/admin`), /^GET \/admin\?scope/],
  ])('%s from its loopback one: followed', async (_, answers, hit) => {
    addressOf = () => '127.0.0.9';
    answer = answers();
    await expect(ask()).rejects.toThrow(); // the victim has no manifest and no token
    expect(hits[0]).toMatch(hit);
  });

  test('each answer counts by itself', async () => {
    addressOf = (nth) => (nth === 1 ? '127.0.0.9' : PUBLIC);
    let asked = 0;
    answer = (incoming, outgoing) => {
      const again = ++asked === 1;
      outgoing.setHeader('connection', 'close');
      redirect(() => (again ? '/next' : `http://127.0.0.1:${victim}/admin`))(incoming, outgoing);
    };
    await expect(ask()).rejects.toThrow('a loopback address');
    expect([asked, hits]).toEqual([2, []]);
  });
});

describe('a response that only the loose parser accepts', () => {
  /** undici's parser rejects the space before the colon. */
  const strange =
    (location: () => string): Answer =>
    (incoming) => {
      incoming.socket.end(`HTTP/1.1 307 Go\r\nLocation : ${location()}\r\nContent-Length: 0\r\n\r\n`);
    };

  test('is judged by its own socket', async () => {
    addressOf = (nth) => (nth === 1 ? '127.0.0.9' : PUBLIC);
    answer = strange(() => `http://127.0.0.1:${victim}/admin`);
    await expect(ask()).rejects.toThrow("refused: a loopback address, and the registry's own is not");
    expect([opened.get(registry), hits]).toEqual([2, []]);
  });

  test('is not asked for at another, loopback address', async () => {
    addressOf = (nth) => (nth === 4 ? '127.0.0.9' : PUBLIC);
    const seen: string[] = [];
    answer = (incoming, outgoing) => {
      seen.push(incoming.url!);
      // 1 and 2: the manifest, strictly and loosely; 3: loosely from here on
      if (seen.length < 4) strange(() => `/admin${seen.length}`)(incoming, outgoing);
      else outgoing.writeHead(500).end();
    };
    await expect(ask()).rejects.toThrow('localhost refused: it resolves to a loopback address');
    expect(seen.slice(1)).toEqual([seen[0], '/admin2']);
  });
});

describe('a name that gets another address between two requests (DNS rebinding)', () => {
  test.each([
    ['a redirect', () => redirect(() => '/admin')],
    ['a token realm', () => challenge(() => `http://localhost:${registry}/admin`)],
  ])('%s to the same host is not sent to the new, loopback one', async (_, answers) => {
    addressOf = (nth) => (nth === 1 ? PUBLIC : '127.0.0.1');
    const seen: string[] = [];
    answer = (incoming, outgoing) => {
      seen.push(incoming.url!);
      outgoing.setHeader('connection', 'close');
      answers()(incoming, outgoing);
    };
    await expect(ask()).rejects.toThrow('localhost refused: it resolves to a loopback address');
    expect(seen.filter((path) => path.startsWith('/admin'))).toEqual([]);
    expect(opened.get(registry)).toBe(2);
  });
});
