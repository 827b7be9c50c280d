import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { isRaw } from '../base/raw-text.js';
import type { CacheOptions } from '../cache/content-store.js';
import { homeDirectory } from './log-path.js';
import { parseSize } from './size.js';
import { usageError } from './usage-error.js';

const PROGRAM = 'layerslayer';

/** Root's cache if it has no home: mount(8) and systemd call with an empty environment. */
const SYSTEM_CACHE_DIRECTORY = join('/var/cache', PROGRAM);

const DEFAULT_CAP = 4 * 1024 ** 3; // bytes: a dozen large images

/**
 * Returns directory and cap of the cache: from `--cache-dir` and `--cache-size`, else from the
 * environment, else the defaults.
 */
export function cachePlace(
  given: { 'cache-dir': string | undefined; 'cache-size': string | undefined },
  context: { env: NodeJS.ProcessEnv; cwd: string; uid: number },
): CacheOptions {
  const asked = given['cache-dir'] ?? context.env.LAYERSLAYER_CACHE_DIR;
  if (asked !== undefined && isRaw(asked))
    throw usageError(`cache directory ${asked} is not UTF-8: choose another one with --cache-dir`);
  return {
    directory: asked ? resolve(context.cwd, asked) : defaultDirectory(context.env, context.uid),
    capBytes: given['cache-size'] === undefined ? DEFAULT_CAP : parseSize(given['cache-size']),
  };
}

function defaultDirectory(env: NodeJS.ProcessEnv, uid: number): string {
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, PROGRAM);
  if (!env.HOME && uid === 0) return SYSTEM_CACHE_DIRECTORY;
  const home = homeDirectory(env);
  return home === undefined ? join(tmpdir(), `${PROGRAM}-cache-${uid}`) : join(home, '.cache', PROGRAM);
}
