import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecureContext } from 'node:tls';
import { LayerslayerError } from '../../base/errors.js';

/** Certificates of a TLS connection. An empty object means Node's own roots. */
export interface Trust {
  ca?: string[];
  cert?: string; // client certificate
  key?: string;
}

/** CA bundles of Linux distributions. The first that exists counts (as in Go, crypto/x509). */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Alpine
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/ssl/cert.pem',
];
/** podman's, then docker's directory, in containers/image's order. */
const CERTS_D = ['/etc/containers/certs.d', '/etc/docker/certs.d'];

export interface TrustOptions {
  host: string | undefined; // HOST or HOST:PORT of the registry; undefined for other hosts
  whole: boolean; // the system's bundle too; else only files that the user named
  identifies?: boolean; // with the host's client certificate. Default: yes
  certsDirectories?: readonly string[];
}

/**
 * Returns one context for all of a host's sockets: parsing the roots costs up to 50 ms (measured).
 * undefined: Node's own.
 */
export async function trustContext(
  environment: NodeJS.ProcessEnv,
  options: TrustOptions,
): Promise<SecureContext | undefined> {
  const trust = await readTrust(environment, options);
  if (Object.keys(trust).length === 0) return undefined;
  const { createSecureContext } = await import('node:tls');
  try {
    return createSecureContext(trust);
  } catch (error) {
    const from = options.host === undefined ? 'SSL_CERT_FILE' : `SSL_CERT_FILE or certs.d/${options.host}`;
    const message = `a certificate or key of ${from} is not valid`;
    throw new LayerslayerError('INVALID_ARGUMENT', message, { cause: error });
  }
}

/** Node's roots + SSL_CERT_FILE or the system's bundle + the host's certs.d directory. */
export async function readTrust(environment: NodeJS.ProcessEnv, options: TrustOptions): Promise<Trust> {
  const named = environment.SSL_CERT_FILE;
  const bundle = named ?? (options.whole ? SYSTEM_BUNDLES.find((path) => existsSync(path)) : undefined);
  const own =
    options.host === undefined ? {} : await readCertsD(options.host, options.certsDirectories ?? CERTS_D);
  const files = [bundle, environment.NODE_EXTRA_CA_CERTS].filter((path) => path !== undefined && path !== '');
  const read = await Promise.all(files.map((path) => readText(path!)));
  const added = [...read, ...(own.ca ?? [])].filter((pem) => pem !== undefined);
  const isClient = options.identifies ?? true;
  const client =
    isClient && own.cert !== undefined && own.key !== undefined ? { cert: own.cert, key: own.key } : {};
  // `ca` replaces Node's roots, so it lists them too. Without others, omit it: 20 ms less.
  if ((bundle === undefined && own.ca === undefined) || added.length === 0) return client;
  const { rootCertificates } = await import('node:tls');
  return { ca: [...rootCertificates, ...added], ...client };
}

async function readCertsD(host: string, directories: readonly string[]): Promise<Trust> {
  for (const directory of directories) {
    const home = join(directory, host);
    const names = await readdir(home).catch(() => []);
    if (names.length === 0) continue;
    const read = (suffix: string) =>
      Promise.all(names.filter((name) => name.endsWith(suffix)).map((name) => readText(join(home, name))));
    const [ca, [cert], [key]] = await Promise.all([read('.crt'), read('.cert'), read('.key')]);
    const readable = ca.filter((pem) => pem !== undefined);
    return { ...(readable.length > 0 && { ca: readable }), ...(cert && { cert }), ...(key && { key }) };
  }
  return {};
}

/** An unreadable file adds no trust: the connection then fails by its certificate. */
async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
