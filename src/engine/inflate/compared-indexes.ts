import type { Log } from '../../base/log.js';
import type { ContentStore } from '../../cache/content-store.js';
import { StoredIndexes } from '../../index/cached-indexes.js';
import { type CheckedIndex, EntryColumns } from '../../index/index-pass.js';
import type { Digest } from '../../oci/digest.js';
import type { ComparedIndex } from './inflate-protocol.js';

/**
 * Opens the indexes that a pass over the layer compares. Leaves out those gone from the disk.
 * @returns also what closes their files, after the pass
 */
export async function openCompared(
  digest: Digest,
  wanted: readonly ComparedIndex[],
  store: ContentStore | undefined,
  log: Log,
): Promise<{ compared: CheckedIndex[]; close(): void }> {
  const stored = store && new StoredIndexes(store, log);
  const compared: CheckedIndex[] = [];
  for (const { name, given } of wanted) {
    if (given) {
      const { columns, origin, storage, ...rest } = given;
      const index = { ...rest, entries: new EntryColumns(columns, rest.blobSize) };
      compared.push({ name, index, origin, states: storage });
      continue;
    }
    const found = await stored?.loadNamed(digest, name);
    if (found) compared.push({ name, ...found });
  }
  return { compared, close: () => stored?.close() };
}
