import { LayerslayerError, withContext } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { ThreadPeer } from '../../base/thread-rpc.js';
import { CachedPages, unverifiedFolder } from '../../blob/blocks/cached-pages.js';
import { LocalFileBytes, VerifiedBlob } from '../../blob/blocks/verified-blob.js';
import type { ContentStore } from '../../cache/content-store.js';
import type { Codec } from '../../codec/codec.js';
import { codecNamed } from '../../codec/codecs.js';
import type { RemoteStates } from '../../index/cached-indexes.js';
import { indexKey, LAYER_INDEX_VERSION } from '../../index/entry-table.js';
import { type FetchStates, fetchCheckpoint, readCheckpoint } from '../../index/states/checkpoints.js';
import { shortDigest } from '../../oci/digest.js';
import type { BlobMethods } from '../fetch/fetch-protocol.js';
import { ChunkReader, type ReadableLayer } from './chunk-reader.js';
import type { CursorPool } from './cursor-pool.js';
import { DetachedStates } from './detached-states.js';
import type { BlobNumber, OpenLayerRequest } from './inflate-protocol.js';
import type { LastRead } from './last-read.js';
import type { LayerReader } from './layer-reader.js';
import { SpanBlob } from './unverified/span-blob.js';
import { TableChunkReader } from './unverified/table-chunk-reader.js';
import { UnverifiedBlob } from './unverified/unverified-blob.js';
import type { VerifiedParts } from './unverified/verified-parts.js';

/** Where an inflate thread gets compressed bytes from. */
export interface ByteSources {
  fetching: ThreadPeer<BlobMethods>;
  store: ContentStore | undefined; // the cache, if it is usable
}

/** What the readers of an inflate thread share. */
export interface ReaderParts extends ByteSources {
  cursors: CursorPool;
  parts: VerifiedParts;
  lastRead: LastRead;
  log: Log;
}

/**
 * Opens a layer for reading, by the way in which its bytes are verified.
 * @throws LayerslayerError UNSUPPORTED for an unknown codec
 */
export function openLayer(request: OpenLayerRequest, shared: ReaderParts): LayerReader {
  const { digest, checkpoints, verification } = request;
  const { cursors, parts, lastRead, fetching, store, log } = shared;
  // The next mount makes the index again.
  const drop = () => void store?.remove('index', indexKey(LAYER_INDEX_VERSION, digest, request.index));
  const layer = {
    ...request,
    codec: codecOfIndex(request, drop),
    ...checkpointsOf(request, drop, shared),
  };
  if (verification.kind === 'blocks') {
    return new ChunkReader(layer, verifiedBlob(request, verification.digests, shared), cursors);
  }
  let isWrongLogged = request.local !== undefined; // of a local file, the fetch thread reports it
  const onWrong = (reason: string) => {
    if (!isWrongLogged) log.warn(`${reason}: wrong bytes came, fetching them again`);
    isWrongLogged = true;
  };
  const unverified = unverifiedBlob(request, shared);
  if (verification.kind === 'chunks') {
    return new TableChunkReader({ ...layer, chunks: verification.chunks }, unverified, {
      cursors,
      parts,
      lastRead,
      hashAside: (bytes) => fetching.call('hash', { bytes }, { transfer: [bytes.buffer] }),
      onWrong,
    });
  }
  const spans = { layer: digest, inOffsets: checkpoints.inOffsets, digests: verification.digests };
  return new ChunkReader(layer, new SpanBlob(unverified, spans, parts, onWrong), cursors);
}

type OpenedBlob = Pick<OpenLayerRequest, 'blob' | 'digest' | 'blobSize' | 'local'>;

/** Returns the blob's bytes, which the caller checks. */
export function unverifiedBlob(
  { blob, digest, blobSize, local }: OpenedBlob,
  { fetching, store }: ByteSources,
): UnverifiedBlob {
  return new UnverifiedBlob({
    size: blobSize,
    near: local ? new LocalFileBytes(local) : store && new CachedPages(store, unverifiedFolder(digest)),
    upstream: {
      read: (range, signal) => fetching.call('read', { ...range, blob, unverified: true }, { signal }),
      prefetch: (offset, aheadEnd) => fetching.notify('read', { blob, offset, aheadEnd, unverified: true }),
    },
  });
}

