import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { LayerslayerError, withContext } from '../base/errors.js';
import type { LogLevel } from '../base/log.js';
import { Semaphore } from '../base/semaphore.js';
import { ThreadPeer } from '../base/thread-rpc.js';
import { ContentStore } from '../cache/content-store.js';
import { BufferPool } from '../layer/buffer-pool.js';
import { IndexedLayer } from '../layer/indexed-layer.js';
import { InflatePool } from '../layer/inflate-pool.js';
import type { BlobNumber } from '../layer/inflate-protocol.js';
import type { Layer } from '../layer/layer.js';
import { WindowLoader } from '../layer/window-loader.js';
import { type Digest, shortDigest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';
import { Counters } from './counters.js';
import type { NoticeMethods, SourceMethods } from './fetch-protocol.js';
import { startFetchThread } from './fetch-thread.js';
import type { ImageSession, SessionMetrics, SessionOptions } from './image-session.js';
import type { ResolvedImage } from './image-source.js';
import { type KeptIndex, KeptIndexes } from './kept-indexes.js';
import { ProgressReport } from './progress-report.js';

/**
 * Layers indexed at once: as many downloads as docker makes (3) and one more, so that registries which throttle each
 * connection are used well; two passes in one inflating thread take turns by page.
 */
const LAYERS_AT_ONCE = 4;
/** More than four inflaters outrun any registry. */
const MAX_INFLATING_THREADS = 4;
/** Bytes of the longest read that the kernel asks for, and how many of them are built at once in a busy mount. */
const RESULT_SIZE = 1024 * 1024;
const IDLE_RESULTS = 4;
/** Layers an image may have (SEMANTICS, named limits). */
const MAX_LAYERS = 1024;

/**
 * Starts a session's threads: this one (no heavy work), one that fetches, up to four that inflate when needed.
 * @param fetchThread one that was started before, and is this session's from now on
 */
export function startSession(options: SessionOptions, fetchThread = startFetchThread()): ImageSession {
  return new ThreadedSession(options, fetchThread);
}

class ThreadedSession implements ImageSession {
  readonly #options: SessionOptions;
  readonly #counters = new Counters(MAX_LAYERS);
  readonly #fetchThread: Worker;
  readonly #fetch: ThreadPeer<SourceMethods>;
  readonly #inflate: InflatePool;
  readonly #windows: WindowLoader;
  readonly #results = new BufferPool(RESULT_SIZE, IDLE_RESULTS);
  readonly #indexes: KeptIndexes;
  /** `told` once the fetching thread knows the blob. */
  readonly #blobs = new Map<Digest, { blob: BlobNumber; told: Promise<void> }>();
  #closed = false;

  constructor(options: SessionOptions, fetchThread: Worker) {
    this.#options = options;
    const { registry, cache, log, onNotice, memoryBytes } = options;
    this.#fetchThread = fetchThread;
    const notices: NoticeMethods = {
      log: ({ level, message }: { level: LogLevel; message: string }) => log[level](message),
      notice: ({ message }) => onNotice?.(message),
    };
    this.#fetch = new ThreadPeer<SourceMethods>(this.#fetchThread, notices);
    this.#fetch.notify('setup', { registry, cache, counters: this.#counters.shared });
    this.#fetchThread.on('error', (error) => this.#fetchEnded(error.stack ?? error.message));
    this.#fetchThread.on('exit', (code) => this.#fetchEnded(`exit code ${code}`));
    this.#inflate = new InflatePool({
      threads: Math.min(availableParallelism(), MAX_INFLATING_THREADS),
      cacheDirectory: () => (cache.capBytes > 0 ? cache.directory : undefined),
      connect: (port) => this.#fetch.notify('attach', { port }, [port]),
      onWindow: (blob, number, bytes) => this.#windows.arrived(blob, number, bytes),
      log,
    });
    this.#windows = new WindowLoader(this.#inflate, memoryBytes);
    this.#indexes = new KeptIndexes(ContentStore.open({ ...cache, log }), cache.directory, log);
  }

  resolve(reference: string, platform: Platform, signal?: AbortSignal): Promise<ResolvedImage> {
    return this.#fetch.call('resolve', { reference, platform }, { signal });
  }

  async openLayers(
    image: ResolvedImage,
    { only, signal }: { only?: readonly number[]; signal?: AbortSignal } = {},
  ): Promise<Layer[]> {
    const { layers } = image.manifest;
    if (layers.length > MAX_LAYERS) {
      throw new LayerslayerError(
        'UNSUPPORTED',
        `the image has ${layers.length} layers, the limit is ${MAX_LAYERS}`,
      );
    }
    const numbers = only ?? layers.map((_, i) => i + 1);
    const report = new ProgressReport(this.#options.onProgress, (blob) => this.#counters.progress(blob));
    const stop = new AbortController();
    const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const atOnce = new Semaphore(LAYERS_AT_ONCE);
    const opened = new Map<Digest, Promise<Layer>>();
    // Largest first, so that the last to end is a small one.
    const bySize = numbers.toSorted((a, b) => layers[b - 1]!.size - layers[a - 1]!.size);
    for (const number of bySize) {
      const { digest } = layers[number - 1]!;
      if (opened.has(digest)) continue;
      const task = atOnce.run(() => this.#openLayer(image, number, report, stopped), stopped);
      task.catch((error) => stop.abort(error));
      opened.set(digest, task);
    }
    try {
      return await Promise.all(numbers.map((number) => opened.get(layers[number - 1]!.digest)!));
    } catch (error) {
      // The first fault stopped the others: what was complete by then is kept; none goes on behind our back.
      await Promise.allSettled(opened.values());
      throw error;
    } finally {
      report.end();
    }
  }

  metrics(): SessionMetrics {
    return {
      bytesFetched: this.#counters.fetched,
      cacheHits: this.#windows.hits,
      cacheMisses: this.#windows.misses,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#inflate.close();
    this.#fetch.close(new LayerslayerError('ABORTED', 'the session was closed'));
    await this.#fetchThread.terminate();
    await this.#indexes.close();
  }

  async #openLayer(
    image: ResolvedImage,
    number: number,
    report: ProgressReport,
    signal: AbortSignal,
  ): Promise<Layer> {
    const { digest, size } = image.manifest.layers[number - 1]!;
    try {
      const blob = await this.#openBlob(image, number, digest);
      const layerReport = report.layer(number, blob, size);
      const kept = await this.#indexes.loadOrMake(digest, {
        make: () => this.#runIndexPass(blob, digest, size, signal, layerReport.indexing),
        onWait: layerReport.waiting,
        signal,
      });
      layerReport.done(kept.cached);
      return await this.#readable(blob, kept);
    } catch (error) {
      throw withContext(error, `layer ${number} (${shortDigest(digest)})`);
    }
  }

  /**
   * Tells the fetching thread of a blob, once. Its answer is awaited: the inflating threads ask for the blob over
   * ports of their own, and messages of different ports come in any order.
   */
  async #openBlob(image: ResolvedImage, layer: number, digest: Digest): Promise<BlobNumber> {
    let known = this.#blobs.get(digest);
    if (known === undefined) {
      const blob = this.#blobs.size;
      known = { blob, told: this.#fetch.call('openBlob', { blob, image, layer }) };
      this.#blobs.set(digest, known);
    }
    await known.told;
    return known.blob;
  }

  async #runIndexPass(
    blob: BlobNumber,
    digest: Digest,
    size: number,
    signal: AbortSignal,
    onStart: () => void,
  ): Promise<Uint8Array> {
    onStart();
    try {
      return await this.#inflate.index(blob, digest, size, signal);
    } catch (error) {
      if (!(error instanceof LayerslayerError) || error.code !== 'DIGEST_MISMATCH') throw error;
      // Once more: a cache or a proxy on the way may have sent other bytes.
      this.#options.log.warn(`${error.message}; trying once more`);
      return this.#inflate.index(blob, digest, size, signal);
    }
  }

  async #readable(blob: BlobNumber, { index, windows }: KeptIndex): Promise<Layer> {
    const { digest, compression, blobSize, tarSize, checkpoints, pageDigests } = index;
    for (const warning of index.warnings) this.#options.log.warn(`layer ${shortDigest(digest)}: ${warning}`);
    // Awaited as in #openBlob.
    await this.#fetch.call('setPageDigests', { blob, pageDigests });
    this.#inflate.open({ blob, digest, compression, blobSize, tarSize, checkpoints, pageDigests, windows });
    return new IndexedLayer({
      digest,
      entries: index.entries,
      tarSize,
      blob,
      windows: this.#windows,
      results: this.#results,
    });
  }

  #fetchEnded(what: string): void {
    if (this.#closed) return;
    this.#options.log.error(`the fetching thread ended: ${what}`);
    this.#fetch.close(new LayerslayerError('INTERNAL', `the fetching thread ended: ${what}`));
  }
}
