/**
 * An inflating thread: index passes and windows. Compressed bytes come from kept pages on disk, which it reads and
 * checks itself, else from the fetching thread, over a conversation of their own that does not touch the main thread.
 */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { LayerslayerError, withContext } from '../../base/errors.js';
import { collectGarbageSoon, garbageMade } from '../../base/garbage.js';
import { logTo } from '../../base/log.js';
import { ThreadPeer, Transferred } from '../../base/thread-rpc.js';
import { LocalPages } from '../../blob/local-pages.js';
import { PAGE_SIZE } from '../../blob/page.js';
import type { PagePartSource, PageSource } from '../../blob/page-source.js';
import { PagedBlob } from '../../blob/paged-blob.js';
import { StoredPages } from '../../blob/stored-pages.js';
import { WholePages } from '../../blob/whole-pages.js';
import { ByteLru } from '../../cache/byte-lru.js';
import { ContentStore } from '../../cache/content-store.js';
import { indexKey } from '../../cache/store-layout.js';
import { CODECS, codecNamed } from '../../codec/codecs.js';
import { LAYER_INDEX_VERSION } from '../../index/index-file.js';
import { IndexPass } from '../../index/index-pass.js';
import { type Digest, shortDigest } from '../../oci/digest.js';
import { BufferPool } from './buffer-pool.js';
import { CheckpointStates } from './checkpoint-states.js';
import { CHUNK_SIZE, ChunkReader, type ReadingResources, RUN_SIZE } from './chunk-reader.js';
import { CursorPool } from './cursor-pool.js';
import type {
  BlobNumber,
  FetchMethods,
  InflateMethods,
  OpenLayerRequest,
  StreamMethods,
  WindowMethods,
  WindowRun,
} from './inflate-protocol.js';

/** Buffers kept for runs of windows: those of a request of read-ahead, and half of the next. */
const IDLE_RUNS = 12;
/** Of pages kept here: one for each of a few readers, who go through it in pieces. */
const FETCHED_BYTES = 8 * PAGE_SIZE;

const resources: ReadingResources = {
  cursors: new CursorPool(),
  runs: new BufferPool(RUN_SIZE, IDLE_RUNS),
};
/** Pages that came from the fetching thread. */
const fetched = new ByteLru<string, Uint8Array>(FETCHED_BYTES);
const layers = new Map<BlobNumber, ChunkReader>();
const passes = new Map<BlobNumber, { take(page: Uint8Array): void }>();
let fetching: ThreadPeer<FetchMethods>;
let store: ContentStore | undefined;
const log = logTo((level, message) => main.notify('log', { level, message }));

const handlers: InflateMethods = {
  connect({ port, cacheDirectory }) {
    connect(port, cacheDirectory);
  },
  prepare() {
    for (const codec of CODECS) codec.cursor();
  },
  index,
  open(request) {
    layers.set(request.blob, openLayer(request));
  },
  async read({ blob, first, count, recycled }, signal) {
    for (const buffer of recycled) resources.runs.giveBack(buffer);
    const layer = layers.get(blob);
    if (!layer) throw new LayerslayerError('INTERNAL', `blob ${blob} was not opened`);
    let last: Transferred<WindowRun> | undefined;
    const deliver = (number: number, bytes: Uint8Array<ArrayBuffer>) => {
      const isLast = number + Math.ceil(bytes.length / CHUNK_SIZE) === first + count;
      if (isLast) last = new Transferred({ number, bytes }, [bytes.buffer]);
      else main.notify('windows', { blob, number, bytes }, [bytes.buffer]);
    };
    await layer.read(first, count, deliver, signal);
    return last;
  },
  recycle({ recycled }) {
    for (const buffer of recycled) resources.runs.giveBack(buffer);
  },
};
const main = new ThreadPeer<WindowMethods>(parentPort!, handlers);

function connect(port: MessagePort, cacheDirectory: string | undefined): void {
  const streamHandlers: StreamMethods = {
    streamed({ blob, page }) {
      passes.get(blob)?.take(page);
      const { buffer } = page as Uint8Array<ArrayBuffer>;
      fetching.notify('recycle', { blob, buffer }, [buffer]);
    },
  };
  fetching = new ThreadPeer<FetchMethods>(port, streamHandlers);
  if (cacheDirectory !== undefined) store = ContentStore.forReading(cacheDirectory, log);
}

async function index(
  { blob, digest, blobSize, allowance }: Parameters<InflateMethods['index']>[0],
  signal: AbortSignal,
): Promise<Transferred<Uint8Array>> {
  const pass = new IndexPass(digest, { blobSize, ...(allowance && { allowance }) });
  const stop = new AbortController();
  let fault: LayerslayerError | undefined;
  passes.set(blob, {
    take(page) {
      if (fault) return;
      try {
        pass.push(page);
      } catch (error) {
        fault = withContext(error, `indexing layer ${shortDigest(digest)}`);
        // A layer that we cannot read at all need not be fetched to its end. For a damaged one the rest still comes:
        // only the digest tells damage on the way from a layer that was made so.
        if (fault.code === 'UNSUPPORTED') stop.abort(fault);
      }
    },
  });
  try {
    const pageDigests = await fetching.call(
      'stream',
      { blob },
      { signal: AbortSignal.any([signal, stop.signal]) },
    );
    if (fault) throw fault;
    return await finish(pass, pageDigests, digest);
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
  const { digest, blobSize, checkpoints, states } = request;
  let toldDamage = false;
  const onDamage = (number: number, why: string) => {
    if (toldDamage) return;
    toldDamage = true;
    log.warn(`the cached index of layer ${shortDigest(digest)} is damaged, checkpoint ${number}: ${why}`);
    // The next mount makes it anew; this one reads on from the checkpoint before.
    void store?.remove('index', indexKey(LAYER_INDEX_VERSION, digest));
  };
  const cached = new CheckpointStates(checkpoints, states, onDamage);
  const codec = codecNamed(request.codec);
  const layer = { ...request, codec, checkpoint: (number: number) => cached.checkpoint(number) };
  return new ChunkReader(layer, new PagedBlob(pagesOf(request), blobSize), resources);
}

/** Compressed pages from where they are nearest, else from the fetching thread. */
function pagesOf({ blob, digest, blobSize, pageDigests, local }: OpenLayerRequest): PagePartSource {
  const pages: PageSource = {
    page: (number, signal) => fetching.call('page', { blob, number }, { signal }),
    prefetch: (first, end) => fetching.notify('prefetch', { blob, first, end }),
  };
  const upstream = new WholePages(pages, digest, fetched);
  if (local) return new LocalPages({ place: local, size: blobSize, pageDigests, upstream });
  return store ? new StoredPages({ store, digest, pageDigests, upstream, log }) : upstream;
}
