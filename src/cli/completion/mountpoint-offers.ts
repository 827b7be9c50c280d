import { relative, resolve } from 'node:path';
import { FILE_SYSTEM_TYPE, findMounts } from '../../fuse/mounting/mount-table.js';
import { expandHome } from './expand-home.js';
import type { Place } from './known.js';
import { type Offers, offerWords } from './offers.js';

/** Shells expand it, unless it is quoted. */
const HOME = '~/';

/** Offers where images are mounted. Reads the kernel's table only: mounts may be dead or hang. */
export async function mountpointOffers(word: string, place: Pick<Place, 'cwd' | 'env'>): Promise<Offers> {
  const mounts = await findMounts(FILE_SYSTEM_TYPE);
  const mountpoints = [...new Set(mounts.map(({ mountpoint }) => mountpoint))];
  const texts = mountpoints.flatMap((path) => spelledAs(word, path, place) ?? []);
  const prefix = word.startsWith(HOME) ? HOME : '';
  const candidates = texts.map((text) => ({ text: text.slice(prefix.length) }));
  return { ...offerWords(word, prefix, candidates), arePaths: true };
}

/**
 * Spells a mountpoint as the typed word begins: absolute, relative to the working directory, or
 * from the home directory.
 * @returns undefined unless it is below the directory that was typed so far
 */
export function spelledAs(
  word: string,
  mountpoint: string,
  { cwd, env }: Pick<Place, 'cwd' | 'env'>,
): string | undefined {
  if (word === '') return mountpoint;
  const typed = word.slice(0, word.lastIndexOf('/') + 1);
  const rest = relative(resolve(cwd, expandHome(typed, env)), mountpoint);
  return rest === '' || rest === '..' || rest.startsWith('../') ? undefined : typed + rest;
}
