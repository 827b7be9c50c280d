import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemCode } from '../../base/errors.js';
import { systemErrorText } from '../../base/system-error-text.js';
import { isJsonObject, type JsonObject, ownField, stringField, stringMap } from '../../oci/json.js';
import type { Notice } from '../requests/retry.js';

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

/** docker (from 28 on) and GitLab's runners read a config.json from it, before files. */
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
    const isFifo = (await stat(path)).isFIFO() && !path.startsWith('/dev/');
    if (isFifo) return skip(path, 'it is a FIFO', notice);
    return parseAuthFile(path, await readFile(path, 'utf8'), notice);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    return skip(path, systemErrorText(error) ?? 'it cannot be read', notice);
  }
}

/** An empty text has no credentials, and docker and podman ignore it silently. */
function parseAuthFile(from: string, text: string, notice: Notice): AuthFile | undefined {
  if (text.trim() === '') return undefined;
  if (text.length > FILE_SIZE_MAX) return skip(from, 'it is too large', notice);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Never the parser's message: it quotes the text, which contains secrets.
    return skip(from, 'it is not valid JSON', notice);
  }
  if (!isJsonObject(value)) return skip(from, 'it is not a JSON object', notice);
  const credHelpers = stringMap(value, 'credHelpers') ?? {};
  return {
    from,
    auths: parseAuths(ownField(value, 'auths'), from),
    credHelpers: new Map(Object.entries(credHelpers).filter(([, helper]) => helper !== '')),
    credsStore: stringField(value, 'credsStore'),
  };
}

/** @returns undefined, for the caller to return */
function skip(from: string, why: string, notice: Notice): undefined {
  notice(`credentials in ${from} are not used: ${why}`);
}

/** Omits empty entries: `docker login` with a credential store writes `{}` as a mark. */
function parseAuths(entries: unknown, from: string): Map<string, Credentials> {
  const auths = new Map<string, Credentials>();
  for (const [server, entry] of Object.entries(isJsonObject(entries) ? entries : {})) {
    const credentials = isJsonObject(entry) ? parseAuth(entry, from) : undefined;
    if (credentials) auths.set(server, credentials);
  }
  return auths;
}

function parseAuth(entry: JsonObject, from: string): Credentials | undefined {
  const pair = Buffer.from(stringField(entry, 'auth') ?? '', 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  const username = colon > 0 ? pair.slice(0, colon) : stringField(entry, 'username');
  // Some tools pad the pair with NULs (docker trims them too).
  const password = colon > 0 ? pair.slice(colon + 1).replace(/\0+$/, '') : stringField(entry, 'password');
  const bearer = stringField(entry, 'registrytoken');
  if (bearer !== undefined) return { kind: 'bearer', token: bearer, from };
  const identity = stringField(entry, 'identitytoken');
  if (identity !== undefined) {
    return { kind: 'identity', username: username ?? NO_USERNAME, token: identity, from };
  }
  if (username === undefined || password === undefined) return undefined;
  return { kind: 'basic', username, password, from };
}
