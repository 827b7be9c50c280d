import type { CacheOptions } from '../cache/content-store.js';
import { defaultPlatform, type Platform, parsePlatform } from '../oci/platform.js';
import { cachePlace } from './cache-place.js';
import type { CommandContext } from './command.js';
import { checkCredentialChoices } from './credentials.js';
import type { IMAGE_OPTIONS } from './image-options.js';
import type { OptionValues } from './option-table.js';

/** Of every command that opens an image. */
export type ImageValues = OptionValues<typeof IMAGE_OPTIONS>;

export interface ImageChoices {
  platform: Platform;
  cache: CacheOptions;
}

/** Bytes of decompressed windows; what a mount keeps besides is in the kernel's page cache. */
export const DEFAULT_MEMORY = 64 * 1024 ** 2;

/** Checks all image options that need no secrets. @throws LayerslayerError INVALID_ARGUMENT */
export function imageChoices(
  values: ImageValues,
  context: Pick<CommandContext, 'env' | 'cwd' | 'uid'>,
): ImageChoices {
  checkCredentialChoices(values);
  return {
    platform: values.platform === undefined ? defaultPlatform() : parsePlatform(values.platform),
    cache: cachePlace(values, context),
  };
}
