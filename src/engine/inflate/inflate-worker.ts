/**
 * An inflate thread: index passes and chunks. It reads and checks cached pages itself. All other
 * compressed bytes come from the fetch thread, over a port that does not touch the main thread.
 */
import { parentPort } from 'node:worker_threads';
import { BufferPool } from '../../base/buffer-pool.js';
import { LayerslayerError, withContext } from '../../base/errors.js';
import { logTo } from '../../base/log.js';
import { collectGarbageSoon, garbageMade } from '../../base/process/garbage.js';
import { ThreadPeer, Transferred } from '../../base/thread-rpc.js';
import { CachedPages, unverifiedFolder } from '../../blob/blocks/cached-pages.js';
import { LocalFileBytes, VerifiedBlob } from '../../blob/blocks/verified-blob.js';
import { ContentStore } from '../../cache/content-store.js';
import type { Codec } from '../../codec/codec.js';
import { CODECS, codecNamed } from '../../codec/codecs.js';
import type { RemoteStates } from '../../index/cached-indexes.js';
import { indexKey, LAYER_INDEX_VERSION } from '../../index/entry-table.js';
import { type FetchStates, fetchCheckpoint, readCheckpoint } from '../../index/states/checkpoints.js';
import { type Digest, shortDigest } from '../../oci/digest.js';
import type { UnpackRequest } from '../../save/archive/unpack-blob.js';
import type { BlobMethods, StreamMethods } from '../fetch/fetch-protocol.js';
import type { BlobPass } from './blob-pass.js';
import { CHUNK_SIZE, ChunkReader, RUN_SIZE } from './chunk-reader.js';
import { CursorPool } from './cursor-pool.js';
import { DetachedStates } from './detached-states.js';
import type {
  BlobNumber,
  ChunkRun,
  IndexRequest,
  InflateMethods,
  InflateReports,
  OpenLayerRequest,
  PassEnd,
  PassNumber,
  TableIndex,
  TableRequest,
} from './inflate-protocol.js';
import { LastRead } from './last-read.js';
import type { LayerReader } from './layer-reader.js';
import type { SendBatch } from './scan-sender.js';
import { SpanBlob } from './unverified/span-blob.js';
import { TableChunkReader } from './unverified/table-chunk-reader.js';
import { UnverifiedBlob } from './unverified/unverified-blob.js';
import { VerifiedParts } from './unverified/verified-parts.js';

/** Idle buffers: those of a request of read-ahead, and half of the next. */
const IDLE_BUFFERS = 12;

const buffers = new BufferPool(RUN_SIZE, IDLE_BUFFERS);
const cursors = new CursorPool(buffers);
const parts = new VerifiedParts();
const lastRead = new LastRead();
const readers = new Map<BlobNumber, LayerReader>();
const passes = new Map<PassNumber, BlobPass>(); // under way
/** Passes that are about to begin, and whether they are held. */
const beginning = new Map<PassNumber, boolean>();
let fetching: ThreadPeer<BlobMethods>;
let store: ContentStore | undefined;
const log = logTo((level, message) => main.notify('log', { level, message }));

