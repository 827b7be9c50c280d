import { cachePlace } from '../options/image-choices.js';
import { expandHome } from './expand-home.js';
import type { Known } from './known.js';

/** Returns the cache directory that the command would use, by the options that were given. */
export function cacheDirectory(values: Known['values'], place: Known['place']): string {
  const given = values.get('cache-dir');
  const directory = given && expandHome(given, place.env);
  return cachePlace({ 'cache-dir': directory || undefined, 'cache-size': undefined }, place).directory;
}
