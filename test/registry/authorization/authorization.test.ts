/** Rules K1 to K9 about credentials and tokens, rule R8 about rate limits. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Fault,
  FaultProxy,
  type FaultRule,
  redirectTo,
  setHeaders,
  status,
} from '../../support/fault-proxy.js';
import {
  basicAuthorization,
  pushImage,
  REGISTRY_PASSWORD,
  REGISTRY_USER,
  startRegistry,
  type TestRegistry,
} from '../../support/registry.js';
import { LAYER, REPOSITORY, same, useRegistry, withCode } from '../harness.js';

const { rig } = useRegistry();
const USER = { username: 'ali', password: 'open sesame' };
const BASIC = basicAuthorization(USER.username, USER.password);
const challenge = (text: string): Fault => status(401, { 'www-authenticate': text });

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'layerslayer-home-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe('row: 401 with Bearer, Basic, or several challenges in one line', () => {
  test('a registry that wants basic credentials', async () => {
    const strict: TestRegistry = await startRegistry({ auth: true });
    const proxy = await FaultProxy.start({ target: strict.url });
    try {
      await pushImage(strict, `${REPOSITORY}:latest`, { layers: [LAYER] });
      const { another } = await rig();
      const resolve = (options: object) =>
        another(options).resolve(`${proxy.host}/${REPOSITORY}:latest`, {
          os: 'linux',
          architecture: 'amd64',
        });
      await resolve({ username: REGISTRY_USER, password: REGISTRY_PASSWORD });
      expect(proxy.seen[0]?.headers.authorization).toBeUndefined();
      expect(proxy.seen.slice(1).every((seen) => seen.headers.authorization === BASIC)).toBe(true);
      expect(proxy.requests(/^\/v2\/$/)).toHaveLength(0);
      await expect(resolve({})).rejects.toThrow('not found, or private: log in with docker login');
      await expect(resolve({ username: 'ali', password: 'wrong' })).rejects.toMatchObject(
        withCode('UNAUTHORIZED'),
      );
      await expect(resolve({ username: 'ali', password: 'wrong' })).rejects.toThrow(
        'refused the credentials from --username',
      );
    } finally {
      await proxy.stop();
      await strict.stop();
    }
  });

  test.each([
    ['bearer before basic', (realm: string) => `Basic realm="a, b", Bearer realm="${realm}",service="x"`],
    [
      'in capitals, without commas quoted',
      (realm: string) => `BEARER Realm="${realm}" , Service="a,b" , Basic`,
    ],
  ])('%s', async (_, header) => {
    const { resolve, proxy } = await rig({ tokens: {} });
    proxy.rules.push({
      path: /manifests/,
      nth: 1,
      fault: { instead: () => challenge(header(`${proxy.url}/token`)).instead!(proxy.seen[0]!, proxy) },
    });
    await resolve();
    expect(proxy.requests(/^\/token/)).toHaveLength(1);
  });

  describe('with stored credentials', () => {
    const basic = { path: /./, fault: challenge('Basic realm="x"') };
    const sent = async (environment: NodeJS.ProcessEnv, server: (host: string) => string) => {
      const { another, proxy, reference } = await rig({ rules: [basic] });
      const auths = { [server(proxy.host)]: { auth: Buffer.from('u:p').toString('base64') } };
      const config = JSON.stringify({ auths });
      await writeFile(join(home, 'config.json'), config);
      const given = environment.DOCKER_AUTH_CONFIG === undefined ? {} : { DOCKER_AUTH_CONFIG: config };
      const source = another({ environment: { ...environment, ...given } });
      const resolving = source.resolve(reference, { os: 'linux', architecture: 'amd64' });
      await expect(resolving).rejects.toMatchObject(withCode('UNAUTHORIZED'));
      return proxy.seen.map(({ headers }) => headers.authorization);
    };
    const places: [string, () => NodeJS.ProcessEnv][] = [
      ['REGISTRY_AUTH_FILE', () => ({ REGISTRY_AUTH_FILE: join(home, 'config.json') })],
      ['DOCKER_CONFIG', () => ({ DOCKER_CONFIG: home })],
      ['DOCKER_AUTH_CONFIG', () => ({ DOCKER_AUTH_CONFIG: '' })],
    ];

    test.each(places)(
      'of another repository, by %s: no Authorization is ever sent',
      async (_, environment) => {
        expect(await sent(environment(), (host) => `${host}/another-repo`)).toEqual([undefined]);
      },
    );

    test.each(places)('of the registry, by %s: they are sent', async (_, environment) => {
      expect(await sent(environment(), (host) => host)).toEqual([undefined, 'Basic dTpw']);
    });
  });

  test.each(['scope=""', 'scope=" "', 'scope=', 'scope="",service="",error=""'])(
    'a challenge with %s: the scope of the request',
    async (empty) => {
      const { resolve, proxy } = await rig({ tokens: {}, client: USER });
      proxy.rules.push({
        path: /manifests/,
        nth: 1,
        fault: {
          instead: (seen) => challenge(`Bearer realm="${proxy.url}/token",${empty}`).instead!(seen, proxy),
        },
      });
      await resolve();
      const scope = `repository%3A${encodeURIComponent(REPOSITORY)}%3Apull`;
      expect(proxy.requests(/^\/token/)[0]?.path).toBe(`/token?scope=${scope}&account=ali`);
    },
  );

  test.each(['Bearer realm=""', 'Bearer realm=,service=x', 'Bearer'])(
    '%j has no realm, and the message says so',
    async (header) => {
      const { resolve } = await rig({ rules: [{ path: /manifests/, fault: challenge(header) }] });
      await expect(resolve()).rejects.toThrow('requires a token, but its challenge has no realm');
    },
  );

  test.each(['Bearer', 'Bearer realm=""', 'Bearer realm=nowhere', 'Negotiate', ''])(
    '%j leads nowhere: UNAUTHORIZED',
    async (header) => {
      const { resolve, proxy } = await rig({ rules: [{ path: /manifests/, fault: challenge(header) }] });
      await expect(resolve()).rejects.toMatchObject(withCode('UNAUTHORIZED'));
      expect(proxy.seen).toHaveLength(1);
    },
  );

  test('a token that is refused again and again ends', async () => {
    const { resolve, proxy } = await rig({ tokens: {}, client: USER });
    proxy.rules.push({
      path: /manifests/,
      fault: {
        instead: (seen) => {
          proxy.revokeTokens();
          return challenge(`Bearer realm="${proxy.url}/token"`).instead!(seen, proxy);
        },
      },
    });
    await expect(resolve()).rejects.toMatchObject(withCode('UNAUTHORIZED'));
    expect(proxy.seen.length).toBeLessThan(6);
  });
});

describe('row: tokens', () => {
  test.each([
    [{ token: '', access_token: 't' }, 49],
    [{ token: null, access_token: 't', expires_in: null }, 49],
    [{ token: 't', access_token: '', expires_in: '' }, 49],
    [{ token: 't', expires_in: 0 }, 49],
  ])('an answer %j: empty values count as absent', async (body, fresh) => {
    const { resolve, proxy, clock } = await rig();
    proxy.rules.push(
      { path: /^\/token/, fault: status(200, { 'content-type': 'application/json' }, JSON.stringify(body)) },
      {
        path: /manifests/,
        nth: 1,
        fault: {
          instead: (seen) => challenge(`Bearer realm="${proxy.url}/token"`).instead!(seen, proxy),
        },
      },
    );
    await resolve();
    clock.time += fresh * 1000;
    await resolve();
    expect(proxy.requests(/^\/token/)).toHaveLength(1);
    clock.time += 2_000;
    await resolve();
    expect(proxy.requests(/^\/token/)).toHaveLength(2);
    expect(proxy.requests(/manifests/).at(-1)?.headers.authorization).toBe('Bearer t');
  });

  test.each(['token', 'access_token'] as const)('as %s; credentials go to the realm only', async (field) => {
    const { layer, proxy } = await rig({ tokens: { field }, client: USER });
    await (await layer()).read(0, 10);
    const [asked, ...more] = proxy.requests(/^\/token/);
    expect(more).toHaveLength(0);
    expect(asked?.headers.authorization).toBe(BASIC);
    expect(asked?.path).toBe(
      `/token?service=test&scope=repository%3A${encodeURIComponent(REPOSITORY)}%3Apull&account=ali`,
    );
    expect(proxy.requests(/^\/v2/).every((seen) => seen.headers.authorization !== BASIC)).toBe(true);
  });

  test.each([
    [undefined, 60, 49],
    [300, 300, 289],
    [10, 10, 4],
  ])('expires_in %s: renewed before %s s are over, not before %s s', async (expiresIn, over, notBefore) => {
    const { layer, proxy, clock } = await rig({ tokens: expiresIn === undefined ? {} : { expiresIn } });
    const blob = await layer();
    clock.time += notBefore * 1000;
    await blob.read(0, 10);
    expect(proxy.requests(/^\/token/)).toHaveLength(1);
    clock.time += (over - notBefore) * 1000;
    await blob.read(0, 10);
    expect(proxy.requests(/^\/token/)).toHaveLength(2);
    expect(proxy.requests(/blobs/).at(-1)?.headers.authorization).toBe('Bearer token-2');
    expect(proxy.requests(/blobs/).every((seen) => seen.status !== 401)).toBe(true);
  });

  test('revoked in the middle: a 401 costs one token for all waiters', async () => {
    const { layer, proxy } = await rig({ tokens: {} });
    const blob = await layer();
    proxy.revokeTokens();
    const reads = await Promise.all([0, 10, 20, 30].map((at) => blob.read(at, 10)));
    reads.forEach((bytes, at) => {
      same(bytes, LAYER.subarray(at * 10, at * 10 + 10));
    });
    expect(proxy.requests(/^\/token/)).toHaveLength(2);
  });

  test.each([
    [false, ['POST']],
    [true, ['POST', 'GET']],
  ])('an identity token goes by POST (refused: %s)', async (refusePost, wanted) => {
    const config = join(home, 'identity');
    await writeFile(config, JSON.stringify({ auths: {} }));
    const { resolve, proxy } = await rig({
      tokens: {
        refusePost,
        accepts: (authorization, form) =>
          form.get('refresh_token') === 'idtoken' ||
          authorization === basicAuthorization('<token>', 'idtoken'),
      },
      client: { environment: { REGISTRY_AUTH_FILE: config } },
    });
    await writeFile(config, JSON.stringify({ auths: { [proxy.host]: { identitytoken: 'idtoken' } } }));
    await resolve();
    expect(proxy.requests(/^\/token/).map((seen) => seen.method)).toEqual(wanted);
    expect(proxy.seen.every((seen) => !seen.path.includes('idtoken'))).toBe(true);
  });

  test('--token-file goes to the registry; when it is refused, its token service gives another', async () => {
    const { resolve, proxy, notices } = await rig({
      tokens: { accepts: (authorization) => authorization === undefined },
      client: { token: 'mine' },
    });
    await resolve();
    const sent = proxy.seen
      .slice(0, 5)
      .map((seen) => `${seen.path.slice(0, 6)} ${seen.headers.authorization ?? '-'}`);
    expect(sent).toEqual([
      '/v2/li -',
      '/v2/li Bearer mine',
      '/token Bearer mine',
      '/token -',
      '/v2/li Bearer token-1',
    ]);
    expect(notices).toEqual([expect.stringContaining('refused the credentials from --token-file')]);
  });
});

describe('row: deny expired stored credentials for a public image', () => {
  test('said, and tried once without; remembered', async () => {
    const config = join(home, 'expired');
    const { layer, proxy, notices, clock } = await rig({
      tokens: { accepts: (authorization) => authorization === undefined },
      client: { environment: { REGISTRY_AUTH_FILE: config } },
    });
    await writeFile(
      config,
      JSON.stringify({ auths: { [proxy.host]: { auth: Buffer.from('ali:old').toString('base64') } } }),
    );
    const blob = await layer();
    expect(notices).toEqual([`${proxy.host} refused the credentials from ${config}; trying without`]);
    expect(proxy.requests(/^\/token/)).toHaveLength(2);
    clock.time += 60_000;
    await blob.read(0, 10);
    expect(proxy.requests(/^\/token/).map((seen) => seen.headers.authorization !== undefined)).toEqual([
      true,
      false,
      false,
    ]);
    expect(notices.join()).not.toContain('old');
  });

  test('from --username: refused at once', async () => {
    const { resolve, proxy } = await rig({
      tokens: { accepts: (authorization) => authorization === undefined },
      client: USER,
    });
    await expect(resolve()).rejects.toThrow('refused the credentials from --username');
    expect(proxy.requests(/^\/token/)).toHaveLength(1);
  });

  test('a helper is run again when its token is refused', async () => {
    const helper = join(home, 'docker-credential-counting');
    await writeFile(
      helper,
      `#!/bin/sh\ncat >/dev/null\necho x >>${home}/runs\necho '{"Username":"ali","Secret":"s'$(wc -l <${home}/runs)'"}'\n`,
    );
    await chmod(helper, 0o755);
    const { layer, proxy } = await rig({
      tokens: { accepts: (authorization) => authorization !== undefined },
      client: { environment: { PATH: `${home}:${process.env.PATH}`, DOCKER_CONFIG: home } },
    });
    await writeFile(join(home, 'config.json'), JSON.stringify({ credsStore: 'counting' }));
    const blob = await layer();
    proxy.revokeTokens();
    await blob.read(0, 10);
    expect(proxy.requests(/^\/token/).map((seen) => seen.headers.authorization)).toEqual([
      basicAuthorization('ali', 's1'),
      basicAuthorization('ali', 's2'),
    ]);
  });
});

describe('row: 429', () => {
  const limited = (headers: Record<string, string>, nth?: number[]): FaultRule => ({
    path: /manifests/,
    fault: status(429, headers, 'slow down'),
    ...(nth && { nth }),
  });

  test('Retry-After in seconds: waited, and said', async () => {
    const { resolve, clock, notices, proxy } = await rig({
      rules: [limited({ 'retry-after': '3' }, [1, 2])],
    });
    await resolve();
    expect(clock.slept).toEqual([3000, 3000]);
    expect(notices[0]).toBe(`rate limited by ${proxy.host}, trying again in 3 s`);
  });

  test('Retry-After as a date', async () => {
    const { resolve, clock } = await rig({
      rules: [limited({ 'retry-after': 'Mon, 01 Jan 2024 00:00:20 GMT' }, [1])],
    });
    await resolve();
    expect(clock.slept).toEqual([20_000]);
  });

  test('plain text, without Retry-After: waited a little', async () => {
    const { resolve, clock } = await rig({ rules: [limited({}, [1])] });
    await resolve();
    expect(clock.slept).toEqual([187.5]);
  });

  test('longer than 30 s: RATE_LIMITED at once, naming the registry', async () => {
    const { resolve, clock, proxy } = await rig({ rules: [limited({ 'retry-after': '31' })] });
    await expect(resolve()).rejects.toMatchObject(withCode('RATE_LIMITED'));
    await expect(resolve()).rejects.toThrow(`${proxy.host} limits how often it is asked`);
    expect(clock.slept).toEqual([]);
  });

  test('30 s in all, over several requests; a minute later the account is new', async () => {
    const { resolve, clock } = await rig({ rules: [limited({ 'retry-after': '12' })] });
    await expect(resolve()).rejects.toMatchObject(withCode('RATE_LIMITED'));
    await expect(resolve()).rejects.toMatchObject(withCode('RATE_LIMITED'));
    expect(clock.slept).toEqual([12_000, 12_000]);
    clock.time += 90_000;
    await expect(resolve()).rejects.toMatchObject(withCode('RATE_LIMITED'));
    expect(clock.slept).toHaveLength(4);
  });

  test('a layer’s reads too', async () => {
    const { layer, clock } = await rig();
    const blob = await layer();
    expect(clock.slept).toEqual([]);
    const { layer: other, proxy, clock: otherClock } = await rig();
    const limitedBlob = await other();
    proxy.rules.push({ path: /blobs/, nth: 1, fault: status(429, { 'retry-after': '5' }) });
    same(await limitedBlob.read(0, 10), await blob.read(0, 10));
    expect(otherClock.slept).toEqual([5000]);
  });
});

describe('row: redirect, or name a token realm, at a forbidden address', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data',
    'http://[fe80::1]/x',
    'http://[::ffff:169.254.169.254]/x',
    'http://0xa9fea9fe/x',
    'http://metadata.google.internal/x',
    'http://[fd00:ec2::254]/x',
    'http://0.0.0.0:1/x',
    'file:///etc/passwd',
    'ftp://127.0.0.1/x',
    'http://u:p@127.0.0.1/x',
  ])('%s: refused', async (target) => {
    const redirected = await rig({ rules: [{ path: /blobs/, fault: redirectTo(target) }] });
    await expect(redirected.resolve()).rejects.toThrow(/refused: |not http/);
    const realm = await rig({ rules: [{ path: /manifests/, fault: challenge(`Bearer realm="${target}"`) }] });
    await expect(realm.resolve()).rejects.toThrow(/refused: /);
  });

  test('a private target is allowed to a registry on loopback', async () => {
    // Nothing listens there: that it is tried at all is the point.
    const { resolve } = await rig({ rules: [{ path: /blobs/, fault: redirectTo('http://127.0.0.2:9/x') }] });
    await expect(resolve()).rejects.toThrow('ECONNREFUSED');
  });
});

test('no secret in any message', async () => {
  const { resolve } = await rig({
    tokens: { accepts: () => false },
    client: { username: 'ali', password: 'hunter2secret' },
    rules: [{ path: /token/, fault: setHeaders({}) }],
  });
  const error = await resolve().then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  let text = '';
  for (let at: unknown = error; at instanceof Error; at = at.cause) text += `${at.message} `;
  expect(text).toContain('--username');
  expect(text).not.toMatch(/hunter2|aHVudGVy|YWxpOmh1/);
});
