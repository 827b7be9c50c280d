/** The rules of Go's `httpproxy`, with its own test cases where they exist. */
import { describe, expect, test } from 'vitest';
import { proxyFor } from '#src/registry/http/proxy-environment.js';
import { withCode } from '../harness.js';

const chosen = (url: string, environment: NodeJS.ProcessEnv) => proxyFor(new URL(url), environment);

describe('which proxy', () => {
  const http = { HTTP_PROXY: 'http.proxy.test' };
  const https = { HTTPS_PROXY: 'secure.proxy.test' };
  test.each<[string, NodeJS.ProcessEnv, string | undefined]>([
    ['http://x.test', {}, undefined],
    ['http://x.test', { HTTP_PROXY: '127.0.0.1:8080' }, 'http://127.0.0.1:8080/'],
    ['http://x.test', { HTTP_PROXY: 'cache.corp.test:1234' }, 'http://cache.corp.test:1234/'],
    ['http://x.test', { HTTP_PROXY: 'localhost' }, 'http://localhost/'],
    ['http://x.test', { HTTP_PROXY: 'https://cache.corp.test' }, 'https://cache.corp.test/'],
    ['http://x.test', { http_proxy: 'low.test' }, 'http://low.test/'],
    ['http://x.test', { http_proxy: 'low.test', HTTP_PROXY: 'high.test' }, 'http://high.test/'],
    ['http://x.test', { http_proxy: 'low.test', HTTP_PROXY: '' }, 'http://low.test/'],
    ['http://x.test', { ...http, ...https }, 'http://http.proxy.test/'],
    ['https://x.test', { ...http, ...https }, 'http://secure.proxy.test/'],
    ['https://x.test', http, undefined],
    ['http://x.test', https, undefined],
    ['http://x.test', { ALL_PROXY: 'all.test' }, undefined],
    ['https://x.test', { ...https, REQUEST_METHOD: 'GET' }, 'http://secure.proxy.test/'],
  ])('%s with %o: %s', (url, environment, wanted) => {
    expect(chosen(url, environment)?.url.href).toBe(wanted);
  });

  test('in a CGI program, HTTP_PROXY is rejected: a client may have set it', () => {
    const refused = () => chosen('http://x.test', { HTTP_PROXY: 'evil.test', REQUEST_METHOD: 'GET' });
    expect(refused).toThrow(expect.objectContaining(withCode('INVALID_ARGUMENT')));
    expect(refused).toThrow('HTTP_PROXY is refused');
  });

  test.each(['http://', 'socks5://ali:secret@127.0.0.1:1', 'ali:secret@'])('%s is not a proxy', (proxy) => {
    const refused = () => chosen('https://x.test', { https_proxy: proxy });
    expect(refused).toThrow(expect.objectContaining(withCode('INVALID_ARGUMENT')));
    expect(refused).toThrow('the proxy in https_proxy is not an http:// or https:// URL');
    expect(chosen('https://localhost', { https_proxy: proxy })).toBeUndefined();
  });
});

describe('its credentials', () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  test.each([
    ['http://us%40er:p%3Aw@p.test:1', 'us@er:p:w'],
    ['ali:p%25@p.test:1', 'ali:p%'],
    ['http://ali:100%@p.test:1', 'ali:100%'],
    ['http://ali@p.test:1', 'ali:'],
    ['http://:token@p.test:1', ':token'],
    ['http://%C3%A4:%E2%82%AC@p.test:1', 'ä:€'],
  ])('%s', (proxy, wanted) => {
    const found = chosen('http://x.test', { HTTP_PROXY: proxy })!;
    expect(found.authorization).toBe(basic(wanted));
    expect(found.name).toBe('proxy p.test:1 (HTTP_PROXY)');
    expect(found.url.href).toBe('http://p.test:1/');
  });

  test('none', () => {
    expect(chosen('http://x.test', { http_proxy: 'p.test' })).toMatchObject({
      authorization: undefined,
      name: 'proxy p.test (http_proxy)',
    });
  });
});

describe('NO_PROXY', () => {
  const NO_PROXY =
    'foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, 192.168.1.3:80, 10.0.0.0/30, ' +
    '2001:db8::52:0:1, [2001:db8::52:0:2]:443, [2001:db8::52:0:3]:80, 2002:db8:a::45/64, ' +
    'ported.com:80, other.com:81, MiXed.Com, .示例.com, 10.9.0.0/99, :1, , x/8';
  const cases: [string, boolean][] = [
    // never for loopback
    ['localhost', false],
    ['LOCALHOST', false],
    ['127.0.0.1', false],
    ['127.0.0.2', false],
    ['[::1]', false],
    ['[::ffff:127.0.0.1]', false],
    ['[::2]', true],
    ['192.168.1.1', false],
    ['[::ffff:192.168.1.1]', false],
    ['192.168.1.2', true], // another port
    ['192.168.1.3', false],
    ['192.168.1.4', true],
    ['10.0.0.2', false],
    ['10.0.0.5', true],
    ['10.9.0.1', true],
    ['[2001:db8::52:0:1]', false],
    ['[2001:db8::52:0:2]', true],
    ['[2001:db8::52:0:3]', false],
    ['[2002:db8:a::123]', false],
    ['[fe80::424b:c8be:1643:a1b6]', true],
    ['barbaz.net', true],
    ['www.barbaz.net', false],
    ['foobar.com', false],
    ['www.foobar.com', false],
    ['foofoobar.com', true],
    ['baz.com', true],
    ['localhost.net', true],
    ['local.localhost', true],
    ['barbarbaz.net', true],
    ['wildcard.io', true],
    ['nested.wildcard.io', false],
    ['awildcard.io', true],
    ['ported.com', false],
    ['a.ported.com', false],
    ['other.com', true],
    ['mixed.com', false],
    ['www.示例.com', false],
    ['www.xn--fsq092h.com', false],
  ];
  const proxied = (host: string, noProxy: NodeJS.ProcessEnv, scheme = 'http') =>
    chosen(`${scheme}://${host}`, { HTTP_PROXY: 'p.test', HTTPS_PROXY: 'p.test', ...noProxy }) !== undefined;

  test.each(cases)('%s uses the proxy: %s', (host, wanted) => {
    expect(proxied(host, { NO_PROXY })).toBe(wanted);
  });

  test('*, spellings, ports of https', () => {
    expect(cases.filter(([host]) => proxied(host, { NO_PROXY: 'a.test,*' }))).toEqual([]);
    expect(proxied('x.test', { no_proxy: 'x.test' })).toBe(false);
    expect(proxied('x.test', { no_proxy: 'x.test', NO_PROXY: 'y.test' })).toBe(true);
    expect(proxied('x.test', { NO_PROXY: 'x.test:443' }, 'https')).toBe(false);
    expect(proxied('x.test:5000', { NO_PROXY: 'x.test:443' }, 'https')).toBe(true);
    expect(proxied('8.8.8.8', { NO_PROXY: '0.0.0.0/0' })).toBe(false);
  });
});
