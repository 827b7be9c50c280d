import type { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { HttpAnswer, HttpRequest } from '#src/registry/http/http-exchange.js';
import { followRedirects } from '#src/registry/http/redirect.js';
import { addressKind, checkAddress, checkTarget, lookupTargets } from '#src/registry/http/target-policy.js';

test.each([
  ['127.0.0.1', 'loopback'],
  ['127.9.9.9', 'loopback'],
  ['[::1]', 'loopback'],
  ['localhost', 'loopback'],
  ['x.LOCALHOST.', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['10.1.2.3', 'private'],
  ['172.31.0.1', 'private'],
  ['192.168.0.1', 'private'],
  ['100.64.0.1', 'private'],
  ['[fd00::1]', 'private'],
  ['::ffff:10.0.0.1', 'private'],
  ['169.254.169.254', 'forbidden'],
  ['::ffff:169.254.169.254', 'forbidden'],
  ['64:ff9b::169.254.169.254', 'forbidden'],
  ['[fe80::1]', 'forbidden'],
  ['0.0.0.0', 'forbidden'],
  ['::', 'forbidden'],
  ['224.0.0.1', 'forbidden'],
  ['255.255.255.255', 'forbidden'],
  ['100.100.100.200', 'forbidden'],
  ['metadata.google.internal', 'forbidden'],
  ['172.32.0.1', 'public'],
  ['8.8.8.8', 'public'],
  ['2001:4860:4860::8888', 'public'],
  // IPv4 inside IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo.
  ['[::ffff:7f00:1]', 'loopback'],
  ['::ffff:8.8.8.8', 'public'],
  ['[::7f00:1]', 'loopback'],
  ['::10.0.0.1', 'private'],
  ['::169.254.169.254', 'forbidden'],
  ['::8.8.8.8', 'public'],
  ['::2', 'forbidden'], // 0.0.0.2
  ['::ffff:0:127.0.0.1', 'loopback'],
  ['[64:ff9b::7f00:1]', 'loopback'],
  ['64:ff9b::192.168.1.1', 'private'],
  ['64:ff9b::8.8.8.8', 'public'],
  ['64:ff9b:1::8.8.8.8', 'private'],
  ['64:ff9b:1::127.0.0.1', 'loopback'],
  ['64:ff9b:1:2::169.254.169.254', 'forbidden'],
  ['[2002:7f00:1::]', 'loopback'],
  ['2002:a00:1::5', 'private'],
  ['2002:a9fe:a9fe::', 'forbidden'],
  ['2002:808:808::1', 'public'],
  ['2001:0:808:808:0:0:80ff:fffe', 'loopback'], // the client's address, each bit flipped
  ['2001:0:808:808::f7f7:f7f7', 'public'],
  ['2001:1::7f00:1', 'public'],
  ['fec0::1', 'private'],
  ['fe80::1%eth0', 'forbidden'],
  ['::1%lo', 'loopback'],
  ['fd00:ec2::254', 'forbidden'],
  ['instance-data', 'forbidden'],
  ['METADATA.GOOG.', 'forbidden'],
  ['ip6-localhost', 'loopback'],
  ['localhost.localdomain', 'loopback'],
  ['mylocalhost', 'name'],
  ['registry.example', 'name'],
])('%s is %s', (host, kind) => {
  expect(addressKind(host)).toBe(kind);
});

const check = (url: string, nearby: boolean) => () => checkTarget(new URL(url), 'redirect', nearby);

describe('a registry in public', () => {
  test.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'https://10.0.0.1/',
    'http://localhost:1/',
    'http://[::1]/',
    'https://[fd00::1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[::7f00:1]/',
    'http://0x7f.1/',
  ])('may not send us to %s', (url) => {
    expect(check(url, false)).toThrow('and the registry');
    expect(check(url, true)).not.toThrow();
  });

  test('may send us to a public name or address', () => {
    expect(check('https://cdn.example/x', false)).not.toThrow();
    expect(check('https://8.8.8.8/x', false)).not.toThrow();
  });

  test('may not name a host that resolves to this machine', async () => {
    const lookup = (nearby: boolean, all: boolean) =>
      new Promise((resolve, reject) => {
        lookupTargets(nearby)('localhost', { all }, (error, address) =>
          error ? reject(error) : resolve(address),
        );
      });
    await expect(lookup(false, true)).rejects.toThrow('localhost refused: it resolves to a loopback address');
    expect(await lookup(true, true)).toContainEqual(expect.objectContaining({ address: '127.0.0.1' }));
    expect(['127.0.0.1', '::1']).toContain(await lookup(true, false));
  });

  test.each([
    ['127.0.0.1', 'client', 'a loopback address, which needs --allow-registry'],
    ['10.1.2.3', 'client', 'a private address, which needs --allow-registry'],
    ['169.254.169.254', 'client', 'a link-local or metadata address'],
    ['::ffff:192.168.0.1', 'client', 'a private address, which needs --allow-registry'],
    ['fd00::1', 'client', 'a private address, which needs --allow-registry'],
    ['64:ff9b::7f00:1', 'client', 'a loopback address, which needs --allow-registry'],
    ['8.8.8.8', 'client', undefined],
    ['10.1.2.3', false, "a private address, and the registry's own is not"],
    ['10.1.2.3', true, undefined],
  ] as const)('the name that %s is behind, for %s: %s', async (address, namer, why) => {
    // One public address does not help: a socket may use any of them.
    const found = [
      { address: '93.184.216.34', family: 4 },
      { address, family: isIP(address) },
    ];
    const resolver = ((_name: string, _options: object, callback: (...found: unknown[]) => void) =>
      callback(null, found)) as unknown as typeof lookup;
    const looked = new Promise((resolve, reject) => {
      lookupTargets(namer, resolver)('rebound.example', { all: true }, (error, addresses) =>
        error ? reject(error) : resolve(addresses),
      );
    });
    if (why === undefined) await expect(looked).resolves.toEqual(found);
    else await expect(looked).rejects.toThrow(`rebound.example refused: it resolves to ${why}`);
  });

  test('may not use a socket that leads to this machine', () => {
    const kind = addressKind('::ffff:127.0.0.1');
    expect(() => checkAddress('cdn.example', kind, false)).toThrow(
      'cdn.example refused: it resolves to a loopback address',
    );
    expect(() => checkAddress('cdn.example', kind, true)).not.toThrow();
    expect(() => checkAddress('cdn.example', 'forbidden', true)).toThrow('metadata');
  });
});

