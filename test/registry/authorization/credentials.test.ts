import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { askHelper } from '#src/registry/authorization/credential-helper.js';
import { findCredentials } from '#src/registry/authorization/credentials.js';

let home: string;
const notices: string[] = [];
const signal = new AbortController().signal;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'layerslayer-home-'));
  notices.length = 0;
});
afterEach(() => rm(home, { recursive: true, force: true }));

const auth = (pair: string) => ({ auth: Buffer.from(pair).toString('base64') });
const write = async (path: string, value: unknown) => {
  await mkdir(join(home, path, '..'), { recursive: true });
  await writeFile(join(home, path), typeof value === 'string' ? value : JSON.stringify(value));
};
const helper = async (name: string, script: string) => {
  await write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`);
  await chmod(join(home, 'bin', `docker-credential-${name}`), 0o755);
};
const says = (username: string, secret: string) =>
  `cat >"${home}/asked"; echo '{"Username":"${username}","Secret":"${secret}"}'`;
const environment = () => ({ HOME: home, PATH: `${join(home, 'bin')}:/usr/bin:/bin` });
const find = async (
  registry = 'r.example',
  options: { repository?: string; env?: object; registry?: object } = {},
) =>
  findCredentials(
    registry,
    options.repository ?? 'a/b',
    {
      registry: { insecure: false, ...options.registry },
      environment: { ...environment(), ...options.env },
      notice: (message) => notices.push(message),
    },
    signal,
  );

test('a FIFO in the place of a file is not waited for', async () => {
  await mkdir(join(home, '.docker'));
  execFileSync('mkfifo', [join(home, '.docker/config.json')]);
  await write('.config/containers/auth.json', { auths: { 'r.example': auth('podman:4') } });
  expect(await find()).toMatchObject({ username: 'podman' });
  expect(notices).toEqual([`credentials in ${home}/.docker/config.json are not used: it is a FIFO`]);
});

describe('the order', () => {
  test('command line, --token-file, credHelpers, credsStore, auths, auth.json, anonymous', async () => {
    await helper('own', says('own', '1'));
    await helper('store', says('store', '2'));
    const config = {
      credHelpers: { 'r.example': 'own' },
      credsStore: 'store',
      auths: { 'r.example': auth('auths:3') },
    };
    await write('.docker/config.json', config);
    await write('.config/containers/auth.json', { auths: { 'r.example': auth('podman:4') } });
    const all = { username: 'u', password: 'p', token: 't' };
    expect(await find(undefined, { registry: all })).toMatchObject({
      kind: 'basic',
      username: 'u',
      from: '--username',
    });
    expect(await find(undefined, { registry: { token: 't' } })).toEqual({
      kind: 'bearer',
      token: 't',
      from: '--token-file',
    });
    expect(await find()).toMatchObject({ username: 'own', password: '1', from: 'docker-credential-own' });
    await write('.docker/config.json', { ...config, credHelpers: {} });
    expect(await find()).toMatchObject({ username: 'store' });
    await write('.docker/config.json', { auths: config.auths });
    expect(await find()).toMatchObject({ username: 'auths', password: '3' });
    await write('.docker/config.json', { auths: { 'r.example': {} } });
    expect(await find()).toMatchObject({ username: 'podman' });
    await rm(join(home, '.config'), { recursive: true });
    expect(await find()).toBeUndefined();
    expect(notices).toEqual([]);
  });
});

describe('docker’s config.json', () => {
  test('Docker Hub has its own key, for helpers too', async () => {
    const hub = { 'https://index.docker.io/v1/': auth('ali:x:y'), 'docker.io': auth('other:z') };
    await write('.docker/config.json', { auths: hub });
    expect(await find('docker.io')).toMatchObject({ username: 'ali', password: 'x:y' });
    await write('.docker/config.json', { auths: { 'docker.io': auth('other:z') } });
    expect(await find('docker.io')).toMatchObject({ username: 'other' });
    expect(await find('registry-1.docker.io')).toMatchObject({ username: 'other' });
    const marks = {
      'https://index.docker.io/v1/access-token': auth('token:z'),
      'index.docker.io': auth('old:z'),
    };
    await write('.docker/config.json', { auths: marks });
    expect(await find('docker.io')).toMatchObject({ username: 'old' });
    await helper('store', says('store', '2'));
    await write('.docker/config.json', { credsStore: 'store' });
    await find('docker.io');
    expect(await readFile(join(home, 'asked'), 'utf8')).toBe('https://index.docker.io/v1/');
  });

  test.each([
    [
      'a URL as key',
      { auths: { 'https://r.example/v1/': auth('ali:p') } },
      { username: 'ali', password: 'p' },
    ],
    [
      'username and password apart',
      { auths: { 'r.example': { username: 'ali', password: 'p' } } },
      { username: 'ali', password: 'p' },
    ],
    [
      'identitytoken',
      { auths: { 'r.example': { ...auth('00:'), identitytoken: 'i' } } },
      { kind: 'identity', token: 'i', username: '00' },
    ],
    ['registrytoken', { auths: { 'r.example': { registrytoken: 'b' } } }, { kind: 'bearer', token: 'b' }],
    ['a pair padded with NUL', { auths: { 'r.example': auth('ali:p\0\0') } }, { password: 'p' }],
  ])('%s', async (_, config, wanted) => {
    await write('.docker/config.json', config);
    expect(await find()).toMatchObject(wanted);
  });

  test.each([
    ['another port is another registry', { auths: { 'r.example:444': auth('a:b') } }],
    ['a part of the name', { auths: { 'r.exampl': auth('a:b') } }],
    ['an empty pair', { auths: { 'r.example': { auth: '' } } }],
    [
      'keys of every object',
      JSON.parse('{"auths":{"__proto__":{"auth":"YTpi"}},"credHelpers":{"constructor":"x"}}'),
    ],
    ['nothing', {}],
    ['the wrong types', { auths: [], credHelpers: 'x', credsStore: 7 }],
  ])('%s: anonymous', async (_, config) => {
    await write('.docker/config.json', config);
    expect(await find()).toBeUndefined();
    expect(notices).toEqual([]);
  });

  test('an empty file is no fault', async () => {
    await write('.docker/config.json', '\n');
    expect(await find()).toBeUndefined();
    expect(notices).toEqual([]);
  });

  test('DOCKER_CONFIG names its directory, HOME may be unset', async () => {
    await write('elsewhere/config.json', { auths: { 'r.example': auth('ali:p') } });
    const env = { HOME: undefined, DOCKER_CONFIG: join(home, 'elsewhere') };
    expect(await find(undefined, { env })).toMatchObject({ username: 'ali' });
  });

  test('a broken file is said, without its content, and passed over', async () => {
    await write('.docker/config.json', '{"auths": {"r.example": {"auth": "c2VjcmV0"');
    await write('.config/containers/auth.json', { auths: { 'r.example': auth('podman:4') } });
    expect(await find()).toMatchObject({ username: 'podman' });
    expect(notices).toEqual([
      `credentials in ${home}/.docker/config.json are not used: it is not valid JSON`,
    ]);
  });
});

describe('podman’s auth.json', () => {
  test('REGISTRY_AUTH_FILE, else XDG_RUNTIME_DIR, else below the home directory', async () => {
    for (const [place, user] of [
      ['f', 'file'],
      ['run/containers/auth.json', 'run'],
      ['.config/containers/auth.json', 'home'],
    ]) {
      await write(place!, { auths: { 'r.example': auth(`${user}:p`) } });
    }
    const env = { REGISTRY_AUTH_FILE: join(home, 'f'), XDG_RUNTIME_DIR: join(home, 'run') };
    expect(await find(undefined, { env })).toMatchObject({ username: 'file' });
    expect(await find(undefined, { env: { XDG_RUNTIME_DIR: env.XDG_RUNTIME_DIR } })).toMatchObject({
      username: 'run',
    });
    expect(await find()).toMatchObject({ username: 'home' });
  });
});

/** docker's config.json, podman's auth.json and the variable follow the same rule. */
describe.each([
  ['config.json', (config: object) => write('.docker/config.json', config).then(() => ({}))],
  ['auth.json', (config: object) => write('.config/containers/auth.json', config).then(() => ({}))],
  ['DOCKER_AUTH_CONFIG', async (config: object) => ({ DOCKER_AUTH_CONFIG: JSON.stringify(config) })],
])('a key with a path, in %s', (_, store) => {
  const user = async (auths: Record<string, object>, repository: string, registry = 'r.example') => {
    const found = await find(registry, { repository, env: await store({ auths }) });
    return found?.kind === 'basic' ? found.username : found;
  };

  test('applies only to repositories below it, and the longest wins', async () => {
    const auths = {
      'r.example/a/b': auth('whole:p'),
      'r.example': auth('host:p'),
      'r.example/a': auth('part:p'),
    };
    expect(await user(auths, 'a/b')).toBe('whole');
    expect(await user(auths, 'a/b/c')).toBe('whole');
    expect(await user(auths, 'a/c')).toBe('part');
    expect(await user(auths, 'ab')).toBe('host');
  });

  test.each([
    ['r.example/another', 'mine'],
    ['r.example/mine', 'mine-too'],
    ['r.example/mine/deeper', 'mine'],
    ['https://r.example/another', 'mine'],
    ['https://r.example/v1/access-token', 'mine'],
    ['r.example/v1/another', 'mine'],
    ['r.example:444/mine', 'mine'],
    ['other.example/mine', 'mine'],
  ])('%s does not apply to %s', async (key, repository) => {
    expect(await user({ [key]: auth('ali:p') }, repository)).toBeUndefined();
  });

  test.each([
    'r.example',
    'R.Example',
    'r.example/',
    'r.example/v1',
    'r.example/v2/',
    'https://r.example/',
    'http://r.example',
    'https://r.example/v1/',
    'r.example/mine/',
    'https://r.example/mine',
  ])('%s applies to a repository', async (key) => {
    expect(await user({ [key]: auth('ali:p') }, 'mine/app')).toBe('ali');
  });

  test.each([
    ['docker.io/ali', 'ali/app', 'ali'],
    ['index.docker.io/ali/app', 'ali/app', 'ali'],
    ['registry-1.docker.io', 'library/app', 'ali'],
    ['docker.io/bob', 'ali/app', undefined],
    ['docker.io/library', 'ali/app', undefined],
  ])('on Docker Hub, %s for %s', async (key, repository, wanted) => {
    expect(await user({ [key]: auth('ali:p') }, repository, 'docker.io')).toBe(wanted);
  });

  test('an entry without credentials does not hide a shorter key', async () => {
    const auths = { 'r.example/a': {}, 'r.example/a/b': { username: 'x' }, 'r.example': auth('host:p') };
    expect(await user(auths, 'a/b')).toBe('host');
  });

  test('the same for credHelpers: the helper of another repository is not run', async () => {
    await helper('part', says('part', '1'));
    await helper('other', says('other', '2'));
    const config = { credHelpers: { 'r.example/a': 'part', 'r.example/b': 'other' } };
    const env = await store(config);
    expect(await find('r.example', { repository: 'a/x', env })).toMatchObject({ username: 'part' });
    expect(await readFile(join(home, 'asked'), 'utf8')).toBe('r.example');
    expect(await find('r.example', { repository: 'c', env })).toBeUndefined();
    expect(notices).toEqual([]);
  });
});

describe('DOCKER_AUTH_CONFIG', () => {
  const variable = (value: string) => ({ env: { DOCKER_AUTH_CONFIG: value } });

  test('comes before the files, which supply missing entries', async () => {
    await write('.docker/config.json', {
      auths: { 'r.example': auth('file:1'), 's.example': auth('file:2') },
    });
    const given = variable(JSON.stringify({ auths: { 'r.example': auth('variable:3') } }));
    expect(await find('r.example', given)).toMatchObject({
      username: 'variable',
      from: 'DOCKER_AUTH_CONFIG',
    });
    expect(await find('s.example', given)).toMatchObject({ username: 'file' });
    const named = { ...given, registry: { username: 'u', password: 'p' } };
    expect(await find('r.example', named)).toMatchObject({ username: 'u', from: '--username' });
  });

  test.each(['', ' \n'])('%j counts as unset', async (value) => {
    expect(await find('r.example', variable(value))).toBeUndefined();
    expect(notices).toEqual([]);
  });

  test.each([
    ['{"auths": {"r.example": {"auth": "c2VjcmV0"', 'it is not valid JSON'],
    ['secret', 'it is not valid JSON'],
    ['["secret"]', 'it is not a JSON object'],
    ['"secret"', 'it is not a JSON object'],
    [`{"secret": "${'x'.repeat(1024 * 1024)}"}`, 'it is too large'],
  ])('an invalid value is skipped with a notice that does not quote it', async (value, said) => {
    await write('.docker/config.json', { auths: { 'r.example': auth('file:1') } });
    expect(await find('r.example', variable(value))).toMatchObject({ username: 'file' });
    expect(notices).toEqual([`credentials in DOCKER_AUTH_CONFIG are not used: ${said}`]);
  });
});

describe('a helper', () => {
  const ask = (name: string, deadlineMs = 5_000, within = signal) =>
    askHelper(name, 'r.example', environment(), (message) => notices.push(message), within, deadlineMs);

  test('is asked for the server on stdin, and may give an identity token', async () => {
    await helper('x', says('<token>', 'i'));
    expect(await ask('x')).toEqual({
      kind: 'identity',
      username: '<token>',
      token: 'i',
      from: 'docker-credential-x',
    });
    expect(await readFile(join(home, 'asked'), 'utf8')).toBe('r.example');
  });

  test.each(['../x', 'a/b', 'x y', 'x;id', '$(id)', '', '-'.repeat(3).concat('\n')])(
    'named %j is not run',
    async (name) => {
      expect(await ask(name)).toBeUndefined();
      expect(notices).toEqual([expect.stringContaining('not a valid name')]);
    },
  );

  test.each([
    ['is not installed', '', 'not installed'],
    ['fails', 'echo secret; echo secret >&2; exit 3', 'status 3'],
    ['talks nonsense', 'echo secret', 'not JSON'],
    ['talks without end', 'yes secret', 'too long'],
  ])('that %s is said and passed over', async (_, script, said) => {
    if (script !== '') await helper('x', script);
    expect(await ask('x')).toBeUndefined();
    expect(notices).toEqual([expect.stringContaining(said)]);
    expect(notices[0]).not.toContain('secret');
  });

  test('that has none says so quietly', async () => {
    await helper('x', 'echo "credentials not found in native keychain"; exit 1');
    expect(await ask('x')).toBeUndefined();
    expect(notices).toEqual([]);
  });

  test('that hangs is ended with all it started', async () => {
    await helper('x', `sleep 600 & echo $! >"${home}/pid"; wait`);
    expect(await ask('x', 300)).toBeUndefined();
    expect(notices).toEqual([expect.stringContaining('no answer within 0.3 s')]);
    const pid = (await readFile(join(home, 'pid'), 'utf8')).trim();
    // Killed: gone, or a zombie without a parent that waits, in a container. A busy machine takes a
    // moment to end it.
    const state = () =>
      readFile(`/proc/${pid}/stat`, 'utf8').then(
        (stat) => stat.split(' ')[2],
        () => 'gone',
      );
    await vi.waitFor(async () => expect(['gone', 'Z', 'X']).toContain(await state()), { timeout: 20_000 });
  });

  test('is ended when the caller gives up', async () => {
    await helper('x', 'sleep 600');
    const controller = new AbortController();
    const asking = ask('x', 60_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(asking).rejects.toThrow('enough');
  });
});

describe('credentials for some repositories only', () => {
  const scope = (path: string) => ({ registry: 'r.example', path, isExact: false });

  test.each([
    ['a/b', [scope('a')], true],
    ['a/b', [scope('')], true],
    ['a/b', [scope('a/bc'), scope('b')], false],
    ['a/b', [{ ...scope('a'), isExact: true }], false],
    ['a/b', [{ ...scope(''), registry: 'other.example' }], false],
    ['a/b', [], false],
  ])('%s of r.example with %j: %s', async (repository, credentialsFor, isFound) => {
    await helper('own', `touch "${home}/asked"; ${says('own', '1')}`);
    await write('.docker/config.json', { credHelpers: { 'r.example': 'own' } });
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'r.example': auth('variable:2') } }) };
    const found = await find('r.example', { repository, env, registry: { credentialsFor } });
    expect(found).toEqual(isFound ? expect.objectContaining({ username: 'variable' }) : undefined);
    const other = await find('r.example', { repository, registry: { credentialsFor } });
    expect(other).toEqual(isFound ? expect.objectContaining({ username: 'own' }) : undefined);
    await expect(
      readFile(join(home, 'asked')).then(
        () => true,
        () => false,
      ),
    ).resolves.toBe(isFound);
  });
});
