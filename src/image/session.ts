import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { asLayerslayerError, LayerslayerError, withContext } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Semaphore } from '../base/semaphore.js';
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
import { Fetching } from './fetching.js';
import type { ImageSession, SessionMetrics, SessionOptions } from './image-session.js';
import type { ImageDocuments, ImageOffer, ResolvedImage } from './image-source.js';
import { type KeptIndex, KeptIndexes } from './kept-indexes.js';
import { KeptTrees } from './kept-trees.js';
import { LastLayers } from './last-layers.js';
import { ProgressReport, type ReportedBlob } from './progress-report.js';
import type { SavePorts } from './save-layers.js';
import type { SaveLayersOptions, SaveOutcome, SaveTarget } from './saved-blob.js';
import { SharedFiles } from './shared-files.js';
import { MAX_LAYERS, type WantedBlob, wantedBlobs } from './wanted-blobs.js';

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

/**
 * A session has this thread (no heavy work), and as they are needed one that fetches and up to four that inflate.
 * @param fetchThread one that was started before, and is this session's from now on
 */
export function startSession(options: SessionOptions, fetchThread?: Worker): ImageSession {
  return new ThreadedSession(options, fetchThread);
}

class ThreadedSession implements ImageSession {
  readonly #log: Log;
  readonly #onProgress: SessionOptions['onProgress'];
  readonly #counters = new Counters(MAX_LAYERS);
  readonly #fetching: Fetching;
  readonly #inflate: InflatePool;
  readonly #windows: WindowLoader;
  readonly #results = new BufferPool(RESULT_SIZE, IDLE_RESULTS);
  readonly #store: Promise<ContentStore>;
  readonly #indexes: KeptIndexes;
  readonly trees: KeptTrees;
  readonly #sharedFiles = new SharedFiles();
  readonly #blobs = new Map<Digest, BlobNumber>();
  /** `openLayers` and `saveLayers` under way. */
  readonly #opening = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  /** What was preloaded. */
  #expected: { reference: string; platform: Platform } | undefined;
  #pagesAreKept = false;
  #closed: Promise<void> | undefined;

  constructor(options: SessionOptions, fetchThread: Worker | undefined) {
    const { registry, cache, log, onProgress, onNotice, memoryBytes } = options;
    this.#log = log;
    this.#onProgress = onProgress;
    const setup = { registry, cache, counters: this.#counters.shared };
    const onRestart = () => this.#inflate.reconnect();
    this.#fetching = new Fetching({ setup, log, onNotice, onRestart }, fetchThread);
    const store = ContentStore.open({ ...cache, log }).then((opened) => {
      // The inflating threads look into the directory themselves: not into one that was found unfit.
      this.#pagesAreKept = opened.usable;
      return opened;
    });
    this.#store = store;
    this.#indexes = new KeptIndexes(store, cache.directory, log);
    this.trees = new KeptTrees(store);
    this.#inflate = new InflatePool({
      threads: Math.min(availableParallelism(), MAX_INFLATING_THREADS),
      cacheDirectory: () => (this.#pagesAreKept ? cache.directory : undefined),
      connect: (port) => this.#fetching.attach(port),
      onWindow: (blob, number, bytes) => this.#windows.arrived(blob, number, bytes),
      log,
    });
    this.#windows = new WindowLoader(this.#inflate, memoryBytes);
  }

