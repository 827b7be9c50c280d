import { createHash } from 'node:crypto';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { bytesOfText } from '../../base/text/raw-text.js';

const PROGRAM = 'layerslayer';

/** Directory of root's logs without a home: mount(8) and systemd call with an empty environment. */
const SYSTEM_LOG_DIRECTORY = join('/var/log', PROGRAM);

/** Of the mountpoint's own name in the log's name: the rest is cut, the hash tells them apart. */
const READABLE_LENGTH = 80; // characters; a file name has 255 bytes

/**
 * Returns `$XDG_STATE_HOME/layerslayer`, else `~/.local/state/layerslayer`. (XDG base directories:
 * relative paths don't count)
 */
export function logDirectory(env: NodeJS.ProcessEnv, uid: number): string {
  if (env.XDG_STATE_HOME && isAbsolute(env.XDG_STATE_HOME)) return join(env.XDG_STATE_HOME, PROGRAM);
  if (!env.HOME && uid === 0) return SYSTEM_LOG_DIRECTORY;
  const home = homeDirectory(env);
  if (home === undefined) return join(tmpdir(), `${PROGRAM}-${uid}`);
  return join(home, '.local', 'state', PROGRAM);
}

/** `$HOME`, else the password file's; undefined when neither knows one. */
export function homeDirectory(env: NodeJS.ProcessEnv): string | undefined {
  if (env.HOME && isAbsolute(env.HOME)) return env.HOME;
  try {
    return homedir() || undefined;
  } catch {
    return undefined; // a user id without an entry, as containers have
  }
}

/** Returns one name for each mountpoint: `/mnt/img` gives `mnt-img-1a2b3c4d.log`. */
export function logFileName(mountpoint: string): string {
  const readable = mountpoint
    .replace(/[^A-Za-z0-9._]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, READABLE_LENGTH);
  const hash = createHash('sha256').update(bytesOfText(mountpoint)).digest('hex').slice(0, 8);
  return `${readable}-${hash}.log`;
}
