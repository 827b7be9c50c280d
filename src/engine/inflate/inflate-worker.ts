/**
 * An inflate thread: index passes and chunks. It reads and checks cached pages itself. All other
 * compressed bytes come from the fetch thread, over a port that does not touch the main thread.
 */
import { parentPort } from 'node:worker_threads';
import { BufferPool } from '../../base/buffer-pool.js';
import { LayerslayerError, withContext } from '../../base/errors.js';
import { collectGarbageSoon, garbageMade } from '../../base/garbage.js';
import { logTo } from '../../base/log.js';
import { ThreadPeer, Transferred } from '../../base/thread-rpc.js';
import { CachedPages } from '../../blob/cached-pages.js';
import { LocalFileBytes } from '../../blob/near-bytes.js';
import { VerifiedBlob } from '../../blob/verified-blob.js';
import { ContentStore } from '../../cache/content-store.js';
import { indexKey } from '../../cache/store-layout.js';
import type { Codec } from '../../codec/codec.js';
import { CODECS, codecNamed } from '../../codec/codecs.js';
import { readCheckpoint } from '../../index/checkpoints.js';
import { LAYER_INDEX_VERSION } from '../../index/entry-table.js';
import { shortDigest } from '../../oci/digest.js';
import type { BlobMethods, StreamMethods } from '../fetch/fetch-protocol.js';
import { CHUNK_SIZE, ChunkReader, RUN_SIZE } from './chunk-reader.js';
import { CursorPool } from './cursor-pool.js';
import type {
  BlobNumber,
  ChunkRun,
  InflateMethods,
  InflateNotices,
  OpenLayerRequest,
} from './inflate-protocol.js';

/** Idle buffers: those of a request of read-ahead, and half of the next. */
const IDLE_BUFFERS = 12;

/** What this thread does with a blob. */
interface KnownBlob {
  reader?: ChunkReader;
  isHuge?: true; // the main thread knows that its cursors are
  /** Takes the next bytes of the index pass under way. */
  push?: (bytes: Uint8Array, offset: number) => void;
}

const buffers = new BufferPool(RUN_SIZE, IDLE_BUFFERS);
const cursors = new CursorPool(buffers);
const blobs = new Map<BlobNumber, KnownBlob>();
let passes = 0; // under way
let fetching: ThreadPeer<BlobMethods>;
let store: ContentStore | undefined;
const log = logTo((level, message) => main.notify('log', { level, message }));

const main = new ThreadPeer<InflateNotices>(parentPort!, {
  connect({ port, cacheDirectory, isPrepared, keepsHuge }) {
    cursors.keepsHuge = keepsHuge;
    fetching = new ThreadPeer<BlobMethods>(port, {
      part({ blob, bytes, offset }) {
        known(blob).push?.(bytes, offset);
        const buffer = bytes.buffer as ArrayBuffer;
        return new Transferred({ buffer, isEnough: false }, [buffer]);
      },
    } satisfies StreamMethods);
    if (cacheDirectory !== undefined) store = ContentStore.forReading(cacheDirectory, log);
    if (isPrepared) for (const codec of CODECS) codec.cursor();
  },
  index,
  async read({ blob, first, count, likelyEnd, layer, released }, signal) {
    for (const buffer of released) buffers.release(buffer);
    if (layer) known(blob).reader = openLayer(layer);
    const { reader } = known(blob);
    if (!reader) throw new LayerslayerError('INTERNAL', `blob ${blob} was not opened`);
    let last: Transferred<ChunkRun> | undefined;
    const deliver = (number: number, bytes: Uint8Array<ArrayBuffer>) => {
      const isLast = number + Math.ceil(bytes.length / CHUNK_SIZE) === first + count;
      if (isLast) last = new Transferred({ number, bytes }, [bytes.buffer]);
      else main.notify('chunks', { blob, number, bytes }, [bytes.buffer]);
    };
    await reader.read(first, count, deliver, { likelyEnd, signal });
    if (!known(blob).isHuge && cursors.isHuge(reader)) {
      known(blob).isHuge = true;
      main.notify('huge', { blob });
    }
    return last;
  },
} satisfies InflateMethods);

function known(blob: BlobNumber): KnownBlob {
  const found = blobs.get(blob) ?? {};
  blobs.set(blob, found);
  return found;
}

async function index(
  { blob, digest, blobSize, allowance }: Parameters<InflateMethods['index']>[0],
  signal: AbortSignal,
): Promise<Transferred<Uint8Array>> {
  const { IndexPass } = await import('../../index/index-pass.js'); // reads do without
  const begin = () => new IndexPass(digest, { blobSize, ...(allowance && { allowance }) });
  let pass = begin();
  let isBegun = false;
  const stop = new AbortController();
  let fault: LayerslayerError | undefined;
  passes++;
  known(blob).push = (page, offset) => {
    if (offset === 0 && isBegun) {
      // Wrong bytes came: all come again.
      pass.release();
      pass = begin();
      fault = undefined;
    }
    isBegun = true;
    if (fault) return;
    try {
      pass.push(page);
    } catch (error) {
      fault = withContext(error, `indexing layer ${shortDigest(digest)}`);
      // Nothing more of an unsupported layer is fetched. Of a damaged one the rest still comes:
      // only the digest tells damage on the way from a layer that was made so.
      if (fault.code === 'UNSUPPORTED') stop.abort(fault);
    }
  };
  try {
    const within = AbortSignal.any([signal, stop.signal]);
    const blockDigests = await fetching.call('stream', { blob }, { signal: within });
    if (fault) throw fault;
    try {
      const { bytes } = await pass.finish(blockDigests!);
      return new Transferred(bytes, [bytes.buffer as ArrayBuffer]);
    } catch (error) {
      throw withContext(error, `indexing layer ${shortDigest(digest)}`);
    }
  } finally {
    delete known(blob).push;
    passes--;
    collectLater(pass.release());
  }
}

/**
 * Collects what a pass has left. Not in `index`: that call still references the pass, and so would
 * a closure made there, while it runs.
 */
function collectLater(releasedBytes: number): void {
  setImmediate(() => garbageMade(releasedBytes));
  collectGarbageSoon(() => passes === 0);
}

function openLayer(request: OpenLayerRequest): ChunkReader {
  const { blob, digest, blobSize, checkpoints, blockDigests, states, local } = request;
  // The next mount makes the index again.
  const drop = () => void store?.remove('index', indexKey(LAYER_INDEX_VERSION, digest));
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
  let isDamageLogged = local !== undefined; // of a local file upstream says what is wrong
  const compressed = new VerifiedBlob({
    size: blobSize,
    blockDigests: blockDigests,
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
  const layer = { ...request, codec: codecOfIndex(request, drop), checkpoint };
  return new ChunkReader(layer, compressed, cursors);
}

function codecOfIndex({ digest, codec }: OpenLayerRequest, drop: () => void): Codec {
  try {
    return codecNamed(codec);
  } catch (error) {
    drop();
    throw withContext(error, `the index of layer ${shortDigest(digest)}`);
  }
}
