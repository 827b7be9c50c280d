import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SocketDirectory } from '#src/base/socket-directory.js';
import { passwdHome } from '#src/daemon/status/passwd-home.js';
import { contactDaemon, parseStatus } from '#src/daemon/status/status-client.js';
import {
  openOwnStatusDirectory,
  openStatusDirectory,
  statusDirectories,
  statusSocketName,
  sweepStatusSockets,
} from '#src/daemon/status/status-directory.js';
import { type StatusService, serveStatus } from '#src/daemon/status/status-server.js';

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
  verified: true,
  verification: 'none' as const,
};

const OWNER = process.geteuid!();
const NOBODY = 65534;

/** A device number of no mount and of no other run of this test. */
let count = 0;
const device = () => `test:${process.pid}:${count++}`;

let directory = '';
const servers: Server[] = [];
const services: StatusService[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'layerslayer-status-'));
});

afterEach(async () => {
  for (const service of services.splice(0)) await service.close();
  for (const server of servers.splice(0)) server.close();
  rmSync(directory, { recursive: true, force: true });
});

async function serve(name: string, status = () => STATUS, path = directory): Promise<StatusService> {
  const service = await serveStatus(name, status, () => {
    mkdirSync(path, { recursive: true });
    return SocketDirectory.open(path);
  });
  services.push(service);
  return service;
}

const contact = (name: string, { owner = OWNER, path = directory } = {}) =>
  contactDaemon({ device: name, owner }, [path]);

/** Another program that listens on the same name. */
async function squat(name: string, answer: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(answer);
  });
  servers.push(server);
  server.listen(join(directory, statusSocketName(name)));
  await once(server, 'listening');
}

/** The socket of a killed daemon. */
function leaveSocket(path: string): void {
  const script = 'net.createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  spawnSync(process.execPath, ['-e', script, path]);
  expect(statSync(path).isSocket()).toBe(true);
}