describe('credentials on redirects', () => {
  const secret = { authorization: 'Bearer x', cookie: 'a=b', range: 'bytes=0-1' };
  const follow = async (from: string, hops: string[]) => {
    const sent: HttpRequest[] = [];
    const exchange = followRedirects(async (request) => {
      const location = hops[sent.length];
      sent.push(request);
      const answer = {
        status: location === undefined ? 200 : 307,
        headers: { location },
        url: request.url,
      };
      return { ...answer, nearby: false, body: { discard: () => {} } } as unknown as HttpAnswer;
    });
    await exchange({ method: 'GET', url: new URL(from), headers: secret }, new AbortController().signal);
    return sent.map(({ headers }) =>
      'authorization' in headers || 'cookie' in headers ? 'with' : 'without',
    );
  };

  test.each([
    ['same origin', ['https://r.example/y'], ['with', 'with']],
    ['relative', ['/y', 'z'], ['with', 'with', 'with']],
    ['another host', ['https://s.example/y'], ['with', 'without']],
    ['a subdomain', ['https://a.r.example/y'], ['with', 'without']],
    ['another port', ['https://r.example:444/y'], ['with', 'without']],
    ['https to http', ['http://r.example/y'], ['with', 'without']],
    ['away and back', ['https://s.example/y', 'https://r.example/y'], ['with', 'without', 'without']],
  ])('%s', async (_, hops, wanted) => {
    expect(await follow('https://r.example/x', hops)).toEqual(wanted);
  });
});
