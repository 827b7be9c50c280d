/**
 * An inflating thread: index passes and windows. Compressed bytes come from kept pages on disk, which it reads and
 * checks itself, else from the fetching thread, over a conversation of their own that does not touch the main thread.
 */
import { type MessagePort, parentPort } from 'node:worker_threads';
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
import { LAYER_INDEX_VERSION } from '../../index/entry-table.js';
import { IndexPass } from '../../index/index-pass.js';
import { type Digest, shortDigest } from '../../oci/digest.js';
import type { BlobMethods, StreamMethods } from '../fetch/fetch-protocol.js';
import { BufferPool } from './buffer-pool.js';
import { CheckpointStates } from './checkpoint-states.js';
import { CHUNK_SIZE, ChunkReader, type ReadingResources, RUN_SIZE } from './chunk-reader.js';
import { CursorPool } from './cursor-pool.js';
import type {
  BlobNumber,
  InflateMethods,
  OpenLayerRequest,
  WindowMethods,
  WindowRun,
} from './inflate-protocol.js';

/** Buffers kept for runs of windows: those of a request of read-ahead, and half of the next. */
const IDLE_RUNS = 12;

const resources: ReadingResources = {
  cursors: new CursorPool(),
  runs: new BufferPool(RUN_SIZE, IDLE_RUNS),
};
const layers = new Map<BlobNumber, ChunkReader>();
const passes = new Map<BlobNumber, (page: Uint8Array, offset: number) => void>();
let fetching: ThreadPeer<BlobMethods>;
let store: ContentStore | undefined;
const log = logTo((level, message) => main.notify('log', { level, message }));

const handlers: InflateMethods = {
  connect({ port, cacheDirectory, isPrepared }) {
    connect(port, cacheDirectory);
    if (isPrepared) for (const codec of CODECS) codec.cursor();
  },
  index,
  async read({ blob, first, count, likelyEnd, layer: opened, released }, signal) {
    for (const buffer of released) resources.runs.release(buffer);
    if (opened) layers.set(blob, openLayer(opened));
    const layer = layers.get(blob);
    if (!layer) throw new LayerslayerError('INTERNAL', `blob ${blob} was not opened`);
    let last: Transferred<WindowRun> | undefined;
    const deliver = (number: number, bytes: Uint8Array<ArrayBuffer>) => {
      const isLast = number + Math.ceil(bytes.length / CHUNK_SIZE) === first + count;
      if (isLast) last = new Transferred({ number, bytes }, [bytes.buffer]);
      else main.notify('windows', { blob, number, bytes }, [bytes.buffer]);
    };
    await layer.read(first, count, deliver, { likelyEnd, signal });
    return last;
  },
};
const main = new ThreadPeer<WindowMethods>(parentPort!, handlers);

function connect(port: MessagePort, cacheDirectory: string | undefined): void {
  const streamHandlers: StreamMethods = {
    part({ blob, bytes, offset }) {
      passes.get(blob)?.(bytes, offset);
      const buffer = bytes.buffer as ArrayBuffer;
      return new Transferred({ buffer, isEnough: false }, [buffer]);
    },
  };
  fetching = new ThreadPeer<BlobMethods>(port, streamHandlers);
  if (cacheDirectory !== undefined) store = ContentStore.forReading(cacheDirectory, log);
}

async function index(
  { blob, digest, blobSize, allowance }: Parameters<InflateMethods['index']>[0],
  signal: AbortSignal,
): Promise<Transferred<Uint8Array>> {
  const begin = () => new IndexPass(digest, { blobSize, ...(allowance && { allowance }) });
  let pass = begin();
  let isBegun = false;
  const stop = new AbortController();
  let fault: LayerslayerError | undefined;
  passes.set(blob, (page, offset) => {
    if (offset === 0 && isBegun) {
      // What came before was wrong.
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
      // A layer that we cannot read at all need not be fetched to its end. For a damaged one the rest still
      // comes: only the digest tells damage on the way from a layer that was made so.
      if (fault.code === 'UNSUPPORTED') stop.abort(fault);
    }
  });
  try {
    const pageDigests = await fetching.call(
      'stream',
      { blob },
      { signal: AbortSignal.any([signal, stop.signal]) },
    );
    if (fault) throw fault;
    return await finish(pass, pageDigests!, digest);
  } finally {
    passes.delete(blob);
    const tableBytes = pass.release();
    setImmediate(() => garbageMade(tableBytes)); // this call still references them
    collectGarbageSoon(() => passes.size === 0);
  }
}

async function finish(
  pass: IndexPass,
  pageDigests: Uint8Array,
  digest: Digest,
): Promise<Transferred<Uint8Array>> {
  try {
    const { bytes } = await pass.finish(pageDigests);
    return new Transferred(bytes, [bytes.buffer as ArrayBuffer]);
  } catch (error) {
    throw withContext(error, `indexing layer ${shortDigest(digest)}`);
  }
}

function openLayer(request: OpenLayerRequest): ChunkReader {
  const { digest, checkpoints, states } = request;
  // The next mount makes the index again.
  const drop = () => void store?.remove('index', indexKey(LAYER_INDEX_VERSION, digest));
  let toldDamage = false;
  const onDamage = (number: number, why: string) => {
    if (toldDamage) return;
    toldDamage = true;
    log.warn(`the cached index of layer ${shortDigest(digest)} is damaged, checkpoint ${number}: ${why}`);
    drop(); // this mount reads on from the checkpoint before
  };
  const cached = new CheckpointStates(checkpoints, states, onDamage);
  const codec = codecOfIndex(request, drop);
  const layer = { ...request, codec, checkpoint: (number: number) => cached.checkpoint(number) };
  return new ChunkReader(layer, verified(request), resources);
}

function codecOfIndex({ digest, codec }: OpenLayerRequest, drop: () => void): Codec {
  try {
    return codecNamed(codec);
  } catch (error) {
    drop();
    throw withContext(error, `the index of layer ${shortDigest(digest)}`);
  }
}

/** Compressed bytes from where they are nearest, else from the fetch thread. */
function verified({ blob, digest, blobSize, pageDigests, local }: OpenLayerRequest): VerifiedBlob {
  const near = local ? new LocalFileBytes(local) : store && new CachedPages(store, digest);
  let isDamageLogged = local !== undefined; // of a local file upstream says what is wrong
  return new VerifiedBlob({
    size: blobSize,
    blockDigests: pageDigests,
    near,
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
