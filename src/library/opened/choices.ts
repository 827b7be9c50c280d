import { resolve } from 'node:path';
import { LayerslayerError } from '../../base/errors.js';
import { isRaw } from '../../base/text/raw-text.js';
import type { CacheOptions } from '../../cache/content-store.js';
import { defaultPlatform, type Platform, parsePlatform } from '../../oci/platform.js';
import { formatRepository, parseRepository } from '../../oci/reference.js';
import { optionsForImage, type RegistryOptions } from '../../registry/registry-options.js';
import {
  DEFAULT_CACHE_SIZE,
  defaultCacheDirectory,
  type Surroundings,
} from '../../surroundings/default-places.js';
import { imageArgument } from '../../surroundings/image-argument.js';
import { checkedSignal } from '../operations/operations.js';
import type { Credentials, IndexTrust, OpenImageOptions } from '../options.js';

const INDEX_TRUSTS: readonly IndexTrust[] = ['none', 'exact', 'image', 'trusted', 'any'];

const DEFAULT_MEMORY = 64 * 1024 ** 2;
/** Room for read-ahead. */
const MEMORY_MIN = 1024 ** 2;

/** What the options decide, checked. */
export interface Choices {
  reference: string; // canonical
  localPath: string | undefined; // of an image on this machine
  platform: Platform;
  registry: RegistryOptions;
  cache: CacheOptions;
  memoryBytes: number;
  indexTrust: IndexTrust;
  indexRepository: string | undefined; // canonical
}

/**
 * Checks the options of `openImage`: a caller in JavaScript has no types.
 * @throws LayerslayerError INVALID_ARGUMENT, INVALID_REFERENCE
 */
export function choicesOf(image: string, options: OpenImageOptions, surroundings: Surroundings): Choices {
  if (typeof image !== 'string') throw invalid('the image is not a string');
  if (typeof options !== 'object' || options === null) throw invalid('the options are not an object');
  checkedSignal(options.signal);
  checkFunction('onProgress', options.onProgress);
  checkFunction('onMessage', options.onMessage);
  const { platform, insecure = false, memory = DEFAULT_MEMORY } = options;
  const { reference, localPath } = imageArgument(image, surroundings.cwd);
  const indexRepository = repositoryOf(options, surroundings.env);
  const registry = { insecure: insecure === true, ...credentialsOf(options.credentials) };
  return {
    reference,
    localPath,
    platform: platform === undefined ? defaultPlatform() : parsePlatform(String(platform)),
    registry: optionsForImage(registry, reference),
    cache: cacheOf(options, surroundings),
    memoryBytes: checkedSize('memory', memory, MEMORY_MIN),
    indexTrust: trustOf(options.index, indexRepository !== undefined),
    indexRepository,
  };
}

/** Returns what this process says. */
export function ownSurroundings(): Surroundings {
  return { env: process.env, cwd: process.cwd(), uid: process.getuid?.() ?? 0 };
}

export function invalid(message: string): LayerslayerError {
  return new LayerslayerError('INVALID_ARGUMENT', message);
}

function credentialsOf(
  given: Credentials | undefined,
): Pick<RegistryOptions, 'username' | 'password' | 'token'> {
  if (given === undefined) return {};
  const isText = (value: unknown) => typeof value === 'string' && value !== '' && !/[\r\n\0]/.test(value);
  const { username, password, token } = Object(given) as {
    username?: string;
    password?: string;
    token?: string;
  };
  if (token !== undefined && username === undefined && password === undefined && isText(token))
    return { token };
  if (token === undefined && isText(username) && isText(password)) {
    return { username: username!, password: password! };
  }
  throw invalid('credentials are { username, password } or { token }, each one line of text');
}

function cacheOf(
  { cacheDirectory, cacheSize }: OpenImageOptions,
  { env, cwd, uid }: Surroundings,
): CacheOptions {
  const asked = cacheDirectory ?? env.LAYERSLAYER_CACHE_DIR;
  if (asked !== undefined && (typeof asked !== 'string' || isRaw(asked) || asked.includes('\0')))
    throw invalid('the cache directory is not text in UTF-8');
  return {
    directory: asked ? resolve(cwd, asked) : defaultCacheDirectory({ env, uid }),
    capBytes: checkedSize('cacheSize', cacheSize ?? DEFAULT_CACHE_SIZE, 0),
  };
}

function repositoryOf({ indexRepository }: OpenImageOptions, env: NodeJS.ProcessEnv): string | undefined {
  const text = indexRepository ?? env.LAYERSLAYER_INDEX_REPOSITORY;
  if (!text) return undefined;
  try {
    return formatRepository(parseRepository(String(text)));
  } catch (error) {
    throw invalid(`indexRepository: ${(error as Error).message}`);
  }
}

function trustOf(given: IndexTrust | undefined, hasRepository: boolean): IndexTrust {
  if (given === undefined) return hasRepository ? 'trusted' : 'exact';
  if (INDEX_TRUSTS.includes(given)) return given;
  throw invalid(`index is ${INDEX_TRUSTS.join(', ')}, not ${given}`);
}

function checkedSize(name: string, value: number, min: number): number {
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw invalid(`${name} is ${value}, want bytes, an integer from ${min}`);
}

function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw invalid(`${name} is not a function`);
}