  preload(reference: string, platform: Platform): void {
    this.#expected = { reference, platform };
    this.#indexes.preload(
      (store) => new LastLayers(store).read(reference, platform),
      () => this.#fetching.start(),
    );
  }

  resolve(reference: string, platform: Platform, signal?: AbortSignal): Promise<ResolvedImage> {
    return this.#fetching.resolve(reference, platform, signal);
  }

  listImages(reference: string, signal?: AbortSignal): Promise<ImageOffer> {
    return this.#fetching.listImages(reference, signal);
  }

  documents(image: ResolvedImage, signal?: AbortSignal): Promise<ImageDocuments> {
    return this.#fetching.documents(image, signal);
  }

  openLayers(
    image: ResolvedImage,
    { only, signal }: { only?: readonly number[]; signal?: AbortSignal } = {},
  ): Promise<Layer[]> {
    const opening = this.#openLayers(image, only ?? image.manifest.layers.map((_, i) => i + 1), signal);
    this.#opening.add(opening);
    return opening.finally(() => this.#opening.delete(opening));
  }

  saveLayers(
    image: ResolvedImage,
    target: (digest: Digest) => SaveTarget,
    options: SaveLayersOptions = {},
  ): Promise<SaveOutcome[]> {
    const saving = this.#saveLayers(image, target, options);
    this.#opening.add(saving);
    return saving.finally(() => this.#opening.delete(saving));
  }

  metrics(): SessionMetrics {
    return {
      bytesFetched: this.#counters.fetched,
      cacheHits: this.#windows.hits,
      cacheMisses: this.#windows.misses,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const reason = new LayerslayerError('ABORTED', 'the session was closed');
    this.#closing.abort(reason);
    await this.#inflate.close();
    await Promise.allSettled(this.#opening);
    await this.#fetching.close(reason);
    await this.trees.close();
    await this.#indexes.close();
    this.#sharedFiles.close();
  }

  /** @param numbers of the layers, from 1, in the order of the result */
  async #openLayers(
    image: ResolvedImage,
    numbers: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<Layer[]> {
    const wanted = wantedBlobs(image, numbers);
    const report = new ProgressReport(this.#onProgress, (blob) => this.#counters.progress(blob));
    const stop = new AbortController();
    const stopped = AbortSignal.any([this.#closing.signal, stop.signal, ...(signal ? [signal] : [])]);
    const atOnce = new Semaphore(LAYERS_AT_ONCE);
    const opened = new Map<Digest, Promise<Layer>>();
    // Largest first, so that the last to end is a small one.
    for (const blob of wanted.toSorted((a, b) => b.size - a.size)) {
      const task = atOnce.run(() => this.#openLayer(image, blob, report, stopped), stopped);
      task.catch((error) => stop.abort(error));
      opened.set(blob.digest, task);
    }
    try {
      const layers = await Promise.all(
        numbers.map((number) => opened.get(image.manifest.layers[number - 1]!.digest)!),
      );
      await this.#remember(layers);
      return layers;
    } catch (error) {
      // The first fault stopped the others: what was complete by then is kept; none goes on behind our back.
      await Promise.allSettled(opened.values());
      throw asLayerslayerError(error);
    } finally {
      report.end();
    }
  }

  /** For the next session's preload. */
  async #remember(layers: readonly Layer[]): Promise<void> {
    if (!this.#expected) return;
    const { reference, platform } = this.#expected;
    await this.#indexes.endPreloading();
    const digests = layers.map((layer) => layer.digest);
    await new LastLayers(await this.#store).write(reference, platform, digests);
  }

  async #openLayer(
    image: ResolvedImage,
    { digest, size, numbers }: WantedBlob,
    report: ProgressReport,
    signal: AbortSignal,
  ): Promise<Layer> {
    try {
      const blob = this.#numberOf(digest);
      await this.#fetching.openBlob(blob, image, numbers[0]!);
      const reported: ReportedBlob = { blob, layers: numbers, totalBytes: size };
      const kept = await this.#indexes.loadOrMake(digest, {
        make: () => {
          report.indexing(reported);
          return this.#runIndexPass(blob, digest, size, signal).finally(() => report.passEnded(reported));
        },
        onWait: () => report.waiting(reported),
        signal,
      });
      const layer = await this.#readable(blob, size, kept);
      report.done(reported, kept.cached);
      return layer;
    } catch (error) {
      // What was stopped tells why, and no more: another layer's fault is not this one's.
      throw signal.aborted ? signal.reason : withContext(error, `layer ${numbers.join(', ')}`);
    }
  }

  async #saveLayers(
    image: ResolvedImage,
    target: (digest: Digest) => SaveTarget,
    { only, signal, onEnded = () => {} }: SaveLayersOptions,
  ): Promise<SaveOutcome[]> {
    const { saveLayers } = await import('./save-layers.js'); // a mount does without
    const wanted = wantedBlobs(image, only ?? image.manifest.layers.map((_, i) => i + 1));
    const ports: SavePorts = {
      openBlob: async ({ digest, numbers }) => {
        const blob = this.#numberOf(digest);
        await this.#fetching.openBlob(blob, image, numbers[0]!);
        return blob;
      },
      save: (blob, where, stopped) => this.#fetching.save(blob, where, stopped),
      report: new ProgressReport(this.#onProgress, (blob) => this.#counters.progress(blob)),
    };
    const stopped = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    return saveLayers(wanted, target, ports, onEnded, stopped);
  }

  #numberOf(digest: Digest): BlobNumber {
    const known = this.#blobs.get(digest);
    if (known !== undefined) return known;
    this.#blobs.set(digest, this.#blobs.size);
    return this.#blobs.size - 1;
  }

  async #runIndexPass(
    blob: BlobNumber,
    digest: Digest,
    size: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    try {
      return await this.#inflate.index(blob, digest, size, signal);
    } catch (error) {
      if (!(error instanceof LayerslayerError) || error.code !== 'DIGEST_MISMATCH') throw error;
      // Once more: a cache or a proxy on the way may have sent other bytes.
      this.#log.warn(`${error.message}; trying once more`);
      return this.#inflate.index(blob, digest, size, signal);
    }
  }

  async #readable(blob: BlobNumber, size: number, { index, windows }: KeptIndex): Promise<Layer> {
    const { digest, compression, blobSize, tarSize, checkpoints, pageDigests } = index;
    if (blobSize !== size) {
      // A kept index is right by its digest; a manifest may still say what it likes.
      throw new LayerslayerError(
        'DIGEST_MISMATCH',
        `${shortDigest(digest)} has ${blobSize} bytes, its descriptor says ${size}`,
      );
    }
    for (const warning of index.warnings) this.#log.warn(`layer ${shortDigest(digest)}: ${warning}`);
    const local = this.#sharedFiles.share(await this.#fetching.setPageDigests(blob, pageDigests));
    const compressed = { blob, digest, compression, blobSize, pageDigests, local };
    this.#inflate.open({ ...compressed, tarSize, checkpoints, windows });
    return new IndexedLayer({
      digest,
      entries: index.entries,
      tarSize,
      blob,
      windows: this.#windows,
      results: this.#results,
    });
  }
}
