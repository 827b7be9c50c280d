import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '../../base/errors.js';
import { isJsonObject } from '../../oci/json.js';
import type { Notice } from '../retry.js';

/** The user's credentials. `from` names their source in messages. */
export type Credentials =
  | { kind: 'basic'; username: string; password: string; from: string }
  | { kind: 'identity'; username: string; token: string; from: string } // an OAuth2 refresh token
  | { kind: 'bearer'; token: string; from: string }; // for the registry itself

/** docker's convention: the user name of an identity token. */
export const NO_USERNAME = '<token>';

/**
 * docker's config.json, from a file or variable, or podman's auth.json (containers-auth.json(5)).
 */
export interface AuthFile {
  from: string; // path, or DOCKER_AUTH_CONFIG
  auths: ReadonlyMap<string, Credentials>; // by server, as written
  credHelpers: ReadonlyMap<string, string>; // by server, as written
  credsStore: string | undefined;
}

/**
 * docker (from 28 on) and GitLab's runners read a whole config.json from this variable, before
 * files.
 */
const CONFIG_VARIABLE = 'DOCKER_AUTH_CONFIG';
/** Bytes; real ones have a few hundred. */
const FILE_SIZE_MAX = 1024 * 1024;

/**
 * Returns the existing configurations of DOCKER_AUTH_CONFIG, docker's file and podman's files, in
 * order. Invalid JSON is skipped with a notice.
 */
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
  const files = await Promise.all([...docker, ...podman].map((path) => readAuthFile(path, notice)));
  const variable = parseAuthFile(CONFIG_VARIABLE, environment[CONFIG_VARIABLE] ?? '', notice);
  return [variable, ...files].filter((file) => file !== undefined);
}

/** mount(8) and systemd start us without HOME. Then the password database has it. */
function homeDirectory(environment: NodeJS.ProcessEnv): string | undefined {
  if (environment.HOME) return environment.HOME;
  try {
    return homedir();
  } catch {
    return undefined; // a user without an entry (containers run by number)
  }
}

async function readAuthFile(path: string, notice: Notice): Promise<AuthFile | undefined> {
  try {
    // Waiting for a FIFO's writer would keep the process alive. `<(…)` is below /dev.
    if ((await stat(path)).isFIFO() && !path.startsWith('/dev/')) {
      notice(notUsed(path, 'it is a FIFO'));
      return undefined;
    }
    return parseAuthFile(path, await readFile(path, 'utf8'), notice);
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') notice(notUsed(path, code ?? 'it cannot be read'));
    return undefined;
  }
}

/** An empty text has no credentials, and docker and podman ignore it silently. */
function parseAuthFile(from: string, text: string, notice: Notice): AuthFile | undefined {
  if (text.trim() === '') return undefined;
  if (text.length > FILE_SIZE_MAX) {
    notice(notUsed(from, 'it is too large'));
    return undefined;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Never the parser's message: it quotes the text, which contains secrets.
    notice(notUsed(from, 'it is not valid JSON'));
    return undefined;
  }
  if (!isJsonObject(value)) {
    notice(notUsed(from, 'it is not a JSON object'));
    return undefined;
  }
  const body = asObject(value);
  const credsStore = body.get('credsStore');
  return {
    from,
    auths: parseAuths(asObject(body.get('auths')), from),
    credHelpers: new Map([...asObject(body.get('credHelpers'))].filter((pair) => isStringPair(pair))),
    credsStore: typeof credsStore === 'string' && credsStore !== '' ? credsStore : undefined,
  };
}

function notUsed(from: string, why: string): string {
  return `credentials in ${from} are not used: ${why}`;
}

/** Omits empty entries: `docker login` with a credential store writes `{}` as a mark. */
function parseAuths(entries: ReadonlyMap<string, unknown>, from: string): Map<string, Credentials> {
  const auths = new Map<string, Credentials>();
  for (const [server, entry] of entries) {
    const credentials = parseAuth(asObject(entry), from);
    if (credentials) auths.set(server, credentials);
  }
  return auths;
}

function parseAuth(entry: ReadonlyMap<string, unknown>, from: string): Credentials | undefined {
  const text = (name: string) => {
    const value = entry.get(name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const pair = Buffer.from(text('auth') ?? '', 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  const username = colon > 0 ? pair.slice(0, colon) : text('username');
  // Some tools pad the pair with NULs (docker trims them too).
  const password = colon > 0 ? pair.slice(colon + 1).replace(/\0+$/, '') : text('password');
  const [identity, bearer] = [text('identitytoken'), text('registrytoken')];
  if (bearer !== undefined) return { kind: 'bearer', token: bearer, from };
  if (identity !== undefined) {
    return { kind: 'identity', username: username ?? NO_USERNAME, token: identity, from };
  }
  if (username === undefined || password === undefined) return undefined;
  return { kind: 'basic', username, password, from };
}

/** A Map, so that no key of the file meets Object.prototype. */
function asObject(value: unknown): Map<string, unknown> {
  return new Map(isJsonObject(value) ? Object.entries(value) : []);
}

function isStringPair(pair: [string, unknown]): pair is [string, string] {
  return typeof pair[1] === 'string' && pair[1] !== '';
}
