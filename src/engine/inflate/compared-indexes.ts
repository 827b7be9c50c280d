import { createHash } from 'node:crypto';
import { LayerslayerError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { ContentStore } from '../../cache/content-store.js';
import { type RemoteStates, StoredIndexes } from '../../index/cached-indexes.js';
import { type CheckedIndex, EntryColumns } from '../../index/pass/index-pass.js';
import type { Digest } from '../../oci/digest.js';
import type { BlobNumber, ComparedIndex } from './inflate-protocol.js';
import type { UnverifiedBlob } from './unverified/unverified-blob.js';

export interface ComparedSources {
  store: ContentStore | undefined;
  /** Opens a blob whose bytes are not checked. */
  open(blob: BlobNumber, digest: Digest, blobSize: number): UnverifiedBlob;
  log: Log;
  signal: AbortSignal;
}

/**
 * Opens the indexes that a pass over the layer compares. Leaves out those gone from the disk, and
 * those whose states are in a registry, unless it is said where they are open.
 * @returns also what closes their files, after the pass
 * @throws LayerslayerError DIGEST_MISMATCH, network codes, for states in a registry
 */
export async function openCompared(
  digest: Digest,
  wanted: readonly ComparedIndex[],
  { store, open, log, signal }: ComparedSources,
): Promise<{ compared: CheckedIndex[]; close(): void }> {
  const stored = store && new StoredIndexes(store, log);
  const compared: CheckedIndex[] = [];
  for (const { name, given, stateFile } of wanted) {
    const found = given ? checkedOf(name, given) : await stored?.loadNamed(digest, name);
    if (!found) continue;
    const { states } = found;
    if (!('remote' in states)) compared.push({ ...found, name });
    else if (stateFile !== undefined) {
      const { digest: file, size } = states.remote;
      const memory = await fetchStates(states.remote, found.index, open(stateFile, file, size), signal);
      compared.push({ ...found, name, states: { memory } });
    }
  }
  return { compared, close: () => stored?.close() };
}

function checkedOf(name: string, given: NonNullable<ComparedIndex['given']>): CheckedIndex {
  const { columns, origin, storage, ...rest } = given;
  const index = { ...rest, entries: new EntryColumns(columns, rest.blobSize) };
  return { name, index, origin, states: storage };
}

/** Fetches all states, once more if they are not those of their digests. */
async function fetchStates(
  { offset, size }: RemoteStates,
  { checkpoints: { groupStarts, groupDigests } }: CheckedIndex['index'],
  file: UnverifiedBlob,
  signal: AbortSignal,
): Promise<SharedArrayBuffer> {
  for (const fresh of [false, true]) {
    const bytes = await file.read(offset, size - offset, signal, undefined, { fresh });
    const digests = Array.from({ length: groupStarts.length - 1 }, (_, i) =>
      createHash('sha256')
        .update(bytes.subarray(groupStarts[i], groupStarts[i + 1]))
        .digest(),
    );
    if (groupDigests && Buffer.concat(digests).equals(groupDigests)) return sharedCopy(bytes);
  }
  throw new LayerslayerError(
    'DIGEST_MISMATCH',
    'the states of a published index are not those of its digests',
  );
}

function sharedCopy(bytes: Uint8Array): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(bytes.length);
  new Uint8Array(memory).set(bytes);
  return memory;
}
