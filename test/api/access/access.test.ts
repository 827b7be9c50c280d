import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bringsToken, newAccessToken, readAccessToken } from '#src/api/access/access-token.js';
import { Gate } from '#src/api/access/gate.js';
import { findOwner, ownerOfPeer, SharedReads } from '#src/api/access/peer-owner.js';
import { AllowedHosts } from '#src/api/access/request-origin.js';
import { StrangerConnections } from '#src/api/access/stranger-connections.js';
import { TICKET_MS, Tickets } from '#src/api/access/tickets.js';

const scratch = mkdtempSync(join(tmpdir(), 'layerslayer-access-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe('the access token', () => {
  it('is 256 bits, another one each time', () => {
    expect(newAccessToken()).toMatch(/^[\w-]{43}$/);
    expect(newAccessToken()).not.toBe(newAccessToken());
  });

  it.each([
    ['Bearer secret-secret-secret', true],
    ['bearer  secret-secret-secret ', true],
    ['Bearer secret-secret-secreT', false],
    ['Bearer secret', false],
    ['Basic secret-secret-secret', false],
    ['secret-secret-secret', false],
    ['', false],
    [undefined, false],
  ])('%j', (header, isRight) => expect(bringsToken(header, 'secret-secret-secret')).toBe(isRight));

  it.each([
    [0o600, 'a-token-of-20-letters\n', 'a-token-of-20-letters'],
    [0o644, 'a-token-of-20-letters', /INVALID_ARGUMENT .* chmod 600/],
    [0o620, 'a-token-of-20-letters', /INVALID_ARGUMENT .* chmod 600/],
    [0o600, 'short', /INVALID_ARGUMENT .* holds no access token/],
    [0o600, 'two words of sixteen letters', /INVALID_ARGUMENT .* holds no access token/],
  ])('in a file of mode %o: %j', (mode, content, expected) => {
    const path = join(scratch, 'token');
    writeFileSync(path, content);
    chmodSync(path, mode);
    const read = () => {
      try {
        return readAccessToken(path);
      } catch (error) {
        return `${(error as { code: string }).code} ${(error as Error).message}`;
      }
    };
    if (typeof expected === 'string') expect(read()).toBe(expected);
    else expect(read()).toMatch(expected);
  });

  it.each([
    [
      'a directory',
      (path: string) => mkdirSync(path, { mode: 0o700 }),
      /^INVALID_ARGUMENT .* no small regular file/,
    ],
    [
      'a FIFO',
      (path: string) => execFileSync('mkfifo', ['-m', '600', path]),
      /^INVALID_ARGUMENT .* no small regular/,
    ],
    [
      'a large file',
      (path: string) => writeFileSync(path, 'a'.repeat(70_000), { mode: 0o600 }),
      /no small regular/,
    ],
    ['an empty file', (path: string) => writeFileSync(path, '', { mode: 0o600 }), /holds no access token/],
    [
      'a device',
      (path: string) => symlinkSync('/dev/zero', path),
      /^INVALID_ARGUMENT .* no small regular file/,
    ],
    ['nothing', () => {}, /^IO_FAILED .*: no such file/],
  ])('in %s is refused', (name, make, fault) => {
    const path = join(scratch, name.replaceAll(' ', '-'));
    make(path);
    expect(() => readAccessToken(path)).toThrow();
    try {
      readAccessToken(path);
    } catch (error) {
      expect(`${(error as { code: string }).code} ${(error as Error).message}`).toMatch(fault);
    }
  });

  it.runIf(process.getuid!() === 0)('in a file of another user is refused', () => {
    const path = join(scratch, 'others');
    writeFileSync(path, 'a-token-of-20-letters', { mode: 0o600 });
    chownSync(path, 1, 1);
    expect(() => readAccessToken(path)).toThrow(/belongs to another user/);
  });
});

describe('tickets', () => {
  it('are for one URL and a minute', () => {
    let now = 1_000_000;
    const tickets = new Tickets(() => now);
    const ticket = tickets.issue('/api/v1/file?image=a&path=/b');
    expect(tickets.isGood(ticket, '/api/v1/file?image=a&path=/b')).toBe(true);
    expect(tickets.isGood(ticket, '/api/v1/file?image=a&path=/c')).toBe(false);
    expect(
      tickets.isGood(`${Number.parseInt(ticket, 10) + 1}${ticket.slice(7)}`, '/api/v1/file?image=a&path=/b'),
    ).toBe(false);
    expect(new Tickets(() => now).isGood(ticket, '/api/v1/file?image=a&path=/b')).toBe(false);
    now += TICKET_MS + 1;
    expect(tickets.isGood(ticket, '/api/v1/file?image=a&path=/b')).toBe(false);
  });

  it.each(['', '.', '1', 'x.y', `1.${'a'.repeat(43)}`])('%j is none', (text) => {
    expect(new Tickets().isGood(text, '/')).toBe(false);
  });
});

