/**
 * An inflate thread: index passes and chunks. It reads and checks cached pages itself. All other
 * compressed bytes come from the fetch thread, over a port that does not touch the main thread.
 */
import { parentPort } from 'node:worker_threads';
import { BufferPool } from '../../base/buffer-pool.js';
import { LayerslayerError } from '../../base/errors.js';
import { logTo } from '../../base/log.js';
import { collectGarbageSoon, garbageMade } from '../../base/process/garbage.js';
import { ThreadPeer, Transferred } from '../../base/thread-rpc.js';
import { ContentStore } from '../../cache/content-store.js';
import { CODECS } from '../../codec/codecs.js';
import type { Digest } from '../../oci/digest.js';
import type { UnpackRequest } from '../../save/archive/unpack-blob.js';
import type { BlobMethods, StreamMethods } from '../fetch/fetch-protocol.js';
import type { BlobPass } from './blob-pass.js';
import { CHUNK_SIZE, RUN_SIZE } from './chunk-reader.js';
import { CursorPool } from './cursor-pool.js';
import type {
  BlobNumber,
  ChunkRun,
  IndexRequest,
  InflateMethods,
  InflateReports,
  PassEnd,
  PassNumber,
  TableIndex,
  TableRequest,
} from './inflate-protocol.js';
import { LastRead } from './last-read.js';
import type { LayerReader } from './layer-reader.js';
import { openLayer, unverifiedBlob } from './open-layer.js';
import type { SendBatch } from './scan-sender.js';
import type { UnverifiedBlob } from './unverified/unverified-blob.js';
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
    if (layer) readers.set(blob, openLayer(layer, { fetching, store, cursors, parts, lastRead, log }));
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
  return unverifiedBlob({ blob, digest, blobSize, local: undefined }, { fetching, store });
}
