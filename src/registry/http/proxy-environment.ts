import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { LayerslayerError } from '../../base/errors.js';
import { embeddedIPv4, familyOf, LOOPBACK, normalIPv6 } from './ip-address.js';

/** A proxy from the environment. */
export interface ProxyServer {
  url: URL; // without credentials
  name: string; // for messages, without the password: `proxy proxy.corp:3128 (HTTPS_PROXY)`
  authorization: string | undefined; // Proxy-Authorization: only for the proxy
}

/**
 * Returns the proxy for a URL, undefined if there is none. The rules are those of Go's `httpproxy`,
 * as in docker, podman and crane. HTTPS_PROXY is for https and HTTP_PROXY only for http. Upper case
 * wins. Loopback needs no proxy.
 * @throws LayerslayerError INVALID_ARGUMENT if the variable is not the URL of an HTTP proxy
 */
export function proxyFor(url: URL, environment: NodeJS.ProcessEnv): ProxyServer | undefined {
  const secure = url.protocol === 'https:';
  const { name, value } = readVariable(environment, secure ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  if (value === '' || isExempt(url, readVariable(environment, 'NO_PROXY').value)) return undefined;
  // A web server passes a request's `Proxy:` header to CGI programs as HTTP_PROXY (CVE-2016-5385).
  if (!secure && environment.REQUEST_METHOD) {
    const why = 'REQUEST_METHOD is set, so a web client may have set it';
    throw new LayerslayerError('INVALID_ARGUMENT', `the proxy in ${name} is refused: ${why}`);
  }
  return parseProxy(name, value);
}

/** An empty variable counts as missing. */
function readVariable(environment: NodeJS.ProcessEnv, name: string): { name: string; value: string } {
  for (const spelling of [name, name.toLowerCase()]) {
    const value = environment[spelling];
    if (value) return { name: spelling, value };
  }
  return { name, value: '' };
}

/** A bare `host:port` is a plain HTTP proxy, as in curl and Go. */
function parseProxy(variable: string, value: string): ProxyServer {
  const text = value.includes('://') ? value : `http://${value}`;
  if (!URL.canParse(text) || !/^https?:/i.test(text)) {
    // Never the value: it may contain a password.
    const message = `the proxy in ${variable} is not an http:// or https:// URL`;
    throw new LayerslayerError('INVALID_ARGUMENT', message);
  }
  const url = new URL(text);
  const { username, password } = url;
  const credentials = `${decoded(username)}:${decoded(password)}`;
  const authorization =
    username === '' && password === '' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`;
  url.username = '';
  url.password = '';
  return { url, name: `proxy ${url.host} (${variable})`, authorization };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // an unencoded % in a password
  }
}

function isExempt(url: URL, noProxy: string): boolean {
  const host = plainHost(url.hostname);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (host === 'localhost' || LOOPBACK.check(host, familyOf(host))) return true;
  return noProxy.split(',').some((entry) => matches(entry.trim().toLowerCase(), host, port));
}

/** Matches one entry of NO_PROXY: `*`, a network (CIDR), or an address or domain with `:port`. */
function matches(entry: string, host: string, port: string): boolean {
  if (entry === '' || entry === '*') return entry === '*';
  const network = parseNetwork(entry);
  if (network) return isIP(host) !== 0 && network.check(host, familyOf(host));
  const { name, wantedPort } = splitPort(entry);
  if (name === '' || (wantedPort !== '' && wantedPort !== port)) return false;
  if (isIP(name) !== 0) return plainHost(name) === host;
  // `example.com` matches itself and its subdomains, `.example.com` and `*.example.com` only
  // subdomains.
  const domain = domainToASCII(name.replace(/^\*?\./, '')) || name;
  return host.endsWith(`.${domain}`) || (!/^\*?\./.test(name) && host === domain);
}

/** Matches `10.0.0.0/8`, `2001:db8::/32`; undefined if the entry is not a network. */
function parseNetwork(entry: string): BlockList | undefined {
  const [, address = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  const version = isIP(address);
  if (version === 0 || Number(length) > (version === 4 ? 32 : 128)) return undefined;
  const network = new BlockList();
  network.addSubnet(address, Number(length), familyOf(address));
  return network;
}

/** `host:port`; an IPv6 address needs brackets for a port. */
function splitPort(entry: string): { name: string; wantedPort: string } {
  const [, bracketed, plain, wantedPort = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::([^:]*))?$/.exec(entry) ?? [];
  return { name: bracketed ?? plain ?? entry, wantedPort };
}

/** Returns an address without brackets, IPv6 normalised, a mapped one (::ffff:1.2.3.4) as IPv4. */
function plainHost(host: string): string {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 6) return bare;
  const canonical = normalIPv6(bare);
  return canonical.startsWith('::ffff:') ? (embeddedIPv4(bare) ?? canonical) : canonical;
}
