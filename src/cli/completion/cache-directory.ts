import { cachePlace } from '../image-choices.js';
import { expandHome } from './expand-home.js';
import type { Known } from './known.js';

/** Returns the cache directory that the command would use, by the options that were given. */
export function cacheDirectory(values: Known['values'], asked: Known['asked']): string {
  const given = values.get('cache-dir');
  const directory = given && expandHome(given, asked.env);
  return cachePlace({ 'cache-dir': directory || undefined, 'cache-size': undefined }, asked).directory;
}
