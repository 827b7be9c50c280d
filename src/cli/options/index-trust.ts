import type { IndexTrust } from '../../index/cached-indexes.js';
import { usageError } from './usage-error.js';

/** Values of `--index`, ascending. */
export const INDEX_TRUSTS = [
  'none',
  'exact',
  'image',
  'trusted',
  'any',
] as const satisfies readonly IndexTrust[];

/**
 * Returns which layer indexes a command uses: what `--index` says, else `trusted` if the user named
 * an index repository, else `exact`.
 * @throws LayerslayerError INVALID_ARGUMENT for another word
 */
export function indexTrust(given: string | undefined, hasRepository = false): IndexTrust {
  if (given === undefined) return hasRepository ? 'trusted' : 'exact';
  const trust = INDEX_TRUSTS.find((known) => known === given);
  if (trust === undefined) throw usageError(`--index is ${INDEX_TRUSTS.join(', ')}, not ${given}`);
  return trust;
}