const main = new ThreadPeer<InflateReports>(parentPort!, {
  connect({ port, cacheDirectory, isPrepared, keepsHuge }) {
    cursors.keepsHuge = keepsHuge;
    fetching = new ThreadPeer<BlobMethods>(port, {
      async part({ pass, bytes, offset }) {
        const isEnough = (await passes.get(pass)?.take(bytes, offset)) ?? false;
        const buffer = bytes.buffer as ArrayBuffer;
        return new Transferred({ buffer, isEnough }, [buffer]);
      },
    } satisfies StreamMethods);
    if (cacheDirectory !== undefined) store = ContentStore.forReading(cacheDirectory, log);
    if (isPrepared) for (const codec of CODECS) codec.cursor();
  },
  index,
  table,
  unpack,
  hold({ pass, isHeld }) {
    passes.get(pass)?.hold(isHeld);
    if (beginning.has(pass)) beginning.set(pass, isHeld);
  },
  async read({ blob, first, count, likelyEnd, layer, released }, signal) {
    for (const buffer of released) buffers.release(buffer);
    if (layer) readers.set(blob, openLayer(layer));
    const reader = readers.get(blob);
    if (!reader) throw new LayerslayerError('INTERNAL', `blob ${blob} was not opened`);
    let last: Transferred<ChunkRun> | undefined;
    const deliver = (number: number, bytes: Uint8Array<ArrayBuffer>) => {
      const isLast = number + Math.ceil(bytes.length / CHUNK_SIZE) === first + count;
      if (isLast) last = new Transferred({ number, bytes }, [bytes.buffer]);
      else main.notify('chunks', { blob, number, bytes }, [bytes.buffer]);
    };
    await reader.read(first, count, deliver, { likelyEnd, signal });
    if (last) last.value.isHuge = cursors.isHuge(reader);
    return last;
  },
} satisfies InflateMethods);

async function index(request: IndexRequest, signal: AbortSignal): Promise<Transferred<PassEnd>> {
  beginning.set(request.pass, false);
  const { pass, close } = await beginPass(request, signal).finally(() => beginning.delete(request.pass));
  try {
    const end = await pass.run(signal);
    return new Transferred(end, 'bytes' in end ? [end.bytes.buffer as ArrayBuffer] : []);
  } finally {
    passes.delete(request.pass);
    close();
    collectLater(pass.release());
  }
}

async function beginPass(request: IndexRequest, signal: AbortSignal) {
  const { BlobPass } = await import('./blob-pass.js'); // reads do without
  const { compared, close } = await comparedIndexes(request, signal);
  const sendBatch: SendBatch = (batch, transfer) => main.call('scanned', batch, { transfer });
  const pass = new BlobPass(request, { fetching, sendBatch, buffers, compared });
  passes.set(request.pass, pass);
  if (beginning.get(request.pass)) pass.hold(true);
  return { pass, close };
}

/**
 * Collects what a pass has left. Not in `index`: that call still references the pass, and so would
 * a closure made there, while it runs.
 */
function collectLater(releasedBytes: number): void {
  setImmediate(() => garbageMade(releasedBytes));
  collectGarbageSoon(() => passes.size === 0);
}

async function table(request: TableRequest, signal: AbortSignal): Promise<Transferred<TableIndex>> {
  const { readLayerTable } = await import('./unverified/layer-table.js'); // reads do without
  const { index, isExact } = await readLayerTable(request, unverifiedSource, signal);
  collectGarbageSoon(() => passes.size === 0);
  return new Transferred({ bytes: index.bytes, isExact }, [index.bytes.buffer as ArrayBuffer]);
}

async function unpack(request: UnpackRequest, signal: AbortSignal): Promise<number> {
  const { unpackBlob } = await import('../../save/archive/unpack-blob.js'); // most commands do without
  const size = await unpackBlob(request, signal);
  collectGarbageSoon(() => passes.size === 0);
  return size;
}

/** Opens the indexes that a pass compares. Mostly there are none. */
async function comparedIndexes({ digest, compared: wanted = [] }: IndexRequest, signal: AbortSignal) {
  if (wanted.length === 0) return { compared: [], close: () => {} };
  const { openCompared } = await import('./compared-indexes.js');
  return openCompared(digest, wanted, { store, open: unverifiedSource, log, signal });
}

/** Opens a blob whose bytes the caller checks. */
function unverifiedSource(blob: BlobNumber, digest: Digest, blobSize: number): UnverifiedBlob {
  return unverifiedBlob({ blob, digest, blobSize, local: undefined });
}

