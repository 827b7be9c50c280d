import { CachedImages } from '../../image/cached/cached-images.js';
import { defaultPlatform, parsePlatform } from '../../oci/platform.js';
import { imageArgument } from '../../surroundings/image-argument.js';
import { cacheDirectory } from './cache-directory.js';
import type { Known } from './known.js';
import { NOTHING, type Offers } from './offers.js';

/** Names of one directory that are offered. More are no help. */
const NAMES_MAX = 2000;

/** Of names in memory: about 500,000 entries. More take over 0.2 s of CPU (measured). */
const TABLE_BYTES = 32 * 1024 ** 2;

/** Offers paths inside an image, if the cache has an index of each of its layers. */
export function pathOffers(word: string, { values, place, image }: Known): Offers {
  if (image === undefined) return NOTHING;
  const { reference } = imageArgument(image, place.cwd);
  const given = values.get('platform');
  const platform = given === undefined ? defaultPlatform() : parsePlatform(given);
  // Paths begin at the root, with or without a slash.
  const typed = word === '' ? '/' : word;
  const directory = typed.slice(0, typed.lastIndexOf('/') + 1);
  const options = {
    prefix: typed.slice(directory.length),
    limit: NAMES_MAX,
    tableBytes: TABLE_BYTES,
  };
  const names = new CachedImages(cacheDirectory(values, place)).names(
    { reference, platform },
    directory,
    options,
  );
  const candidates = names.map(({ name, isDirectory }) => ({
    text: directory + name + (isDirectory ? '/' : ''),
    isOpen: isDirectory,
  }));
  return { prefix: '', candidates, arePaths: true };
}
