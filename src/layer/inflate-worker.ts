/**
 * An inflating thread: index passes and windows. Compressed bytes come from kept pages on disk, which it reads and
 * checks itself, else from the fetching thread, over a conversation of their own that does not touch the main thread.
 */
import { readSync } from 'node:fs';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { LayerslayerError } from '../base/errors.js';
import { logTo } from '../base/log.js';
import { ThreadPeer, Transferred } from '../base/thread-rpc.js';
import type { PageSource } from '../blob/page-source.js';
import { PagedBlob } from '../blob/paged-blob.js';
import { StoredPages } from '../blob/stored-pages.js';
import { ContentStore } from '../cache/content-store.js';
import { CursorPool } from './cursor-pool.js';
import { IndexPass } from './index-pass.js';
import type {
  BlobNumber,
  FetchMethods,
  InflateMethods,
  OpenLayerRequest,
  StreamMethods,
  WindowMethods,
} from './inflate-protocol.js';
import { WindowBuffers, WindowReader } from './window-reader.js';

const cursors = new CursorPool();
const buffers = new WindowBuffers();
const layers = new Map<BlobNumber, WindowReader>();
const passes = new Map<BlobNumber, { take(page: Uint8Array): void }>();
let fetching: ThreadPeer<FetchMethods>;
let store: ContentStore | undefined;
const log = logTo((level, message) => main.notify('log', { level, message }));

const handlers: InflateMethods = {
  connect({ port, cacheDirectory }) {
    connect(port, cacheDirectory);
  },
  index: ({ blob, digest }, signal) => index(blob, new IndexPass(digest), signal),
  open(request) {
    layers.set(request.blob, openLayer(request));
  },
  async read({ blob, first, count }, signal) {
    const layer = layers.get(blob);
    if (!layer) throw new LayerslayerError('INTERNAL', `blob ${blob} was not opened`);
    await layer.read(
      first,
      count,
      (number, bytes) => main.notify('window', { blob, number, bytes }, [bytes.buffer]),
      signal,
    );
  },
  recycle({ buffer }) {
    buffers.giveBack(buffer);
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
  blob: BlobNumber,
  pass: IndexPass,
  signal: AbortSignal,
): Promise<Transferred<Uint8Array>> {
  const stop = new AbortController();
  let fault: unknown;
  passes.set(blob, {
    take(page) {
      if (fault !== undefined) return;
      try {
        pass.push(page);
      } catch (error) {
        fault = error;
        // A layer that we cannot read at all need not be fetched to its end. For a damaged one the rest still comes:
        // only the digest tells damage on the way from a layer that was made so.
        if (error instanceof LayerslayerError && error.code === 'UNSUPPORTED') stop.abort(error);
      }
    },
  });
  try {
    const pageDigests = await fetching.call(
      'stream',
      { blob },
      { signal: AbortSignal.any([signal, stop.signal]) },
    );
    if (fault !== undefined) throw fault;
    const encoded = pass.finish(pageDigests);
    return new Transferred(encoded, [encoded.buffer as ArrayBuffer]);
  } catch (error) {
    throw stop.signal.aborted ? fault : error;
  } finally {
    passes.delete(blob);
  }
}

function openLayer(request: OpenLayerRequest): WindowReader {
  const { blob, digest, blobSize, pageDigests, checkpoints, windows } = request;
  const fetched: PageSource = {
    page: (number, signal) => fetching.call('page', { blob, number }, { signal }),
    prefetch: (first, end) => fetching.notify('prefetch', { blob, first, end }),
  };
  const pages = store ? new StoredPages({ store, digest, pageDigests, upstream: fetched, log }) : fetched;
  const readWindow = (number: number): Uint8Array => {
    const start = checkpoints.windowStarts[number]!;
    const length = checkpoints.windowStarts[number + 1]! - start;
    if ('memory' in windows) return new Uint8Array(windows.memory, start, length);
    const bytes = new Uint8Array(length);
    const read = readSync(windows.fd, bytes, 0, length, windows.section.offset + start);
    if (read !== length)
      throw new LayerslayerError('CORRUPT_LAYER', `window ${number} of a layer index is cut short`);
    return bytes;
  };
  return new WindowReader({ ...request, readWindow }, new PagedBlob(pages, blobSize), cursors, buffers);
}