describe('hosts and origins', () => {
  const hosts = new AllowedHosts('192.0.2.7', ['box.example']);
  const check = (host: string | undefined, origin?: string, secFetchSite?: string) => () =>
    hosts.check({ host, origin, secFetchSite }, false);

  it.each(['localhost', 'localhost:8000', '127.0.0.1:1', '[::1]:8000', '192.0.2.7:80', 'BOX.example:443'])(
    '%s is let in',
    (host) => expect(check(host)).not.toThrow(),
  );

  it.each([
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    'evil@localhost',
    '127.0.0.1.evil.example:8000',
    '[::2]',
    'localhost/',
  ])('%s is not', (host) => expect(check(host)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' })));

  it.each([
    ['http://localhost:8000', undefined, true],
    ['https://localhost:8000', 'same-origin', true],
    [undefined, 'none', true],
    ['http://localhost:8001', undefined, false],
    ['null', undefined, false],
    [undefined, 'cross-site', false],
    [undefined, 'same-site', false],
  ])('origin %s, site %s', (origin, site, isAllowed) => {
    const asked = expect(check('localhost:8000', origin, site));
    if (isAllowed) asked.not.toThrow();
    else asked.toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });

  it('let other sites link to pages', () => {
    hosts.check({ host: 'localhost', origin: undefined, secFetchSite: 'cross-site' }, true);
  });
});

describe('the other end of a connection', () => {
  it.each(['127.0.0.1', '::1', '::'])('belongs to this user, at %s', async (host) => {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, host === '::' ? '127.0.0.1' : host);
    const [socket] = (await once(server, 'connection')) as [Socket];
    const ends = [
      { address: socket.remoteAddress!, port: socket.remotePort! },
      { address: socket.localAddress!, port: socket.localPort! },
    ] as const;
    expect(await ownerOfPeer(...ends)).toBe(process.getuid!());
    client.destroy();
    await once(socket.resume(), 'close');
    expect(await ownerOfPeer(...ends)).toBe(undefined);
    server.close();
  });

  it.each([
    [' 1: 0100007F:0001 0100007F:0002 01 0:0 0:0 0  1000        0 77 1', 1000],
    [' 1: 0100007F:0001 0100007F:0002 06 0:0 0:0 0     0        0 0 1', undefined], // TIME_WAIT
    [' 1: 0100007F:0001 0100007F:0002 01 0:0 0:0 0     0        0 0 1', undefined],
    [' 1: 0100007F:0002 0100007F:0001 01 0:0 0:0 0  1000        0 77 1', undefined], // the server's
  ])('in %j', (table, owner) => expect(findOwner(table, '0100007F:0001', '0100007F:0002')).toBe(owner));
});

it('reads begin after they were asked for, and calls during one share the next', async () => {
  const ends: ((text: string) => void)[] = [];
  const reads = new SharedReads(() => new Promise((resolve) => ends.push(resolve)));
  const first = reads.next();
  await Promise.resolve();
  const [second, third] = [reads.next(), reads.next()];
  expect(second).toBe(third);
  expect(second).not.toBe(first);
  expect(ends).toHaveLength(1);
  ends[0]!('old');
  expect(await first).toBe('old');
  await new Promise(setImmediate);
  expect(ends).toHaveLength(2);
  ends[1]!('new');
  expect(await second).toBe('new');
});

it('the gate knows the owner of a connection from its beginning, not from a closed one', async () => {
  const gate = new Gate({
    token: 'x',
    hosts: new AllowedHosts('127.0.0.1', []),
    tickets: new Tickets(),
    uid: process.getuid!(),
    alwaysNeedsToken: false,
    strangers: new StrangerConnections({ connections: 10, ms: 10_000 }),
  });
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const caller = { headers: { host: 'localhost' }, target: '/', ticket: undefined, isStatic: false };
  const accept = async () => {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [Socket];
    return { client, socket };
  };
  const known = await accept();
  gate.accepted(known.socket);
  expect(await gate.check({ ...caller, socket: known.socket })).toBe(true);
  known.client.destroy();
  await once(known.socket.resume(), 'end');
  expect(await gate.check({ ...caller, socket: known.socket })).toBe(true);
  const late = await accept();
  late.client.destroy();
  await once(late.socket.resume(), 'end');
  gate.accepted(late.socket);
  await expect(gate.check({ ...caller, socket: late.socket })).rejects.toMatchObject({
    code: 'TOKEN_REQUIRED',
  });
  for (const { socket } of [known, late]) socket.destroy();
  server.close();
});

describe.runIf(process.getuid!() === 0)('the gate', () => {
  const caller = { headers: { host: 'localhost' }, target: '/', ticket: undefined, isStatic: false };

  it.each([
    [65534, 65534, true],
    [65534, 1, false],
    [0, 65534, true], // root may do all that the server's user may
    [1000, 0, false],
  ])('a connection of user %i to a server of user %i', async (client, uid, isLetIn) => {
    const gate = new Gate({
      token: 'x',
      hosts: new AllowedHosts('127.0.0.1', []),
      tickets: new Tickets(),
      uid,
      alwaysNeedsToken: false,
      strangers: new StrangerConnections({ connections: 10, ms: 10_000 }),
    });
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const script = `require('node:net').connect(${port}, '127.0.0.1')`;
    const child = spawn(process.execPath, ['-e', script], { uid: client, stdio: 'ignore', cwd: '/' });
    const [socket] = (await once(server, 'connection')) as [Socket];
    gate.accepted(socket);
    const checked = gate.check({ ...caller, socket });
    if (isLetIn) await checked;
    else await expect(checked).rejects.toMatchObject({ code: 'TOKEN_REQUIRED' });
    child.kill();
    socket.destroy();
    server.close();
  });
});
