import type { NameTable } from '../../index/entry-table.js';
import { MAX_FOLLOWED_LINKS } from '../limits.js';
import { namesIn } from './directory-names.js';
import { nonDirectoriesAbove } from './parents.js';

const SLASH = '/';

/** What searches may still cost. Links of a hostile image lead through `a/../` a thousand times. */
export interface SearchBudget {
  rows: number; // of all tables; each search costs all rows
}

/**
 * Returns the directory that a path leads to, in the form that `namesIn` takes. Follows symlinks
 * inside the root, as the merged tree does.
 * @param layers base first
 * @param path bytes as latin1
 * @param budget what this search costs is taken from it
 * @returns undefined if the path leads to something else than a directory, or past the budget. A
 *   path of names that do not exist may be returned as it is.
 */
export function findDirectory(
  layers: readonly NameTable[],
  path: string,
  budget: SearchBudget,
): Uint8Array | undefined {
  const rows = layers.reduce((sum, { length }) => sum + length, 0);
  const components = path.split(SLASH).filter((one) => one !== '' && one !== '.');
  const plain = Buffer.from(components.join(SLASH), 'latin1');
  budget.rows -= rows;
  // Most paths have no link: one search of the tables instead of one for each component.
  const isFollowed = layers.some((layer) => !nonDirectoriesAbove(layer, plain).next().done);
  if (!components.includes('..') && !isFollowed) return plain;
  const waiting = components.reverse(); // the next component is the last
  const found: string[] = [];
  let links = 0;
  while (waiting.length > 0) {
    const component = waiting.pop()!;
    if (component === '' || component === '.') continue;
    if (component === '..') {
      found.pop();
      continue;
    }
    budget.rows -= rows;
    if (budget.rows < 0) return undefined;
    const query = { prefix: Buffer.from(component, 'latin1'), isExact: true, limit: 1 };
    const [entry] = namesIn(layers, Buffer.from(found.join(SLASH), 'latin1'), query);
    if (entry === undefined || entry.kind === 'other') return undefined;
    if (entry.kind === 'dir') {
      found.push(component);
      continue;
    }
    if (++links > MAX_FOLLOWED_LINKS) return undefined;
    const target = Buffer.from(entry.target).toString('latin1');
    if (target.startsWith(SLASH)) found.length = 0;
    waiting.push(...target.split(SLASH).reverse());
  }
  return Buffer.from(found.join(SLASH), 'latin1');
}
