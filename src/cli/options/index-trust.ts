import type { IndexTrust } from '../../index/cached-indexes.js';

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
 */
export function indexTrust(given: IndexTrust | undefined, hasRepository = false): IndexTrust {
  return given ?? (hasRepository ? 'trusted' : 'exact');
}
