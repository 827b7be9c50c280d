/** `layerslayer serve` as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LayoutBuilder, named, writeDirectory } from '../../../support/local-images.js';
import { Workplace } from '../../../support/mounts.js';
import { asUser, attemptAs, SOMEBODY_ELSE } from '../../../support/ordinary-user.js';
import {
  type PushedImage,
  pushImage,
  REGISTRY_PASSWORD,
  REGISTRY_USER,
  startRegistry,
  type TestRegistry,
} from '../../../support/registry.js';
import { file, tarOf } from '../../../support/tar.js';

let place: Workplace;
let registry: TestRegistry; // wants a password
let image: PushedImage;
const children: ChildProcess[] = [];
beforeAll(async () => {
  place = new Workplace();
  registry = await startRegistry({ auth: true });
  const layers = [gzipSync(tarOf(file('secret', 'a private text')))];
  image = await pushImage(registry, 'team/app:latest', { layers });
  await pushImage(registry, 'other/app:latest', { layers });
  mkdirSync(join(place.scratch, 'home/.docker'));
  const auth = Buffer.from(`${REGISTRY_USER}:${REGISTRY_PASSWORD}`).toString('base64');
  const config = { auths: { [registry.host]: { auth } } };
  writeFileSync(join(place.scratch, 'home/.docker/config.json'), JSON.stringify(config));
  const builder = new LayoutBuilder();
  const top = builder.top([named(builder.image(layers), 't')]);
  writeDirectory(join(place.scratch, 'layout'), top);
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
});
afterAll(async () => {
  await registry?.stop();
  await place?.cleanUp();
});

interface Running {
  address: string;
  token: string;
  child: ChildProcess;
  output(): string; // stdout and stderr
}

/** Starts a server and waits for its address. */
async function serve(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  before: readonly string[] = [], // what runs the command
): Promise<Running> {
  const [command = '', ...first] = [...before, ...place.program];
  const words = [...first, 'serve', '--port', '0', ...args];
  const child = spawn(command, words, { env: { ...place.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  const line = new Promise<string>((resolve, reject) => {
    const heard = (chunk: Buffer) => {
      output += chunk;
      const found = /^(http\S+|\{"address.*)$/m.exec(output)?.[0];
      if (found !== undefined) resolve(found);
    };
    child.stdout!.on('data', heard);
    child.stderr!.on('data', heard);
    child.once('exit', (status) => reject(new Error(`ended with ${status}: ${output}`)));
  });
  const printed = await line;
  const running = { child, output: () => output };
  if (printed.startsWith('{')) return { ...running, ...(JSON.parse(printed) as Running) };
  const [address = '', token = ''] = printed.split('/#token=');
  return { ...running, address, token };
}

const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

/** Returns status, code and message of an answer. */
async function ask(server: Running, path: string, query: Record<string, string> = {}): Promise<string> {
  const url = `${server.address}${path}?${new URLSearchParams(query)}`;
  const answer = await fetch(url, bearer(server.token));
  const body = await answer.text();
  if (answer.ok) return `${answer.status} ${body}`;
  const { error } = JSON.parse(body) as { error: { code: string; message: string } };
  return `${answer.status} ${error.code} ${error.message}`;
}

async function end(server: Running, signal: NodeJS.Signals): Promise<number | null> {
  const ended = once(server.child, 'exit');
  server.child.kill(signal);
  return ((await ended) as [number | null])[0];
}

/** How long a server may take to end, in ms. */
const END_MS = 5_000;

describe('the command', () => {
  it('prints its address with the token, and ends by a signal with an event stream open', async () => {
    const layout = `oci:${place.scratch}/layout:t`;
    const server = await serve(['--log-file', join(place.scratch, 'log'), layout]);
    expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(server.token).toMatch(/^[\w-]{43}$/);
    expect(await ask(server, '/api/v1/file', { image: layout, path: '/secret' })).toBe('200 a private text');
    const stream = await fetch(`${server.address}/api/v1/events?image=${layout}`, bearer(server.token));
    expect(stream.status).toBe(200);
    const begun = performance.now();
    expect(await end(server, 'SIGTERM')).toBe(143);
    expect(performance.now() - begun).toBeLessThan(END_MS);
    await stream.text().catch(() => '');
    const log = readFileSync(join(place.scratch, 'log'), 'utf8');
    expect(log).toContain(`${server.address}/#token=(not logged)`);
    expect(log).not.toContain(server.token);
    expect(readdirSync(place.temporary)).toEqual([]);
  });

  it('prints JSON, and takes a token from a file', async () => {
    const path = join(place.scratch, 'token');
    writeFileSync(path, 'a-token-of-a-file\n', { mode: 0o600 });
    const server = await serve(['--json', '--access-token-file', path]);
    expect(server.token).toBe('a-token-of-a-file');
    expect(await ask(server, '/api/v1/mounts')).toMatch(/^200 /);
    expect(readFileSync(`/proc/${server.child.pid}/cmdline`, 'latin1')).not.toContain(server.token);
    expect(await end(server, 'SIGINT')).toBe(130);
  });

  it('says the version of its package', async () => {
    const root = fileURLToPath(new URL('../../../../', import.meta.url));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    const server = await serve([]);
    const { info } = JSON.parse((await ask(server, '/openapi.json')).slice('200 '.length)) as {
      info: { version: string };
    };
    expect(info.version).toBe(version);
    expect((await place.layerslayer(['--version'])).stdout).toBe(`layerslayer ${version}\n`);
    expect(readFileSync(join(root, 'src/cli/commands/serve/serve.ts'), 'utf8')).not.toContain(`'${version}'`);
  });

  it.each([
    [['--host', 'no-such-host.invalid'], 17, /no-such-host\.invalid/],
    [['--host', '192.0.2.1'], 17, /listening on 192\.0\.2\.1/],
    [['--port', '70000'], 2, /--port wants a number/],
    [['--max-requests', '0'], 2, /--max-requests wants a number/],
    [['--max-layer-size', 'x'], 2, /not a size/],
    [['--allow-path', '/no/such'], 17, /no such directory/],
    [['--allow-host', 'http://x'], 2, /--allow-host wants a name/],
    [['--allow-registry', 'ghcr.io/x'], 2, /--allow-registry wants HOST/],
    [['--credentials', 'team'], 2, /--credentials wants HOST/],
    [['--access-token-file', '/etc/passwd'], 2, /read or changed by others/],
    [['--token-file', 'x'], 2, /token-file/],
    [['--username', 'x'], 2, /username/],
    [['--password-stdin'], 2, /password-stdin/],
    [['--allow-registry', 'ghcr.io', 'nginx'], 2, /nginx.*not among the registries/],
    [['--host', '0.0.0.0', 'localhost:5000/x'], 2, /needs --allow-registry localhost:5000/],
  ])('refuses %j', async (args, status, message) => {
    const ended = await place.layerslayer(['serve', '--port', '0', ...args]);
    expect([ended.status, ended.stderr]).toEqual([status, expect.stringMatching(message)]);
  });

  it('says that a port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const ended = await place.layerslayer(['serve', '--port', String(port)]);
    other.close();
    expect(ended.status).toBe(17);
    expect(ended.stderr).toContain(`listening on 127.0.0.1 port ${port}`);
  });

  it('opens a browser by a file that only the user reads, and removes it', async () => {
    const bin = join(place.scratch, 'bin');
    const runtime = join(place.scratch, 'runtime');
    for (const path of [bin, runtime]) mkdirSync(path, { mode: 0o700 });
    const opened = join(place.scratch, 'opened');
    const script = `#!/bin/sh\n{ echo "$*"; stat -c %a "$1"; cat "$1"; ls /proc/$$/fd | wc -l; } >${opened}.new\nmv ${opened}.new ${opened}\n`;
    writeFileSync(join(bin, 'xdg-open'), script, { mode: 0o755 });
    const server = await serve(['--open'], {
      PATH: `${bin}:${place.env.PATH}`,
      XDG_RUNTIME_DIR: runtime,
    });
    for (let i = 0; i < 100 && !existsSync(opened); i++) await new Promise((done) => setTimeout(done, 50));
    const [words = '', mode, ...page] = readFileSync(opened, 'utf8').split('\n');
    expect(words.startsWith(`${runtime}/`)).toBe(true);
    expect(words).not.toContain(server.token);
    expect(mode).toBe('600');
    expect(page.join('\n')).toContain(`url=${server.address}/#token=${server.token}"`);
    expect(statSync(join(words, '..')).mode & 0o777).toBe(0o700);
    await end(server, 'SIGTERM');
    expect(readdirSync(runtime)).toEqual([]);
  });
});

describe.runIf(process.getuid!() === 0)('a connection of another user', () => {
  const script = (address: string) =>
    `fetch(${JSON.stringify(`${address}/api/v1/mounts`)}).then(({ status }) => console.log(status))`;

  it('needs the token', async () => {
    const server = await serve([]);
    const other = await attemptAs(SOMEBODY_ELSE, process.execPath, '-e', script(server.address));
    expect(other).toMatchObject({ status: 0, stdout: '401\n' });
    expect((await fetch(`${server.address}/api/v1/mounts`)).status).toBe(200);
    expect(asUser(SOMEBODY_ELSE)[1]).toBe(`--reuid=${SOMEBODY_ELSE}`);
  });
});

describe('names', () => {
  /** Returns the status of a request with a Host. */
  const statusFor = (server: Running, host: string, more: Record<string, string> = {}) =>
    new Promise<number>((resolve, reject) => {
      const headers = { Host: host, ...more };
      request(`${server.address}/api/v1/mounts`, { headers, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode!);
      })
        .on('error', reject)
        .end();
    });

  it('by which browsers call are those of loopback, of --host and of --allow-host', async () => {
    const server = await serve(['--host', '127.0.0.2', '--allow-host', 'images.example.org']);
    const token = { Authorization: `Bearer ${server.token}` };
    const { port } = new URL(server.address);
    for (const host of ['localhost', `127.0.0.1:${port}`, '[::1]', `127.0.0.2:${port}`]) {
      expect(await statusFor(server, host, token), host).toBe(200);
    }
    expect(await statusFor(server, 'images.example.org', token)).toBe(200);
    expect(await statusFor(server, 'images.example.org')).toBe(401); // a proxy's client is not its user
    for (const host of ['127.0.0.3', 'example.org', 'x.images.example.org'])
      expect(await statusFor(server, host, token), host).toBe(403);
  });

  it.runIf(process.getuid!() === 0)(
    'of registries that lead to metadata addresses get no connection',
    async () => {
      const hosts = join(place.scratch, 'hosts');
      const names = [
        ['127.0.0.1', 'localhost'],
        ['169.254.169.254', 'link.example'],
        ['fd00:ec2::254', 'metadata6.example'],
        ['::ffff:169.254.169.254', 'mapped.example'],
        ['127.0.0.1', 'loopback.example'],
        ['10.0.0.1', 'private.example'],
      ];
      writeFileSync(hosts, names.map((line) => `${line.join(' ')}\n`).join(''));
      const mount = 'mount --bind "$1" /etc/hosts && shift && exec "$@"';
      const server = await serve(['--host', '0.0.0.0', '--insecure'], {}, [
        'unshare',
        '--mount',
        '--propagation=private',
        'sh',
        '-c',
        mount,
        'sh',
        hosts,
      ]);
      const local = { ...server, address: server.address.replace('0.0.0.0', '127.0.0.1') };
      for (const [, name] of names.slice(1)) {
        const answer = await ask(local, '/api/v1/image', { image: `${name}/latest/meta-data` });
        expect(answer, name).toMatch(/^502 REGISTRY_UNAVAILABLE .*refused: it resolves to a /);
      }
      expect(await ask(local, '/api/v1/image', { image: 'localhost:1/x' })).toMatch(/^403 FORBIDDEN /);
    },
  );
});

describe('credentials', () => {
  const reference = () => `${registry.host}/team/app`;
  const secret = (server: Running, name = reference()) =>
    ask(server, '/api/v1/file', { image: name, path: '/secret' });
  const refused = /^403 UNAUTHORIZED .*without credentials: --credentials has no /;

  it('are used where --credentials covers the repository, or IMAGE names it', async () => {
    const none = await serve([]);
    expect(await secret(none)).toMatch(refused);
    expect(await ask(none, '/api/v1/tags', { image: reference() })).toMatch(refused);
    for (const args of [
      ['--credentials', registry.host],
      ['--credentials', `${registry.host}/team`],
      ['--credentials', 'all'],
      [reference()],
    ]) {
      const server = await serve(args);
      expect(await secret(server), args.join(' ')).toBe('200 a private text');
      const isAll = args.includes('all') || args.includes(registry.host);
      const other = await secret(server, `${registry.host}/other/app`);
      if (isAll) expect(other).toBe('200 a private text');
      else expect(other, args.join(' ')).toMatch(refused);
      expect(server.output()).not.toContain(REGISTRY_PASSWORD);
    }
  });

  it('decide on another address what of the cache is served', async () => {
    const cached = await serve(['--credentials', 'all']);
    expect(await secret(cached)).toBe('200 a private text'); // now its index is cached
    const byDigest = `${reference()}@${image.digest}`;
    const routes: [string, Record<string, string>][] = [
      ['/api/v1/image', {}],
      ['/api/v1/tree', {}],
      ['/api/v1/stat', { path: '/secret' }],
      ['/api/v1/file', { path: '/secret' }],
      ['/api/v1/du', {}],
      ['/api/v1/find', { pattern: 'secret' }],
      ['/api/v1/tar', {}],
      [`/api/v1/layers/${image.manifest.layers[0]!.digest}`, {}],
    ];
    const elsewhere = ['--host', '0.0.0.0', '--allow-registry', registry.host];
    const server = await serve(elsewhere);
    const local = { ...server, address: server.address.replace('0.0.0.0', '127.0.0.1') };
    for (const [route, query] of routes)
      for (const name of [reference(), byDigest])
        expect(await ask(local, route, { image: name, ...query }), route).toMatch(refused);
    for (const route of ['/api/v1/images', '/api/v1/mounts', '/api/v1/find'])
      expect(await ask(local, route, route.endsWith('find') ? { pattern: 'secret' } : {})).toMatch(
        /^403 FORBIDDEN .*--show-local/,
      );
    const covered = await serve([...elsewhere, '--credentials', `${registry.host}/team`, '--show-local']);
    const open = { ...covered, address: covered.address.replace('0.0.0.0', '127.0.0.1') };
    for (const [route, query] of routes)
      expect(await ask(open, route, { image: byDigest, ...query }), route).toMatch(/^200 /);
    expect(await ask(open, '/api/v1/images')).toMatch(/^200 /);
    expect(await ask(open, '/api/v1/tree', { image: 'localhost:1/x' })).toMatch(/^403 FORBIDDEN/);
    expect(await ask({ ...open, token: 'x' }, '/api/v1/images')).toMatch(/^401 TOKEN_REQUIRED/);
  });
});
