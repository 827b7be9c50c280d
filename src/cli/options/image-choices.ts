import { resolve } from 'node:path';
import { isRaw } from '../../base/text/raw-text.js';
import type { CacheOptions } from '../../cache/content-store.js';
import type { IndexTrust } from '../../index/cached-indexes.js';
import { defaultPlatform, type Platform, parsePlatform } from '../../oci/platform.js';
import { formatRepository, parseRepository } from '../../oci/reference.js';
import {
  DEFAULT_CACHE_SIZE,
  defaultCacheDirectory,
  type Surroundings,
} from '../../surroundings/default-places.js';
import { parseSize } from '../terminal/wording/size.js';
import { checkCredentialChoices } from './credentials.js';
import type { IMAGE_OPTIONS } from './image-options.js';
import { indexTrust } from './index-trust.js';
import type { OptionValues } from './option-table.js';
import { usageError } from './usage-error.js';

/** Options of every command that opens an image. */
export type ImageValues = OptionValues<typeof IMAGE_OPTIONS>;

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
    directory: asked ? resolve(context.cwd, asked) : defaultCacheDirectory(context),
    capBytes: given['cache-size'] === undefined ? DEFAULT_CACHE_SIZE : parseSize(given['cache-size']),
  };
}