function verifiedBlob(
  { blob, digest, blobSize, local }: OpenedBlob,
  blockDigests: Uint8Array,
  { fetching, store, log }: ReaderParts,
): VerifiedBlob {
  let isDamageLogged = local !== undefined; // of a local file, the fetch thread reports it
  return new VerifiedBlob({
    size: blobSize,
    blockDigests,
    near: local ? new LocalFileBytes(local) : store && new CachedPages(store, digest),
    upstream: {
      read: (offset, length, signal) => fetching.call('read', { blob, offset, length }, { signal }),
      prefetch: (offset, aheadEnd) => fetching.notify('read', { blob, offset, aheadEnd }),
    },
    onDamage: (page) => {
      if (!isDamageLogged)
        log.warn(`cache: page ${page} of ${shortDigest(digest)} is damaged, fetching it again`);
      isDamageLogged = true;
    },
  });
}

/** @param drop removes the cached index */
function codecOfIndex({ digest, codec }: OpenLayerRequest, drop: () => void): Codec {
  try {
    return codecNamed(codec);
  } catch (error) {
    drop();
    throw withContext(error, `the index of layer ${shortDigest(digest)}`);
  }
}

/**
 * Returns how checkpoints are read: from the index, from a file of their own, or from a registry.
 * The first damaged one is logged. A reader then resumes at the checkpoint before.
 * @param drop removes the cached index
 */
function checkpointsOf(
  { digest, index, checkpoints, states, stateFile }: OpenLayerRequest,
  drop: () => void,
  shared: ReaderParts,
): Pick<ReadableLayer, 'checkpoint' | 'hasStates' | 'fetchCheckpoint'> {
  const { store, log } = shared;
  let isIndexDamaged = false;
  const damaged = (index: string, number: number, error: unknown) => {
    const why = `checkpoint ${number}: ${(error as Error).message}`;
    if (!isIndexDamaged) log.warn(`${index} of layer ${shortDigest(digest)} is damaged, ${why}`);
    isIndexDamaged = true;
  };
  if ('detachedFd' in states) {
    const key = indexKey(LAYER_INDEX_VERSION, digest, index);
    const remove = () => void store?.remove('states', key);
    const detached = new DetachedStates({ digest, checkpoints, storage: states, remove, log });
    return { checkpoint: (number) => detached.read(number), hasStates: () => detached.areThere };
  }
  const checkpoint = (number: number) => {
    try {
      return readCheckpoint(checkpoints, states, number);
    } catch (error) {
      if (!isIndexDamaged) drop();
      damaged('the cached index', number, error);
      return undefined;
    }
  };
  if (!('remote' in states)) return { checkpoint };
  const fetchStates = statesIn(states.remote, stateFile!, shared);
  return {
    checkpoint,
    async fetchCheckpoint(number, signal) {
      try {
        return await fetchCheckpoint(checkpoints, number, (...group) => fetchStates(group, signal));
      } catch (error) {
        if (error instanceof LayerslayerError || signal?.aborted) throw error; // a fault of the network
        damaged('the published index', number, error);
        return undefined;
      }
    },
  };
}

/** Returns what reads states of an index file in a registry. The caller checks them. */
function statesIn({ digest, size, offset }: RemoteStates, blob: BlobNumber, sources: ByteSources) {
  const file = unverifiedBlob({ blob, digest, blobSize: size, local: undefined }, sources);
  return ([start, length, isAgain]: Parameters<FetchStates>, signal?: AbortSignal) => {
    const at = offset + start;
    const fresh = isAgain ? { fresh: true, aheadEnd: at + length } : {};
    return file.read(at, length, signal, undefined, fresh);
  };
}
