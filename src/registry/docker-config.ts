import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '../base/errors.js';
import type { Notice } from './retry.js';

/** An entry of `auths`, or a helper's answer. */
export interface StoredAuth {
  username?: string;
  password?: string;
  identityToken?: string; // OAuth2 refresh token
  registryToken?: string; // bearer token, for the registry itself
}

/** docker's config.json or podman's auth.json (containers-auth.json(5)). */
export interface AuthFile {
  path: string;
  auths: ReadonlyMap<string, StoredAuth>; // by server, as written
  credHelpers: ReadonlyMap<string, string>; // by server
  credsStore: string | undefined;
  scoped: boolean; // keys may name a repository or a part of one: podman's rule
}

/** Bytes; real ones have a few hundred. */
const FILE_SIZE_MAX = 1024 * 1024;

/** The files that are there, docker's first. A file that is no JSON is told and passed over. */
export async function readAuthFiles(environment: NodeJS.ProcessEnv, notice: Notice): Promise<AuthFile[]> {
  const home = homeDirectory(environment);
  const below = (directory: string | undefined, ...names: string[]) =>
    directory ? [join(directory, ...names)] : [];
  const docker = below(environment.DOCKER_CONFIG || (home && join(home, '.docker')), 'config.json');
  const podman = environment.REGISTRY_AUTH_FILE
    ? [environment.REGISTRY_AUTH_FILE]
    : [
        ...below(environment.XDG_RUNTIME_DIR, 'containers', 'auth.json'),
        ...below(environment.XDG_CONFIG_HOME || (home && join(home, '.config')), 'containers', 'auth.json'),
      ];
  const files = [
    ...docker.map((path) => readAuthFile(path, false, notice)),
    ...podman.map((path) => readAuthFile(path, true, notice)),
  ];
  return (await Promise.all(files)).filter((file) => file !== undefined);
}

/** mount(8) and systemd start us without HOME; then the password database knows. */
function homeDirectory(environment: NodeJS.ProcessEnv): string | undefined {
  if (environment.HOME) return environment.HOME;
  try {
    return homedir();
  } catch {
    return undefined; // a user without an entry (containers run by number)
  }
}

async function readAuthFile(path: string, scoped: boolean, notice: Notice): Promise<AuthFile | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > FILE_SIZE_MAX) throw new Error('too large');
    const body = asObject(JSON.parse(text));
    const credsStore = body.get('credsStore');
    return {
      path,
      scoped,
      auths: new Map(
        [...asObject(body.get('auths'))].map(([server, entry]) => [server, parseAuth(asObject(entry))]),
      ),
      credHelpers: new Map([...asObject(body.get('credHelpers'))].filter((pair) => isStringPair(pair))),
      credsStore: typeof credsStore === 'string' && credsStore !== '' ? credsStore : undefined,
    };
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    // Never the parser's message: it quotes the file, and the file holds secrets.
    notice(`credentials in ${path} are not used: ${code ?? 'it is not valid JSON'}`);
    return undefined;
  }
}

/** The entry of a registry, for podman's files the longest that names a part of the repository's path. */
export function storedAuth(file: AuthFile, registry: string, repository: string): StoredAuth | undefined {
  if (file.scoped) {
    const parts = `${registry}/${repository}`.split('/');
    for (let length = parts.length; length > 1; length--) {
      const found = file.auths.get(parts.slice(0, length).join('/'));
      if (found && isFilled(found)) return found;
    }
  }
  const names =
    registry === 'docker.io' ? ['index.docker.io', 'docker.io', 'registry-1.docker.io'] : [registry];
  const servers = [...file.auths].filter(
    ([server, auth]) => names.includes(hostOf(server)) && isFilled(auth),
  );
  // `docker login` writes the full key; a bare name beside it is an older tool's.
  const exact = servers.find(([server]) => server.startsWith('https://index.docker.io/v1'));
  return (exact ?? servers[0])?.[1];
}

/** docker's ConvertToHostname: keys may be URLs (`https://host/v1/`). */
function hostOf(server: string): string {
  return server.replace(/^https?:\/\//, '').split('/', 1)[0]!;
}

/** `docker login` with a credential store leaves `{}` behind as a mark. */
function isFilled(auth: StoredAuth): boolean {
  return Boolean(auth.username || auth.identityToken || auth.registryToken);
}

function parseAuth(entry: ReadonlyMap<string, unknown>): StoredAuth {
  const text = (name: string) => {
    const value = entry.get(name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const pair = Buffer.from(text('auth') ?? '', 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  const username = colon > 0 ? pair.slice(0, colon) : text('username');
  // Some tools pad the pair with NULs (docker trims them too).
  const password = colon > 0 ? pair.slice(colon + 1).replace(/\0+$/, '') : text('password');
  const identityToken = text('identitytoken');
  const registryToken = text('registrytoken');
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(identityToken !== undefined && { identityToken }),
    ...(registryToken !== undefined && { registryToken }),
  };
}

/** A Map, so that no key of the file meets Object.prototype. */
function asObject(value: unknown): Map<string, unknown> {
  return new Map(
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [],
  );
}

function isStringPair(pair: [string, unknown]): pair is [string, string] {
  return typeof pair[1] === 'string' && pair[1] !== '';
}
