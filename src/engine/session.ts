import { setMaxListeners } from 'node:events';
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { LayerslayerError } from '../base/errors.js';
import { ContentStore } from '../cache/content-store.js';
import {
  CachedIndexes,
  DEFAULT_TRUST,
  type IndexOrigin,
  type IndexSources,
  isAdmitted,
} from '../index/cached-indexes.js';
import type { Descriptor } from '../oci/descriptor.js';
import { type Digest, hasDigestPrefix } from '../oci/digest.js';
import { layerKind } from '../oci/layer-type.js';
import { LAYERS_MAX } from '../oci/manifest.js';
import type { Platform } from '../oci/platform.js';
import type { UnpackRequest } from '../save/archive/unpack-blob.js';
import type { SaveLayersOptions, SaveOutcome, SaveTarget } from '../save/saved-blob.js';
import type { ImageDocuments, ImageOffer, NamedDocument, ResolvedImage } from '../source/image-source.js';
import type { SavePorts } from './blobs/save-layers.js';
import { wantedBlobs } from './blobs/wanted-blobs.js';
import { Counters } from './fetch/counters.js';
import { Fetching } from './fetch/fetching.js';
import type {
  BlobStreams,
  CompareLayersOptions,
  ComparisonEnd,
  ImageSession,
  LayerScanEnd,
  OpenLayersOptions,
  OperationOptions,
  ScanOptions,
  SessionMetrics,
  SessionOptions,
} from './image-session.js';
import { FetchThreadPublishing } from './index-publishing.js';
import { InflatePool } from './inflate/inflate-pool.js';
import type { Layer } from './layer.js';
import type { LayerObserver } from './layer-observer.js';
import { LayerComparison } from './opening/layer-comparison.js';
import { LayerOpener } from './opening/layer-opener.js';
import { refuseOtherTypes } from './opening/layer-types.js';
import { openLayers } from './opening/open-layers.js';
import { ProgressReport } from './progress-report.js';
import { PublishedProviders } from './providers/published-providers.js';
import { ChunkCache } from './reading/chunk-cache.js';
import { ReadableLayers } from './reading/readable-layers.js';
import { SharedFiles } from './reading/shared-files.js';
import { ImageRecords, readImageRecord } from './records/image-records.js';
import { allTags } from './tag-pages.js';
import { TreeCache } from './tree-cache.js';

/**
 * Layers indexed at once: docker's three downloads and one more, for registries that throttle each
 * connection. Two passes in one inflate thread take turns by page.
 */
const LAYERS_AT_ONCE = 4;
/** More than four are faster than any registry. */
const MAX_INFLATING_THREADS = 4;

/**
 * A session has this thread (no heavy work), and as they are needed one that fetches and up to four
 * that inflate.
 * @param fetchThread one that was started before, and is this session's from now on
 */
export function startSession(options: SessionOptions, fetchThread?: Worker): ImageSession {
  return new ThreadedSession(options, fetchThread);
}

