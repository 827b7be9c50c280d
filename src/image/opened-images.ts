import { LayerslayerError } from '../base/errors.js';
import { SILENT_LOG } from '../base/log.js';
import { abortable } from '../base/tasks/abortable.js';
import type { ImageSession, LayerObserver, LayerScanEnd, ScanOptions } from '../engine/image-session.js';
import type { Layer } from '../engine/layer.js';
import type { IndexTrust } from '../index/cached-indexes.js';
import { type BuildStep, buildSteps } from '../oci/build-steps.js';
import { registryReference } from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import { formatRepository } from '../oci/reference.js';
import { type DigestedLayer, type MadeTree, openTree, type TreeMaker } from '../overlay/open-tree.js';
import type { ResolvedImage } from '../source/image-source.js';
import type { ImageView, LayersOptions, OpenedImage, OpenedLayer, ViewOptions } from './opened-image.js';

export interface OpenOptions {
  resolved?: Promise<ResolvedImage> | undefined; // default: the session resolves the reference
  signal?: AbortSignal | undefined;
  indexTrust?: IndexTrust | undefined; // which layer indexes the image may use; default: the session's
}

export interface OpenedImagesOptions {
  /** Makes merged trees. Default: this thread does. */
  trees?: TreeMaker | undefined;
  /** Only images of one repository share layers: another one may not have them. Default: no. */
  byRepository?: boolean | undefined;
}

/** The open images of one session. Those of one manifest share their layers. */
export class OpenedImages {
  readonly #shared = new Map<string, SharedImage>(); // by repository, digest and trust

  constructor(
    private readonly session: ImageSession,
    private readonly options: OpenedImagesOptions = {},
  ) {}

  /**
   * Opens an image, and records it in the cache. Reads no layer. The caller closes the image.
   * @throws LayerslayerError as `ImageSession.resolve`; what `resolved` throws
   */
  async open(
    reference: string,
    platform: Platform,
    { resolved, signal, indexTrust }: OpenOptions = {},
  ): Promise<OpenedImage> {
    const image = await (resolved
      ? abortable(resolved, signal)
      : this.session.resolve(reference, platform, signal));
    this.session.record(reference, platform, image, Date.now());
    // atomic: no await until the user is counted
    const place = this.options.byRepository ? placeOf(image) : '';
    const key = `${place} ${image.digest} ${indexTrust}`;
    const shared = this.#shared.get(key) ?? {
      users: 0,
      layers: new Map(),
      views: new Map(),
      cached: new Map(),
    };
    this.#shared.set(key, shared);
    shared.users++;
    return new SharedImageUse(image, shared, this.session, {
      indexTrust,
      trees: this.options.trees ?? { merge: mergeHere },
      onClose: () => {
        if (--shared.users === 0) this.#shared.delete(key);
      },
    });
  }
}

async function mergeHere(layers: readonly DigestedLayer[]): Promise<MadeTree> {
  const { encodedMerge } = await import('../overlay/merge/encoded-merge.js'); // a second mount does without
  return encodedMerge(layers);
}

/** What the users of one manifest share, with the same trust. */
interface SharedImage {
  users: number;
  layers: Map<number, Layer>;
  cached: Map<number, Promise<Layer | undefined>>; // of `cachedLayer`, until `layers` has them
  views: Map<string, ImageView>; // by the numbers of their layers
}

interface UseOptions {
  indexTrust: IndexTrust | undefined;
  trees: TreeMaker;
  onClose: () => void;
}

class SharedImageUse implements OpenedImage {
  #isClosed = false;

  constructor(
    readonly resolved: ResolvedImage,
    private readonly shared: SharedImage,
    private readonly session: ImageSession,
    private readonly options: UseOptions,
  ) {}

  get steps(): readonly BuildStep[] {
    return buildSteps(this.resolved.config, this.resolved.manifest.layers.length);
  }

  async cachedLayer(number: number): Promise<OpenedLayer | undefined> {
    this.#checkOpen();
    const { layers, cached } = this.shared;
    let layer = layers.get(number);
    if (!layer) {
      const { indexTrust } = this.options;
      const loading = cached.get(number) ?? this.session.openCached(this.resolved, number, { indexTrust });
      cached.set(number, loading);
      const forget = () => cached.get(number) === loading && cached.delete(number);
      loading.then((found) => found ?? forget(), forget);
      layer = await loading;
    }
    return layer && opened(number, layer);
  }

  async scanLayer(number: number, observer: LayerObserver, options?: ScanOptions): Promise<LayerScanEnd> {
    this.#checkOpen();
    return this.session.scanLayer(this.resolved, number, observer, {
      indexTrust: this.options.indexTrust,
      ...options,
    });
  }

  async layers({ only, ...operation }: LayersOptions = {}): Promise<readonly OpenedLayer[]> {
    this.#checkOpen();
    const { layers } = this.shared;
    const numbers = only ?? this.resolved.manifest.layers.map((_, i) => i + 1);
    // Two callers at the same time both open a layer: each keeps its own signal and progress.
    const missing = numbers.filter((number) => !layers.has(number));
    if (missing.length > 0) {
      const { indexTrust } = this.options;
      const found = await this.session.openLayers(this.resolved, { only: missing, indexTrust, ...operation });
      for (const [i, layer] of found.entries()) layers.set(missing[i]!, layer);
      for (const number of missing) this.shared.cached.delete(number);
    }
    operation.signal?.throwIfAborted();
    return numbers.map((number) => opened(number, layers.get(number)!));
  }

  async view({ log = SILENT_LOG, ...options }: ViewOptions = {}): Promise<ImageView> {
    const layers = await this.layers(options);
    const { views } = this.shared;
    const key = layers.map(({ number }) => number).join();
    const known = views.get(key);
    if (known) return known;
    const { trees: maker } = this.options;
    const tree = await openTree(layers, { cache: this.session.trees, log, maker, signal: options.signal });
    const byNumber = new Map(layers.map(({ number, layer }) => [number, layer]));
    const { steps } = this;
    const view: ImageView = {
      layers,
      byNumber,
      tree,
      async files() {
        const { TreeFiles } = await import('./tree-files.js'); // a mount does without
        return new TreeFiles(view, steps);
      },
    };
    views.set(key, view);
    return view;
  }

  /** @throws LayerslayerError INVALID_ARGUMENT after `close` */
  #checkOpen(): void {
    if (!this.#isClosed) return;
    throw new LayerslayerError('INVALID_ARGUMENT', `${this.resolved.reference} was closed`);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.options.onClose();
  }
}

/** Returns the repository of an image, or its reference on this machine. */
function placeOf({ reference }: ResolvedImage): string {
  const inRegistry = registryReference(reference);
  return inRegistry ? formatRepository(inRegistry) : reference;
}

function opened(number: number, layer: Layer): OpenedLayer {
  const { entries, hidesTableMarkers } = layer;
  return { number, layer, entries, hidesTableMarkers };
}