describe('status socket', () => {
  it('answers with the current status', async () => {
    const name = device();
    let bytesServed = 0;
    await serve(name, () => ({ ...STATUS, bytesServed: bytesServed++ }));
    for (const wanted of [0, 1]) {
      const found = await contact(name);
      expect(found?.status).toEqual({ ...STATUS, bytesServed: wanted });
      found?.close();
      await found?.ended;
    }
  });

  it('is in its directory below a path of any length, with no file above', async () => {
    // Node truncates a socket path after 107 bytes, to one of these directories.
    const deep = join(directory, ...Array.from({ length: 20 }, () => '0123456789'));
    const name = device();
    const service = await serve(name, () => STATUS, deep);
    expect(readdirSync(deep)).toEqual([statusSocketName(name)]);
    expect(readdirSync(directory)).toEqual(['0123456789']);
    const found = await contact(name, { path: deep });
    expect(found?.status).toEqual(STATUS);
    found?.close();
    await service.close();
    expect(readdirSync(deep)).toEqual([]);
  });

  it('takes over the name of a daemon that was killed or is ending', async () => {
    const name = device();
    leaveSocket(join(directory, statusSocketName(name)));
    const old = await serve(name, () => ({ ...STATUS, log: '/old' }));
    await serve(name);
    await old.close(); // removes its own socket only
    const found = await contact(name);
    expect(found?.status).toEqual(STATUS);
    found?.close();
  });

  it('a connection ends with the process, not with the socket’s name', async () => {
    const name = device();
    const service = await serve(name);
    const found = await contact(name);
    await service.close();
    expect(readdirSync(directory)).toEqual([]);
    let isEnded = false;
    void found?.ended.then(() => {
      isEnded = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isEnded).toBe(false);
    found?.close();
  });

  it.each([
    ['its directory', () => rmSync(directory, { recursive: true })],
    ['its file', () => readdirSync(directory).map((file) => rmSync(join(directory, file)))],
  ])('is recreated when %s was removed', async (_what, remove) => {
    const name = device();
    const service = await serve(name);
    await service.check();
    const before = statSync(join(directory, statusSocketName(name))).ino;
    expect(statSync(join(directory, statusSocketName(name))).ino).toBe(before);
    remove();
    expect(await contact(name)).toBeUndefined();
    await service.check();
    const found = await contact(name);
    expect(found?.status).toEqual(STATUS);
    found?.close();
  });

  it('without a listener, the daemon is not found and its socket is removed', async () => {
    const name = device();
    expect(await contact(name)).toBeUndefined();
    expect(await contact(name, { path: join(directory, 'missing') })).toBeUndefined();
    leaveSocket(join(directory, statusSocketName(name)));
    expect(await contact(name)).toBeUndefined();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is queried only in a directory of the mount’s owner', async () => {
    const name = device();
    await serve(name);
    expect(await contact(name, { owner: OWNER + 1 })).toBeUndefined();
  });

  it.each([
    ['another user', 1],
    ['a process that is not there', 2 ** 30],
  ])('is rejected when it reports a process of %s', async (_who, pid) => {
    // Another user's daemon, as root sees it: it could make root's scripts kill any process.
    if (OWNER !== 0) return;
    chownSync(directory, NOBODY, NOBODY);
    const name = device();
    await squat(name, `${JSON.stringify({ ...STATUS, pid })}\n`);
    const found = await contact(name, { owner: NOBODY });
    expect(found).toBeDefined();
    expect(found?.status).toBeUndefined();
    found?.close();
  });

  it.each([
    ['silence', ''],
    ['no JSON', 'hello\n'],
    ['a flood', 'x'.repeat(1024 * 1024)],
    ['half a line', '{"mountpoint":'],
  ])('%s is no status', async (_what, answer) => {
    const name = device();
    await squat(name, answer);
    const found = await contact(name);
    expect(found).toBeDefined();
    expect(found?.status).toBeUndefined();
    found?.close();
  });
});

describe('the directory of a user’s sockets', () => {
  it('is found without the environment', async () => {
    const all: string[] = [];
    for await (const path of statusDirectories(OWNER)) all.push(path);
    expect(all).toContain(join(userInfo().homedir, '.local/state/layerslayer/run'));
    if (OWNER === 0) expect(all[0]).toBe('/run/layerslayer');
    expect(await passwdHome(OWNER)).toBe(userInfo().homedir);
    expect(await passwdHome(4_000_000_001)).toBeUndefined();
  });

  it.runIf(OWNER === 0)(
    'is closed to other users, whatever it was before, and whatever the umask',
    async () => {
      const name = device();
      const umask = process.umask(0);
      try {
        const own = await openOwnStatusDirectory(OWNER);
        chmodSync('/run/layerslayer', 0o777);
        await own.close();
        services.push(await serveStatus(name, () => STATUS));
      } finally {
        process.umask(umask);
      }
      const socket = join('/run/layerslayer', statusSocketName(name));
      expect(statSync('/run/layerslayer').mode & 0o777).toBe(0o700);
      expect(statSync(socket).mode & 0o777).toBe(0o600);
      const script =
        'net.connect(process.argv[1]).on("connect", () => console.log("in")).on("error", (e) => console.log(e.code))';
      const asked = spawnSync('setpriv', [
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        process.execPath,
        '-e',
        script,
        socket,
      ]);
      expect(asked.stdout.toString()).toBe('EACCES\n');
    },
  );

  it('of a daemon that knows no indexes of others is verified', () => {
    const { verified: _, verification: __, ...older } = STATUS;
    expect(parseStatus(JSON.stringify(older))).toEqual(STATUS);
    expect(parseStatus(JSON.stringify({ ...STATUS, verified: 'yes' }))).toBeUndefined();
  });

  it.runIf(OWNER === 0)('is swept of sockets that killed daemons left of ended mounts', async () => {
    const [live, dead] = [device(), device()];
    services.push(await serveStatus(live, () => STATUS));
    const names = [statusSocketName(dead), '.half'];
    for (const name of names) leaveSocket(join('/run/layerslayer', name));
    await sweepStatusSockets(OWNER);
    const left = readdirSync('/run/layerslayer');
    expect(names.filter((name) => left.includes(name))).toEqual([]);
    expect(left).toContain(statusSocketName(live));
  });
});

describe('sweepStatusSockets', () => {
  const OLD = new Date('2020-01-01');

  it('removes dead sockets, and no file of another kind', async () => {
    const dead = statusSocketName(device());
    leaveSocket(join(directory, dead));
    for (const name of ['.profile', 'passwd', statusSocketName(device())]) {
      writeFileSync(join(directory, name), '');
      utimesSync(join(directory, name), OLD, OLD);
    }
    const before = readdirSync(directory);
    await sweepStatusSockets(OWNER, [directory]);
    expect(readdirSync(directory)).toEqual(before.filter((name) => name !== dead));
  });

  it('does not follow a symlink, which another user may have made in /tmp', async () => {
    const target = join(directory, 'elsewhere');
    mkdirSync(target);
    leaveSocket(join(target, '.dead'));
    symlinkSync(target, join(directory, 'run'));
    await sweepStatusSockets(OWNER, [join(directory, 'run')]);
    expect(readdirSync(target)).toEqual(['.dead']);
    await expect(openStatusDirectory(join(directory, 'run'), OWNER)).rejects.toThrow('ENOTDIR');
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