class ThreadedSession implements ImageSession {
  readonly #counters = new Counters(LAYERS_MAX);
  readonly #fetching: Fetching;
  readonly #inflate: InflatePool;
  readonly #chunks: ChunkCache;
  readonly #layersAtOnce: number;
  readonly #store: Promise<ContentStore>;
  readonly #indexes: CachedIndexes;
  readonly #opener: LayerOpener;
  readonly #comparison: LayerComparison;
  readonly #sources: IndexSources;
  readonly trees: TreeCache;
  readonly published: FetchThreadPublishing;
  readonly #records: ImageRecords;
  readonly #sharedFiles = new SharedFiles();
  /** `openLayers`, `saveLayers`, `unpackBlob` and `scanLayer` under way. */
  readonly #opening = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(options: SessionOptions, fetchThread: Worker | undefined) {
    const { registry, cache, log, onNotice, memoryBytes, holdsProcess = true } = options;
    this.#sources = { trust: options.indexTrust ?? DEFAULT_TRUST, repository: options.indexRepository };
    const setup = { registry, confinement: options.confinement, cache, counters: this.#counters.shared };
    const onRestart = () => this.#inflate.reconnect();
    this.#fetching = new Fetching({ setup, log, onNotice, onRestart, holdsProcess }, fetchThread);
    const inflate = new InflatePool({
      threads: Math.min(availableParallelism(), options.inflatingThreads ?? MAX_INFLATING_THREADS),
      fetching: this.#fetching,
      holdsProcess,
      log,
    });
    this.#inflate = inflate;
    const store = ContentStore.open({ ...cache, log }).then((opened) => {
      // The inflate threads read the directory themselves: not one that was found unfit.
      if (opened.usable) inflate.cacheDirectory = cache.directory;
      return opened;
    });
    this.#store = store;
    this.#indexes = new CachedIndexes(store, log, options.loadIndexElsewhere);
    this.trees = new TreeCache(store);
    this.#records = new ImageRecords(store);
    // Another stream would only wait for the thread.
    this.#layersAtOnce = Math.min(LAYERS_AT_ONCE, options.inflatingThreads ?? LAYERS_AT_ONCE);
    this.#chunks = new ChunkCache(this.#inflate, memoryBytes);
    this.published = new FetchThreadPublishing({
      fetching: this.#fetching,
      tracked: (task) => this.#tracked(task),
      endedBy: (signal) => this.#endedBy(signal),
    });
    const providers = new PublishedProviders(this.#fetching, log);
    const parts = { fetching: this.#fetching, inflate, indexes: this.#indexes, log };
    const layers = new ReadableLayers({ ...parts, chunks: this.#chunks, files: this.#sharedFiles });
    this.#comparison = new LayerComparison({ ...parts, layers });
    this.#opener = new LayerOpener({
      ...parts,
      layers,
      published: (image, wanted, sources) => providers.of(image, wanted, sources),
      onOpened: (digest, origin) => this.#records.layerOpened(digest, origin),
      provesAccess: registry.provesAccess ?? false,
      maxLayerBytes: options.maxLayerBytes ?? Number.POSITIVE_INFINITY,
    });
  }

  preload(reference: string, platform: Platform, layer?: number | string): void {
    this.#indexes.preload(
      (store) => {
        const record = readImageRecord(store, reference, platform);
        const layers = record?.layers ?? [];
        return layers
          .filter(({ digest }, i) => isChosen(layer, digest, i + 1))
          .map(({ digest, origin }) => {
            return origin && isAdmitted(origin, this.#sources) ? { digest, origin } : { digest };
          });
      },
      () => this.#fetching.start(),
    );
  }

  record(reference: string, platform: Platform, image: ResolvedImage, answeredMs: number): void {
    this.#records.opened(reference, platform, image, answeredMs);
  }

  writeRecords(): Promise<void> {
    return this.#records.write();
  }

  prepareScan(reference: string, platform: Platform): void {
    const start = (store: ContentStore) => {
      if (!readImageRecord(store, reference, platform)) this.#inflate.start();
    };
    this.#store.then(start).catch(() => {}); // the scan starts the thread, or throws the fault
  }

  resolve(reference: string, platform: Platform, signal?: AbortSignal): Promise<ResolvedImage> {
    return this.#fetching.ask({ ask: 'resolve', reference, platform }, signal);
  }

  listImages(reference: string, signal?: AbortSignal): Promise<ImageOffer> {
    return this.#fetching.ask({ ask: 'listImages', reference }, signal);
  }

  documents(image: ResolvedImage, signal?: AbortSignal): Promise<ImageDocuments> {
    return this.#fetching.ask({ ask: 'documents', image }, signal);
  }

  readNamed(reference: string, signal?: AbortSignal): Promise<NamedDocument> {
    return this.#fetching.ask({ ask: 'readNamed', reference }, signal);
  }

  tags(reference: string, signal?: AbortSignal): AsyncGenerator<string[], void, undefined> {
    return allTags(reference, (next) => this.#fetching.ask({ ask: 'listTags', reference, next }, signal));
  }

  referrers(
    reference: string,
    subject: Digest,
    artifactType?: string,
    signal?: AbortSignal,
  ): Promise<Descriptor[]> {
    return this.#fetching.ask({ ask: 'referrers', reference, subject, artifactType }, signal);
  }

  openLayers(image: ResolvedImage, options: OpenLayersOptions = {}): Promise<Layer[]> {
    return this.#tracked(this.#openLayers(image, options));
  }

  saveLayers(
    image: ResolvedImage,
    target: (digest: Digest) => SaveTarget,
    options: SaveLayersOptions & OperationOptions = {},
  ): Promise<SaveOutcome[]> {
    return this.#tracked(this.#saveLayers(image, target, options));
  }

  unpackBlob(request: UnpackRequest, signal: AbortSignal): Promise<number> {
    return this.#tracked(this.#inflate.unpack(request, this.#endedBy(signal)));
  }

  async readBlob(image: ResolvedImage, layer: number, signal?: AbortSignal): Promise<BlobStreams> {
    const { blobStreams } = await import('./blobs/blob-reading.js'); // a mount does without
    const wanted = wantedBlobs(image, [layer])[0]!;
    const own = await this.#opener.openCached(image, wanted, { ...this.#sources, trust: 'exact' });
    const blob = await this.#fetching.openBlob(image, wanted);
    const opened = { ...wanted, blob, isChecked: own?.origin.kind === 'own' };
    return blobStreams(this.#fetching, opened, this.#endedBy(signal));
  }

  async prepareReads(): Promise<void> {
    await Promise.all([this.#fetching.prepare(), this.#inflate.prepare()]);
  }

  async indexOrigins(image: ResolvedImage): Promise<IndexOrigin[]> {
    return Promise.all(
      allLayers(image).map((number) =>
        this.#opener.originOf(image, wantedBlobs(image, [number])[0]!, this.#sources),
      ),
    );
  }

  async openCached(
    image: ResolvedImage,
    layer: number,
    { indexTrust }: Pick<OperationOptions, 'indexTrust'> = {},
  ): Promise<Layer | undefined> {
    // A layer that is not a tar fails on use, which may never come.
    if (layerKind(image.manifest.layers[layer - 1]?.mediaType) === 'other') return undefined;
    return this.#opener.openCached(image, wantedBlobs(image, [layer])[0]!, this.#admitted(indexTrust));
  }

  scanLayer(
    image: ResolvedImage,
    layer: number,
    observer: LayerObserver,
    options: ScanOptions = {},
  ): Promise<LayerScanEnd> {
    return this.#tracked(this.#scanLayer(image, layer, observer, options));
  }

  compareLayers(
    image: ResolvedImage,
    layers: readonly { number: number; layer: Layer }[],
    { signal, onRefuted = () => {} }: CompareLayersOptions = {},
  ): Promise<ComparisonEnd> {
    return this.#tracked(this.#comparison.compare(image, layers, onRefuted, this.#endedBy(signal)));
  }

  metrics(): SessionMetrics {
    return {
      bytesFetched: this.#counters.fetched,
      cacheHits: this.#chunks.hits,
      cacheMisses: this.#chunks.misses,
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
    await Promise.all([this.trees.close(), this.#records.write()]);
    await this.#indexes.close();
    this.#sharedFiles.close();
  }

  async #openLayers(
    image: ResolvedImage,
    { only, signal, onProgress, indexTrust, needsStates }: OpenLayersOptions,
  ): Promise<Layer[]> {
    const report = this.#report(onProgress);
    const stop = new AbortController();
    try {
      const layers = await openLayers(this.#opener, image, only ?? allLayers(image), {
        sources: this.#admitted(indexTrust),
        report,
        signal: this.#endedBy(stop.signal, signal),
        stop: (fault) => stop.abort(fault),
        passesAtOnce: this.#layersAtOnce,
        needsStates,
      });
      await this.#indexes.endPreloading();
      return layers;
    } finally {
      report.end();
    }
  }

  async #scanLayer(
    image: ResolvedImage,
    number: number,
    observer: LayerObserver,
    { signal, onProgress, indexTrust, headBytes }: ScanOptions,
  ): Promise<LayerScanEnd> {
    const wanted = wantedBlobs(image, [number])[0]!;
    refuseOtherTypes(image, [number]);
    const report = this.#report(onProgress);
    try {
      return await this.#opener.scan(image, wanted, observer, {
        sources: this.#admitted(indexTrust),
        report,
        signal: this.#endedBy(signal),
        headBytes,
      });
    } finally {
      report.end();
    }
  }

  async #saveLayers(
    image: ResolvedImage,
    target: (digest: Digest) => SaveTarget,
    { only, signal, onProgress, onEnded = () => {} }: SaveLayersOptions & OperationOptions,
  ): Promise<SaveOutcome[]> {
    const { saveLayers } = await import('./blobs/save-layers.js'); // a mount does without
    const wanted = wantedBlobs(image, only ?? allLayers(image));
    const ports: SavePorts = {
      openBlob: (blob) => this.#fetching.openBlob(image, blob),
      save: (blob, where, stopped) => this.#fetching.save(blob, where, stopped),
      report: this.#report(onProgress),
    };
    return saveLayers(wanted, target, ports, onEnded, this.#endedBy(signal));
  }

  #admitted(trust = this.#sources.trust): IndexSources {
    return { ...this.#sources, trust };
  }

  /** `close` waits for it. */
  #tracked<T>(task: Promise<T>): Promise<T> {
    this.#opening.add(task);
    return task.finally(() => this.#opening.delete(task));
  }

  #report(onProgress: OperationOptions['onProgress']): ProgressReport {
    return new ProgressReport(onProgress, (blob) => this.#counters.progress(blob));
  }

  /** Aborted with the session, or by one of `signals`. */
  #endedBy(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
    const ended = AbortSignal.any([
      this.#closing.signal,
      ...signals.filter((signal) => signal !== undefined),
    ]);
    setMaxListeners(0, ended); // one for each layer: Node would warn of a leak from the 11th on
    return ended;
  }
}

/** Numbers of the image's layers. */
function allLayers(image: ResolvedImage): number[] {
  return image.manifest.layers.map((_, i) => i + 1);
}

/** @param wanted all if undefined */
function isChosen(wanted: number | string | undefined, digest: Digest, number: number): boolean {
  return typeof wanted === 'string' ? hasDigestPrefix(digest, wanted) : (wanted ?? number) === number;
}
