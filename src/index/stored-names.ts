import type { ContentStore } from '../cache/content-store.js';
import type { Digest } from '../oci/digest.js';
import type { NameTable } from './entry-table.js';
import { decodeNames, decodeTable, type EncodedTable } from './file/encoded-table.js';
import type { IndexOrigin } from './index-origin.js';
import { openStored } from './stored-file.js';

/**
 * Reads the names of a cached index, and changes nothing in the cache.
 * @param limit of their bytes in memory
 * @returns the names and their bytes; undefined if the index is not cached, refuted, damaged, or
 *   past the limit
 */
export function readStoredNames(
  store: ContentStore,
  digest: Digest,
  origin: IndexOrigin,
  limit: number,
): { names: NameTable; size: number } | undefined {
  const file = openStored(store, digest, origin);
  if (file === undefined) return undefined;
  try {
    const decoded = decodeNames(file.read, limit);
    return decoded?.digest === digest ? decoded : undefined;
  } catch {
    return undefined;
  } finally {
    file.close();
  }
}

/**
 * Reads the entries of a cached index, and changes nothing in the cache.
 * @param limit of their bytes in memory
 * @returns undefined if the index is not cached, refuted, damaged, or past the limit
 */
export async function readStoredTable(
  store: ContentStore,
  digest: Digest,
  origin: IndexOrigin,
  limit: number,
): Promise<EncodedTable | undefined> {
  const file = openStored(store, digest, origin);
  if (file === undefined) return undefined;
  try {
    const decoded = await decodeTable(file.read, limit);
    return decoded?.digest === digest ? decoded : undefined;
  } catch {
    return undefined;
  } finally {
    file.close();
  }
}
