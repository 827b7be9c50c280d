import { relative } from 'node:path';
import { FILE_SYSTEM_TYPE, findMounts } from '../../fuse/mounting/mount-table.js';
import type { Place } from './known.js';
import { type Offers, offerWords } from './offers.js';

/** Offers where images are mounted. Reads the kernel's table only: mounts may be dead or hang. */
export async function mountpointOffers(word: string, place: Pick<Place, 'cwd' | 'env'>): Promise<Offers> {
  const mounts = await findMounts(FILE_SYSTEM_TYPE);
  const mountpoints = [...new Set(mounts.map(({ mountpoint }) => mountpoint))];
  const texts = mountpoints.flatMap((path) => spelledAs(word, path, place) ?? []);
  return {
    ...offerWords(
      word,
      '',
      texts.map((text) => ({ text })),
    ),
    arePaths: true,
  };
}

/**
 * Spells a mountpoint as the typed word begins: absolute, relative to the working directory, or
 * from the home directory.
 * @returns undefined if it cannot be spelled so
 */
export function spelledAs(
  word: string,
  mountpoint: string,
  { cwd, env }: Pick<Place, 'cwd' | 'env'>,
): string | undefined {
  if (word === '' || word.startsWith('/')) return mountpoint;
  if (word.startsWith('~/')) return below(env.HOME, mountpoint, '~/');
  return below(cwd, mountpoint, word.startsWith('./') ? './' : '');
}

function below(directory: string | undefined, path: string, start: string): string | undefined {
  if (!directory) return undefined;
  const rest = relative(directory, path);
  return rest === '' || rest.startsWith('..') ? undefined : start + rest;
}
