import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { isRaw } from '../../base/text/raw-text.js';
import type { CacheOptions } from '../../cache/content-store.js';
import type { IndexTrust } from '../../index/cached-indexes.js';
import { defaultPlatform, type Platform, parsePlatform } from '../../oci/platform.js';
import { formatRepository, parseRepository } from '../../oci/reference.js';
import type { CommandContext } from '../command.js';
import { parseSize } from '../terminal/size.js';
import { checkCredentialChoices } from './credentials.js';
import type { IMAGE_OPTIONS } from './image-options.js';
import { indexTrust } from './index-trust.js';
import { homeDirectory } from './log-path.js';
import type { OptionValues } from './option-table.js';
import { usageError } from './usage-error.js';

const PROGRAM = 'layerslayer';

/** Root's cache if it has no home: mount(8) and systemd call with an empty environment. */
const SYSTEM_CACHE_DIRECTORY = join('/var/cache', PROGRAM);

const DEFAULT_CAP = 4 * 1024 ** 3; // bytes: a dozen large images

/** Options of every command that opens an image. */
export type ImageValues = OptionValues<typeof IMAGE_OPTIONS>;

/** What options depend on besides. */
export type Surroundings = Pick<CommandContext, 'env' | 'cwd' | 'uid'>;

/** Checks all image options that need no secrets. @throws LayerslayerError INVALID_ARGUMENT */
export function imageChoices(
  values: ImageValues,
  context: Surroundings,
): {
  platform: Platform;
  cache: CacheOptions;
  indexTrust: IndexTrust;
  indexRepository: string | undefined;
} {
  checkCredentialChoices(values);
  const repository = indexRepository(values, context.env);
  return {
    platform: values.platform === undefined ? defaultPlatform() : parsePlatform(values.platform),
    cache: cachePlace(values, context),
    indexTrust: indexTrust(values.index, repository !== undefined),
    indexRepository: repository,
  };
}

/** Returns the repository of layer indexes in canonical form, `host/name`. An empty one is none. */
function indexRepository(given: ImageValues, env: NodeJS.ProcessEnv): string | undefined {
  const option = given['index-repository'];
  const text = option ?? env.LAYERSLAYER_INDEX_REPOSITORY;
  if (!text) return undefined;
  try {
    return formatRepository(parseRepository(text));
  } catch (error) {
    const name = option === undefined ? '$LAYERSLAYER_INDEX_REPOSITORY' : '--index-repository';
    throw usageError(`${name}: ${(error as Error).message}`);
  }
}

/** Returns directory and cap of the cache: from the options, the environment, or defaults. */
export function cachePlace(
  given: Pick<ImageValues, 'cache-dir' | 'cache-size'>,
  context: Surroundings,
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
