import type { Log } from '../../base/log.js';
import type { ContentStore } from '../../cache/content-store.js';
import { type RemoteStates, StoredIndexes } from '../../index/cached-indexes.js';
import { type FetchStates, fetchAllStates } from '../../index/checkpoints.js';
import { type CheckedIndex, EntryColumns } from '../../index/pass/index-pass.js';
import type { Digest } from '../../oci/digest.js';
import type { BlobNumber, ComparedIndex } from './inflate-protocol.js';

/**
 * Opens the indexes that a pass over the layer compares. Leaves out those gone from the disk.
 * @returns also what closes their files, after the pass
 */
export async function openCompared(
  digest: Digest,
  wanted: readonly ComparedIndex[],
  statesIn: (remote: RemoteStates, stateFile: BlobNumber) => FetchStates,
  store: ContentStore | undefined,
  log: Log,
): Promise<{ compared: CheckedIndex[]; close(): void }> {
  const stored = store && new StoredIndexes(store, log);
  const compared: CheckedIndex[] = [];
  for (const { name, given } of wanted) {
    if (given) {
      const { columns, origin, storage, stateFile, ...rest } = given;
      const index = { ...rest, entries: new EntryColumns(columns, rest.blobSize) };
      const states =
        'remote' in storage
          ? await fetchAllStates(index.checkpoints, statesIn(storage.remote, stateFile!))
          : storage;
      compared.push({ name, index, origin, states });
      continue;
    }
    const found = await stored?.loadNamed(digest, name);
    if (found) compared.push({ name, ...found });
  }
  return { compared, close: () => stored?.close() };
}