function openLayer(request: OpenLayerRequest): LayerReader {
  const { blob, digest, blobSize, checkpoints, verification, states, stateFile, local } = request;
  // The next mount makes the index again.
  const key = indexKey(LAYER_INDEX_VERSION, digest, request.index);
  const drop = () => void store?.remove('index', key);
  const remove = () => void store?.remove('states', key);
  const detached =
    'detachedFd' in states && new DetachedStates({ digest, checkpoints, storage: states, remove, log });
  let isIndexDamaged = false;
  const checkpoint = (number: number) => {
    try {
      return readCheckpoint(checkpoints, states, number);
    } catch (error) {
      if (isIndexDamaged) return undefined;
      isIndexDamaged = true;
      const why = `checkpoint ${number}: ${(error as Error).message}`;
      log.warn(`the cached index of layer ${shortDigest(digest)} is damaged, ${why}`);
      drop(); // this mount resumes at the checkpoint before
      return undefined;
    }
  };
  const fetchStates = 'remote' in states ? statesIn(states.remote, stateFile!) : undefined;
  const fetchNumbered = async (number: number, signal?: AbortSignal) => {
    try {
      const fetch: FetchStates = (...group) => fetchStates!(group, signal);
      return await fetchCheckpoint(checkpoints, number, fetch);
    } catch (error) {
      // A fault of the network is the reader's. This mount resumes at the checkpoint before.
      if (error instanceof LayerslayerError || signal?.aborted) throw error;
      const why = `checkpoint ${number}: ${(error as Error).message}`;
      if (!isIndexDamaged) log.warn(`the published index of layer ${shortDigest(digest)} is damaged, ${why}`);
      isIndexDamaged = true;
      return undefined;
    }
  };
  let isDamageLogged = local !== undefined; // of a local file upstream says what is wrong
  const layer = {
    ...request,
    codec: codecOfIndex(request, drop),
    checkpoint: detached ? (number: number) => detached.read(number) : checkpoint,
    ...(detached && { hasStates: () => detached.areThere }),
    ...(fetchStates && { fetchCheckpoint: fetchNumbered }),
  };
  if (verification.kind !== 'blocks') {
    const onWrong = (reason: string) => {
      if (!isDamageLogged) log.warn(`${reason}: wrong bytes came, fetching them again`);
      isDamageLogged = true;
    };
    const unverified = unverifiedBlob(request);
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
  const compressed = new VerifiedBlob({
    size: blobSize,
    blockDigests: verification.digests,
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
  return new ChunkReader(layer, compressed, cursors);
}

/** Returns what reads states of an index file in a registry. The caller checks them. */
function statesIn({ digest, size, offset }: RemoteStates, blob: BlobNumber) {
  const file = unverifiedBlob({ blob, digest, blobSize: size, local: undefined });
  return ([start, length, isAgain]: Parameters<FetchStates>, signal?: AbortSignal) => {
    const at = offset + start;
    const fresh = isAgain ? { fresh: true, aheadEnd: at + length } : {};
    return file.read(at, length, signal, undefined, fresh);
  };
}

/** The blob's bytes, which the caller checks. */
function unverifiedBlob({
  blob,
  digest,
  blobSize,
  local,
}: Pick<OpenLayerRequest, 'blob' | 'digest' | 'blobSize' | 'local'>): UnverifiedBlob {
  return new UnverifiedBlob({
    size: blobSize,
    near: local ? new LocalFileBytes(local) : store && new CachedPages(store, unverifiedFolder(digest)),
    upstream: {
      read: (range, signal) => fetching.call('read', { ...range, blob, unverified: true }, { signal }),
      prefetch: (offset, aheadEnd) => fetching.notify('read', { blob, offset, aheadEnd, unverified: true }),
    },
  });
}

function codecOfIndex({ digest, codec }: OpenLayerRequest, drop: () => void): Codec {
  try {
    return codecNamed(codec);
  } catch (error) {
    drop();
    throw withContext(error, `the index of layer ${shortDigest(digest)}`);
  }
}
